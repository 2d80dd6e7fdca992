"""What the driver of Open vSwitch does beyond the contract: TLS, bonds, an operator who changes the same port."""
import time

import pytest

from config_module import HAND, Child, Config
from vsnlab import BUILD, OvsPlane

ADDRESS = "127.0.0.1:6640"
# A certificate authority, a stranger's, and what they sign: NAME.pem and NAME.key.
CERTIFICATES = """cd {folder}
for ca in ca stranger; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$ca -keyout $ca.key -out $ca.pem
done
sign() {{
    openssl req -newkey rsa:2048 -nodes -subj /CN=$2 -keyout $2.key -out $2.csr
    openssl x509 -req -days 2 -in $2.csr -CA $1.pem -CAkey $1.key -CAcreateserial -out $2.pem
}}
sign ca server; sign ca client; sign stranger intruder
"""


@pytest.fixture(scope="module")
def plane():
    with OvsPlane() as world:
        world.create_switch(4, lldp=None)
        yield world


@pytest.fixture
def folder(plane):
    path = f"{plane.dir}/{plane.next_number()}"
    plane.run(["mkdir", "-p", path], check=True)
    return path


@pytest.fixture(scope="module")
def keys(plane):
    """The folder of the certificates of a database that listens for TLS as well."""
    folder = f"{plane.dir}/keys"
    plane.run(["mkdir", "-p", folder], check=True)
    plane.sh(f"exec >/dev/null 2>&1\n{CERTIFICATES.format(folder=folder)}")
    plane.vsctl("set-ssl", f"{folder}/server.key", f"{folder}/server.pem", f"{folder}/ca.pem", "--", "set-manager",
                f"pssl:{ADDRESS.split(':')[1]}:{ADDRESS.split(':')[0]}")
    return folder


def line(plane, keys, authority="ca", own="client"):
    return (f"bridge {plane.bridge} db ssl:{ADDRESS} ca {keys}/{authority}.pem cert {keys}/{own}.pem key {keys}/{own}.key "
            f"ctl {plane.switch_dir}/ovs-vswitchd.ctl")


