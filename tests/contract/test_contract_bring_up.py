"""Ports that vsn-config brings up: once, after their VLANs are there, and noted before."""
from config_module import Config

PORT = "swp2"


def is_up(plane):
    flags = plane.run(["ip", "link", "show", "dev", PORT], netns=plane.switch_netns, check=True).stdout
    return "UP" in flags.partition("<")[2].partition(">")[0].split(",")


def start(plane, folder):
    return Config(plane, folder, netns=plane.switch_netns, words=" may_enable=yes")


def ask(config, number, add=""):
    config.say(f"new change id={number} port={PORT} add={add} enable=yes")
    return config.wait(f"new outcome id={number} port={PORT}")


def test_a_port_is_brought_up_once(plane, folder):
    config = start(plane, folder)
    try:
        plane.set_port(PORT, False)
        while " enabled=yes" in config.wait(f"new port id={PORT}"):
            pass
        assert "added=100 enabled=yes" in ask(config, 1, "100")
        assert is_up(plane) and plane.vlans(PORT) == {100}
        plane.set_port(PORT, False)
        while " enabled=yes" in (line := config.wait(f"new port id={PORT}")):
            pass
        assert "brought_up=yes" in line
        assert "shut again: it stays down" in ask(config, 2) and not is_up(plane)

        config.kill()
        config = start(plane, folder)
        assert "brought_up=yes" in config.ports[PORT]
        assert "shut again: it stays down" in ask(config, 3, "101")
        assert plane.vlans(PORT) == {100, 101} and not is_up(plane)

        config.say("begin policy", f"new policy id={PORT} allowed=100-199", "end policy")   # 'no port auto-enable'
        assert "brought_up" not in config.wait(f"new port id={PORT}")
        assert "may not be brought up" in ask(config, 4) and not is_up(plane)
        config.say("begin policy", f"new policy id={PORT} allowed=100-199 may_enable=yes", "end policy")
        assert "enabled=yes" in ask(config, 5) and is_up(plane)
        config.change(PORT, remove="100-101")
        assert config.close() == 0
    finally:
        plane.set_port(PORT, True)


def test_a_port_that_cannot_be_brought_up_says_so_and_may_be_later(plane, folder):
    """Nothing counts as brought up that was not."""
    config = start(plane, folder)
    try:
        plane.set_port(PORT, False)
        while " enabled=yes" in config.wait(f"new port id={PORT}"):
            pass
        plane.run(["touch", f"{folder}/freeze"], check=True)
        assert "frozen" in ask(config, 1, "100") and not is_up(plane)
        plane.run(["rm", f"{folder}/freeze"], check=True)
        plane.run(["mkdir", f"{folder}/ledger.brought-up.new"], check=True)
        line = ask(config, 2, "100")
        assert "added=100" in line and "it stays down" in line and not is_up(plane)
        plane.run(["rmdir", f"{folder}/ledger.brought-up.new"], check=True)
        assert "enabled=yes" in ask(config, 3) and is_up(plane)
        config.change(PORT, remove="100")
        assert config.close() == 0
    finally:
        plane.set_port(PORT, True)
