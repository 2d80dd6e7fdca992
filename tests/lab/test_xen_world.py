"""XenServer hosts beside a world: what the switch learns of them, and their pool as the world's processes reach it."""
import pytest

from vsnlab import OvsPlane, UmlPlane, XenPool, probe, until, xen_host_of


@pytest.fixture(scope="module", params=[OvsPlane, UmlPlane], ids=["ovs", "uml"])
def plane(request):
    with request.param() as plane:
        plane.create_switch(4)
        for name, ports in (("xs1", ("swp1", "swp2")), ("xs2", ("swp3", "swp4"))):
            plane.create_host(name, dict(zip(("eth0", "eth1"), ports)), {"bond0": ["eth0", "eth1"]}, discovery="dom0")
        yield plane


def seen(plane):
    """{port: MAC addresses}, untagged ones."""
    found = {}
    for port, vlan, mac in plane.fdb():
        assert vlan == 1
        found.setdefault(port, set()).add(mac)
    return found


def test_the_switch_learns_the_management_address_of_an_idle_host(plane):
    xs1, xs2 = plane.hosts["xs1"], plane.hosts["xs2"]
    assert seen(plane) == {"swp1": {xs1.nics["eth0"].mac}, "swp3": {xs2.nics["eth0"].mac}}
    assert not xs1.lldpds
    xs1.use_uplink("bond0", "eth1")
    assert seen(plane)["swp2"] == {xs1.nics["eth0"].mac}, "a bond has one address, whatever card it goes over"
    xs1.use_uplink("bond0", "eth0")
    assert seen(plane)["swp1"] == {xs1.nics["eth0"].mac}


def inventory(plane, **more):
    bond = {"bonds": [{"device": "bond0", "members": ["eth0", "eth1"]}], "management": "bond0"}
    return {"hosts": [xen_host_of(host, **bond) for host in plane.hosts.values()], **more}


def test_the_world_reaches_every_host_of_the_pool(plane):
    call = ("<methodCall><methodName>session.login_with_password</methodName><params><param><value>root</value></param>"
            "<param><value>secret</value></param><param><value>1.0</value></param></params></methodCall>")
    with XenPool(plane.host_dir, inventory(plane), plane=plane) as pool:
        def login(host):
            return plane.run(["curl", "-sS", "--cacert", pool.certificate, "-d", call, pool.url_of(host)], check=True).stdout
        assert "<value>Success</value>" in login("xs1")
        master = pool.state()["members"][0]["address"]
        assert f"<value>HOST_IS_SLAVE</value><value>{master}</value>" in login("xs2")


def test_a_machine_goes_where_the_pool_says(plane):
    """By frames, through the switch: its VLAN is opened by hand here, on all ports."""
    web = plane.create_machine("web-1", plane.hosts["xs1"], 100)
    other = plane.create_machine("web-2", plane.hosts["xs1"], 100)
    for port in plane.ports:
        plane.add_vlans(port, "100")
    pool = inventory(plane, networks=[{"name": "blue", "vlan": 100, "device": "bond0"}],
                     machines=[{"name": "web-1", "host": "xs1", "networks": ["blue"], "macs": [web.mac], "power": "on"}])
    with XenPool(plane.host_dir, pool, ["-t-copy", "100ms"], plane=plane) as pool:
        end = pool.follow(plane)
        pool.migrate("web-1", "xs2")
        until("it runs on the other host", lambda: web.host.name == "xs2")
        end()
    assert probe(web, other, None).frames == {None: 3}