def test_the_contract_over_tls(plane, keys):
    done = plane.run([f"{BUILD}/tests/contract/contract", "open-vswitch", line(plane, keys), "swp1", "swp2",
                      f"{HAND} open-vswitch {plane.database}"], netns=plane.switch_netns, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_whole_process_over_tls(plane, keys, folder):
    """It may use the network then, and has no capability at all."""
    config = Config(plane, folder, arguments=line(plane, keys), netns=plane.switch_netns)
    status = dict(row.split(":\t") for row in plane.read(f"/proc/{config.pid}/status").decode().splitlines() if ":\t" in row)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert "added=100-101" in config.change("swp1", add="100-101")
    plane.stop_switch("ovsdb-server")
    config.wait("state=unreachable")
    plane.start_switch("ovsdb-server")
    config.wait("state=ready")
    assert "removed=100-101" in config.change("swp1", remove="100-101")
    assert config.close() == 0


@pytest.mark.parametrize("authority, own, reason", [
    ("stranger", "client", "certificate"), ("ca", "intruder", ""), ("ca", "missing", "missing.pem")])
def test_who_cannot_prove_itself_gets_nowhere(plane, keys, folder, authority, own, reason):
    config = Child(plane, "vsn-config", "--driver", "open-vswitch", "--arguments", line(plane, keys, authority, own),
                   "--ledger", f"{folder}/ledger", netns=plane.switch_netns)
    told = config.wait("state=unreachable")
    assert ADDRESS in told and reason in told
    assert config.close() == 0


@pytest.mark.parametrize("words", [
    "bridge tor1 db ssl:127.0.0.1:6640", "bridge tor1 db ssl:localhost:6640 ca a cert b key c", "bridge tor1 db tcp:127.0.0.1:6640",
    "bridge tor1 db ssl:127.0.0.1:99999 ca a cert b key c", "bridge tor1 db unix:", "db unix:/run/x", "bridge tor1 db"])
def test_a_line_that_says_no_place_is_refused(plane, folder, words):
    config = Child(plane, "vsn-config", "--driver", "open-vswitch", "--arguments", words, "--ledger", f"{folder}/ledger")
    assert "expected 'bridge NAME db unix:PATH" in config.wait("state=unreachable")
    assert config.close() == 0


def test_a_bond_is_one_port(plane, folder):
    plane.sh("".join(f"ip -n switch link add b{i} type veth peer name b{i}.out\nip -n switch link set b{i} up\n"
                     f"ip -n switch link set b{i}.out up\n" for i in (1, 2)))
    plane.vsctl("add-bond", plane.bridge, "lag1", "b1", "b2", "--", "set", "port", "lag1", "vlan_mode=native-untagged",
                "tag=1", "trunks=4095")
    config = Config(plane, folder, more=["lag1"])
    assert "lag1" in config.ports and "b1" not in config.ports
    assert "added=100-101" in config.change("lag1", add="100-101")
    assert plane.vsctl("get", "port", "lag1", "trunks").strip() == "[100, 101, 4095]"
    assert "removed=100-101" in config.change("lag1", remove="100-101")
    assert plane.vsctl("get", "port", "lag1", "trunks").strip() in ("4095", "[4095]")
    plane.vsctl("del-port", plane.bridge, "lag1")
    config.wait("gone port id=lag1")
    assert config.close() == 0


def test_an_operator_on_the_same_port_loses_nothing(plane, folder):
    """Both write the same column as fast as they can. None of the operator's VLANs is lost, or becomes vsn's."""
    config = Config(plane, folder)
    plane.write(f"{folder}/operator", "".join(
        f"ovs-vsctl --db={plane.database} add port swp1 trunks {vlan}\n" for vlan in range(150, 170)).encode())
    operator = plane.spawn(["sh", "-e", f"{folder}/operator"])
    for vlan in range(100, 140):
        assert "problem=" not in config.change("swp1", add=str(vlan))
    assert operator.wait() == 0
    assert plane.vlans("swp1") == {*range(100, 140), *range(150, 170)}
    assert "VLAN 150-169 was not added by vsn" in config.change("swp1", remove="100-139,150-169")
    assert plane.vlans("swp1") == {*range(150, 170)}
    plane.remove_vlans("swp1", "150-169")
    assert config.close() == 0


def test_the_mac_table_is_known_again_soon_after_a_restart(plane, folder):
    """Until it is, nothing is removed by the guarded way."""
    config = Config(plane, folder)
    plane.stop_switch("ovs-vswitchd")
    config.wait("unknown station owner=swp1")
    plane.start_switch("ovs-vswitchd")
    started = time.monotonic()
    config.wait("end station owner=swp1")
    assert time.monotonic() - started < 10    # it is read again every 5 s
    assert config.close() == 0


BOND = ("lacp=active", "bond_mode=balance-tcp", "other_config:lacp-time=fast")


def test_a_bond_has_members_and_a_partner(tmp_path):
    with OvsPlane() as plane:
        plane.create_switch(4)
        plane.create_host("esx1", {"vmnic0": "swp3", "vmnic1": "swp4"}, {"vs0": ["vmnic0", "vmnic1"]})
        host = f"{plane.dir}/host-esx1"
        config = Config(plane, plane.dir, more=["lag1"])
        plane.vsctl("del-port", "swp3", "--", "del-port", "swp4", "--", "add-bond", plane.bridge, "lag1", "swp3", "swp4", *BOND,
                    "vlan_mode=native-untagged", "tag=1", "trunks=4095")
        while "members=swp3,swp4" not in (line := config.wait("new port id=lag1")).replace("swp4,swp3", "swp3,swp4"):
            pass
        assert "partner=" not in line
        assert "added=100-101" in config.change("lag1", add="100-101")
        system = plane.vsctl("get", "interface", "vs0", "mac_in_use", folder=host).strip().strip('"')
        plane.vsctl("set", "port", "vs0-uplinks", *BOND, folder=host)
        config.wait(f"partner={system}")
        plane.vsctl("del-port", "vs0-uplinks", folder=host)    # nobody is heard any more
        while "partner=" in (line := config.wait("new port id=lag1")):
            pass
        assert "tagged=100-101" in line and "members=" in line
        assert "removed=100-101" in config.change("lag1", remove="100-101")
        assert config.close() == 0
