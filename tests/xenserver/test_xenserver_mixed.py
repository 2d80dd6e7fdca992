"""A vCenter and a XenServer pool at once, their hosts on neighbouring ports of one switch; and servers beside them that are
neither, or answer what nobody should."""
import pytest

import strangers
from administrator import Admin
from strangers import Stranger
from vsnlab import make_certificate
from xen_place import XenScene

MEMORY_KB = 64 * 1024


@pytest.fixture(scope="module")
def scene(xen_place):
    with XenScene(xen_place, vcenter=True) as scene:
        scene.wait_carried()
        yield scene


def test_each_port_has_what_its_own_host_needs(scene):
    assert scene.place.carries(scene.wanted)
    rows = {row["name"]: (row["type"], row["state"], row["hosts"]) for row in scene.agent.show("hypervisor")}
    assert rows == {"vc1": ("vmware", "connected", 1), "pool1": ("xen-citrix", "connected", 2)}
    assert scene.wires()["swp7"] == [("esx1", "vmnic0", "confirmed", "hint")]
    machines = {row["name"]: (row["hypervisor"], row["host"]) for row in scene.agent.show("machine")}
    assert (machines["shop-1"], machines["web-1"]) == (("vc1", "esx1"), ("pool1", "xs1"))


def test_a_change_of_one_leaves_the_other_alone(scene):
    bond = ("swp1", "swp2", "swp4", "swp5")
    with Admin(scene.vcenter) as admin:
        scene.pool.control("network", {"name": "both", "vlan": 301, "device": "bond0"})
        admin.add_group("esx1", "both", 301)
        assert scene.proves(**dict.fromkeys(bond, "100-101,301"), swp7="300-301")
        scene.pool.control("vlan", network="both")
        assert scene.proves(swp7="300-301")
        admin.remove_group("esx1", "both")
        assert scene.proves()


def test_one_that_is_away_leaves_the_other_alone(scene):
    """The pool loses power: its ports keep what they have, and the vCenter's go on following."""
    scene.pool.kill()
    try:
        scene.agent.wait_state("stale", "pool1", timeout=40)
        with Admin(scene.vcenter) as admin:
            admin.add_group("esx1", "meanwhile", 302)
            assert scene.proves(swp7="300,302")
            admin.remove_group("esx1", "meanwhile")
            assert scene.proves()
    finally:
        scene.pool.start(scene.pool.port)
    is_well(scene)
    assert scene.proves()


def tried(scene, what, predicate):
    """Waits; 'vsn reload' meanwhile tries at once, whatever pause had been reached."""
    def holds():
        scene.agent.reload()
        return predicate()
    scene.agent.wait(what, holds, timeout=12, every=0.3)


def is_well(scene):
    tried(scene, "pool1 is connected", lambda: scene.hypervisor()["state"] == "connected")


def test_servers_that_are_something_else(scene, tmp_path):
    """All at once beside those that work: each is told by its name, its state and its reason, in one line of the log, and
    nothing changes on any port."""
    certificate, key = make_certificate(str(tmp_path))
    before, password = scene.agent.show("audit"), f"{scene.agent.dir}/wrong"
    scene.plane.write(password, "pa55-of-nobody\n", 0o600)
    garbage, web = Stranger(strangers.says_garbage), Stranger(strangers.web_server, certificate, key)
    pool, vcenter = scene.pool.url_of("xs1"), f"https://127.0.0.1:{scene.vcenter.port}"
    logins = scene.pool.state(brief=True)["logins"]
    expected = {"password": ("held", "password"), "trust": ("held", "certificate"), "garbage": ("connecting", "TLS"),
                "web": ("connecting", "404"), "other": (None, ""), "reverse": (None, "")}
    scene.add_pool_block("password", pool, scene.pool.certificate, password=password)
    scene.add_pool_block("trust", pool, certificate)
    scene.add_pool_block("garbage", f"https://127.0.0.1:{garbage.port}", certificate)
    scene.add_pool_block("web", f"https://127.0.0.1:{web.port}", certificate)
    scene.add_pool_block("other", vcenter, scene.vcenter.certificate)
    scene.add_block("reverse", f"{pool}sdk", scene.pool.certificate)
    try:
        scene.reconfigure()
        rows = {}
        def all_told():
            rows.update({row["name"]: row for row in scene.agent.show("hypervisor")})
            return all(warnings(scene, name) for name in expected)
        scene.agent.wait("each has a line", all_told)
        for name, (state, word) in expected.items():
            row = scene.agent.hypervisor(name)
            assert row["state"] == state if state else row["state"] in ("connecting", "held"), row
            assert word.lower() in row["reason"].lower() and row["reason"] and "\n" not in row["reason"], row
            assert row["hosts"] == 0
        assert len(warnings(scene, "password")) == 1 and len(warnings(scene, "trust")) == 1
        pool_state = scene.pool.state(brief=True)
        assert (pool_state["refused_logins"], pool_state["logins"]) == (1, logins), "one try"
        assert "pa55" not in scene.agent.log()
        assert {scene.agent.state("pool1"), scene.agent.state("vc1")} == {"connected"}
    finally:
        for name in expected:
            scene.blocks.pop(name, None)
        scene.reconfigure()
        garbage.close()
        web.close()
    assert scene.agent.show("audit") == before
    assert scene.proves()


def warnings(scene, name):
    return [line for line in scene.agent.log().splitlines() if f"warning: hypervisor {name}: " in line]


@pytest.mark.parametrize("fault", [{"kind": "garbage"}, {"kind": "truncate", "form": "clean"}, {"kind": "huge", "mb": 200}],
                         ids=lambda fault: fault["kind"])
def test_answers_that_nobody_should_give(scene, fault):
    """The pool that the switch lives by ends the session and answers the next full read so; then it is well again."""
    before, told = scene.agent.show("audit"), len(warnings(scene, "pool1"))
    scene.pool.fault(call="VM.get_all_records", **fault)
    try:
        scene.pool.control("drop")
        scene.agent.wait_state("stale", "pool1")
        tried(scene, "a second line tells why", lambda: len(warnings(scene, "pool1")) >= told + 2)
        assert scene.hypervisor()["hosts"] == 2, "what was learnt is kept"
        assert max(scene.agent.peak_kb("vsn-session")) < MEMORY_KB and max(scene.agent.peak_kb("vsnd")) < MEMORY_KB
    finally:
        scene.pool.clear_faults()
    is_well(scene)
    assert scene.agent.show("audit") == before
    assert scene.proves()
