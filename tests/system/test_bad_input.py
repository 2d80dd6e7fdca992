"""Servers that are not what they should be, and answers that nobody should give: one clear line each, no crash, bounded
memory, and nothing is taken away."""
import hashlib
import ssl

import pytest

import strangers
from place import OVS_ONLY, Scene
from strangers import Stranger
from vsnlab import make_certificate

pytestmark = OVS_ONLY
MEMORY_KB = 64 * 1024


@pytest.fixture(scope="module")
def scene(place):
    with Scene(place) as scene:
        scene.wait_carried()
        yield scene
        assert scene.proves()


@pytest.fixture(autouse=True)
def nothing_is_removed_and_nobody_dies(scene):
    died = deaths(scene.agent)
    yield
    assert not [row for row in scene.agent.show("audit") if row["removed"]]
    assert deaths(scene.agent) == died
    assert scene.kept()


def deaths(agent):
    """Every process that ended by itself is told in the log."""
    return [line for line in agent.log().splitlines() if "it is started again" in line]


def fingerprint(path):
    with open(path) as file:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


def lines_about(agent, name):
    """What the log says of a hypervisor at the level of a warning."""
    return [line for line in agent.log().splitlines() if f"warning: hypervisor {name}: " in line]


def test_servers_that_are_something_else(scene, tmp_path):
    """All at once beside a vCenter that works: each is told by its name and reason."""
    certificate, key = make_certificate(str(tmp_path))
    behaviours = {"garbage": strangers.says_garbage, "ssh": strangers.says_ssh, "web": strangers.web_server}
    servers = {name: Stranger(behave, *((certificate, key) if name == "web" else ()))
               for name, behave in behaviours.items()}
    try:
        for name, server in servers.items():
            scene.add_block(name, f"https://127.0.0.1:{server.port}/sdk", certificate)
        scene.add_block("nobody", f"https://127.0.0.1:{strangers.closed_port()}/sdk", certificate)
        scene.add_block("elsewhere", "https://[::1]:1/sdk", certificate)
        scene.reconfigure()
        expected = {"garbage": "TLS", "ssh": "TLS", "web": "404", "nobody": "connect", "elsewhere": "connect"}
        rows = {}
        def all_told():
            rows.update({row["name"]: row for row in scene.agent.show("hypervisor")})
            return all(rows[name]["reason"] and "starting" not in rows[name]["reason"] for name in expected)
        scene.agent.wait("each has a reason", all_told)
        assert rows["vc1"]["state"] == "connected"
        for name, word in expected.items():
            assert rows[name]["state"] in ("connecting", "held"), rows[name]
            assert word.lower() in rows[name]["reason"].lower(), rows[name]
            assert lines_about(scene.agent, name), name
            assert "\n" not in rows[name]["reason"]
    finally:
        for name in (*servers, "nobody", "elsewhere"):
            scene.blocks.pop(name, None)
        scene.reconfigure()
        for server in servers.values():
            server.close()


@pytest.fixture
def second(scene):
    """One more vCenter, which knows nothing that matters here; its block is added by the test."""
    world = {"hosts": [{"name": "other", "pnics": [{"device": "vmnic0"}]}]}
    vcenter = scene.add_vcenter("vc2", world)
    yield vcenter
    scene.blocks.pop("vc2")
    scene.reconfigure()
    scene.agent.wait("vc2 is gone", lambda: len(scene.agent.show("hypervisor")) == 1)


def vc2(scene, vcenter, ca_file=None, **options):
    scene.add_block("vc2", f"https://127.0.0.1:{vcenter.port}/sdk", ca_file, **options)
    scene.reconfigure()


def test_wrong_password_is_tried_once(scene, second):
    """Accounts lock. When the file has the right one, 'vsn reload' tries again."""
    password = f"{scene.agent.dir}/vc2-password"
    scene.plane.write(password, "pa55-of-nobody\n", 0o600)
    vc2(scene, second, second.certificate, password=password)
    row = scene.agent.wait_state("held", "vc2")
    assert "password" in row["reason"]
    scene.agent.wait("time for another try", lambda: scene.agent.hypervisor("vc2")["age_s"] >= 3)
    assert second.state()["calls"]["Login"] == 1
    assert len(lines_about(scene.agent, "vc2")) == 1
    assert "pa55" not in scene.agent.log()
    scene.plane.write(password, "secret\n", 0o600)
    assert scene.agent.reload()[0] == 0
    scene.agent.wait_state("connected", "vc2")


def test_certificates(scene, second, tmp_path):
    """Of nobody we know, the right one by its fingerprint, another one by its fingerprint, and one that changes."""
    right = fingerprint(second.certificate)
    vc2(scene, second)
    row = scene.agent.wait_state("held", "vc2")
    assert "certificate" in row["reason"] and right in row["reason"].replace(":", "").lower()
    vc2(scene, second, tls_fingerprint="sha256 " + "ab" * 32)
    scene.agent.wait("another reason", lambda: "ab" * 32 in scene.agent.hypervisor("vc2")["reason"])
    assert scene.agent.state("vc2") == "held"
    assert "Login" not in second.state()["calls"]
    vc2(scene, second, tls_fingerprint=f"sha256 {right}")
    scene.agent.wait_state("connected", "vc2")
    port = second.port
    second.kill()
    second.certificate, second._key = make_certificate(str(tmp_path))
    second.start(port)
    row = scene.agent.wait_state("held", "vc2", timeout=40)
    assert right in row["reason"] and fingerprint(second.certificate) in row["reason"]
    assert row["hosts"] == 1, "what was learnt is kept"
    assert "Login" not in second.state()["calls"]


FAULTS = [{"kind": "truncate", "bytes": 700}, {"kind": "truncate", "bytes": 700, "form": "clean"},
          {"kind": "garbage", "bytes": 50000}, {"kind": "garbage", "form": "html"}, {"kind": "status", "status": 503},
          {"kind": "endless"}, {"kind": "huge", "mb": 100}, {"kind": "huge", "mb": 20, "form": "objects"}]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values())))
def test_bad_replies(scene, fault):
    """The vCenter that the switch lives by ends the session and answers the next one so; then it is well again."""
    agent, vcenter = scene.agent, scene.vcenter
    agent.restart()
    agent.wait_state("connected")
    told = len(lines_about(agent, "vc1"))
    vcenter.fault(call="WaitForUpdatesEx", **fault)
    vcenter.control("host", method="POST", host="esx3", state="notResponding")      # ends the wait under way
    vcenter.control("host", method="POST", host="esx3", state="connected")
    vcenter.control("drop", method="POST")
    try:
        row = agent.wait_state("stale", timeout=30)
        agent.wait("a second line tells why", lambda: len(lines_about(agent, "vc1")) >= told + 2, timeout=40)
        assert agent.hypervisor()["hosts"] == 3 and "\n" not in row["reason"]
        assert max(agent.peak_kb("vsn-session")) < MEMORY_KB and max(agent.peak_kb("vsnd")) < MEMORY_KB
    finally:
        vcenter.clear_faults()
    agent.wait_state("connected", timeout=40)


def acted_upon(text):
    """The characters of a text that a terminal would act upon."""
    return [c for c in text if ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160 or c in "\u202a\u202b\u202d\u202e\u2028"]


def test_names_with_any_bytes(scene):
    """Names come from tenants. They are shown with everything escaped that a terminal would act upon, and JSON has them
    as they are."""
    names = ["\x1b[31mred\x1b[0m\x07", "two\nlines\r\tand a tab", "\u202eevil", '"quoted" \\ \'too\' <&>', "caf\u00e9 \u2603 \U0001f600",
             "\x7f\u0085\u009b31m", "%s%n ; rm -rf $(HOME) `id`", "x" * 80]
    world = {"hosts": [{"name": "other", "pnics": [{"device": "vmnic0"}],
                        "vswitches": [{"name": "vSwitch0", "uplinks": ["vmnic0"], "portgroups": [
                            {"name": name, "vlan": 600 + i} for i, name in enumerate(names)]}]}],
             "machines": [{"name": name, "host": "other", "networks": [names[0]]} for name in names]}
    scene.add_vcenter("odd", world)
    scene.reconfigure()
    scene.agent.wait_state("connected", "odd")
    def shown(what):
        return {row["name"] for row in scene.agent.show(what) if row["hypervisor"] == "odd"}
    # XML cannot carry ESC and BEL: such a server can only send something in their place.
    expected = {name.replace("\x1b", "\ufffd").replace("\x07", "\ufffd") for name in names}
    assert shown("network") == expected and shown("machine") == expected
    for words in (["show", "network"], ["show", "machine"], ["show", "running-config"]):
        text = scene.agent.cli(*words).stdout
        assert not acted_upon(text), words
    lines = [line for line in scene.agent.cli("show", "machine").stdout.split("\n") if "two" in line and "interface" not in line]
    assert len(lines) == 1 and "tab" in lines[0], "a name stays in its line"
    assert not acted_upon(scene.agent.log())
    scene.blocks.pop("odd")
    scene.reconfigure()


def test_same_mac_twice_binds_nobody(scene):
    """Two NICs claim the address that is heard on swp3: a contradiction is shown, and what is there stays."""
    mac = scene.place.hosts["esx2"].nics["vmnic0"].mac
    scene.vcenter.control("pnic", {"host": "esx3", "device": "vmnic1", "mac": mac})
    try:
        scene.agent.wait("the second one is seen", lambda: mac in {
            nic["mac"] for host in scene.agent.show("host") if host["name"] == "esx3" for nic in host["nics"]})
        assert scene.kept()
    finally:
        scene.vcenter.control("pnic", {"host": "esx3", "device": "vmnic1", "mac": scene.place.hosts["esx3"].nics["vmnic1"].mac})
