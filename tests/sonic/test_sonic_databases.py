"""The driver against Redis itself: what it writes, what it waits for, and what it makes of trouble."""
import os
import re
import socket
import subprocess
import threading

import pytest

from databases import BUILD, PATIENCE, PROJECT, Child, Databases, until

HAND = f"{PROJECT}/tests/contract/hand"


def ready(child):
    assert "state=ready" in child.wait("new switch")
    return child


@pytest.fixture
def module(databases):
    return ready(databases.start_vlanmgrd().config_module())


@pytest.mark.parametrize("told", [True, False], ids=["told", "not-told"])
def test_the_contract_holds(tmp_path, told):
    """Also where Redis does not say whether it tells of keys, and everything is read each time."""
    with Databases(str(tmp_path), vlans="2-1600") as databases:
        if not told:
            databases.config.execute_command("ACL", "SETUSER", "default", "-config")
        databases.start_vlanmgrd()
        done = subprocess.run([f"{BUILD}/tests/contract/contract", "sonic", f"redis unix:{databases.socket}", "Ethernet0",
                               "Ethernet4", f"{HAND} sonic {databases.socket}"], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


# What is written

def dump(database):
    return {key: database.hgetall(key) if database.type(key) == "hash" else database.get(key) for key in database.keys("*")}


def test_rows_of_members_are_written_and_nothing_else(databases, module):
    before = dump(databases.config)
    module.change(add="100-101")
    assert "added=100-101" in module.outcome()
    after = dump(databases.config)
    assert {key: row for key, row in after.items() if before.get(key) != row} == {
        f"VLAN_MEMBER|Vlan{vlan}|Ethernet0": {"tagging_mode": "tagged"} for vlan in (100, 101)}
    module.change(remove="100-101")
    assert "removed=100-101" in module.outcome()
    assert dump(databases.config) == before
    calls = databases.config.info("commandstats")
    assert not {"cmdstat_save", "cmdstat_bgsave", "cmdstat_bgrewriteaof"} & set(calls)


def test_a_batch_of_additions_is_one_transaction(databases, module):
    def transactions():
        return databases.config.info("commandstats").get("cmdstat_exec", {"calls": 0})["calls"]
    before = transactions()
    module.say(*(f"new change id={port} port={port} add=100-199 remove=" for port in databases.ports))
    for port in databases.ports:
        assert "added=100-199" in module.wait(f"new outcome id={port} ")
    assert transactions() == before + 1
    assert all(databases.members(port) == set(range(100, 200)) for port in databases.ports)


def test_aliases_are_names(databases):
    module = ready(databases.start_vlanmgrd().config_module(" naming alias"))
    assert any("id=etp1 " in line for line in module.lines)
    module.change(port="etp2", add="100")
    assert "added=100" in module.outcome()
    assert databases.members("Ethernet4") == {100}
    module.change(port="Ethernet4", add="101")
    assert "problem=" in module.outcome()


def test_a_port_channel_has_members(databases):
    channel = "PORTCHANNEL|PortChannel001"
    databases.config.hset(channel, mapping={"admin_status": "up"})
    databases.config.hset("PORTCHANNEL_MEMBER|PortChannel001|Ethernet4", "NULL", "NULL")
    module = ready(databases.start_vlanmgrd().config_module())
    assert any("id=PortChannel001 " in line and "members=Ethernet4 " in f"{line} " for line in module.lines)
    databases.config.hset("PORTCHANNEL_MEMBER|PortChannel001|Ethernet8", "NULL", "NULL")
    module.wait("members=Ethernet4,Ethernet8")
    databases.config.delete("PORTCHANNEL_MEMBER|PortChannel001|Ethernet4")
    assert "id=PortChannel001 " in module.wait("members=Ethernet8")


def test_a_port_channel_has_a_partner(databases):
    """It is what those of its parts agree on that hear one."""
    def heard(port, partner, state="current"):
        databases.state.hset(f"LAG_MEMBER_TABLE|PortChannel001|{port}", mapping={
            "runner.partner_lacpdu_info.system": partner, "runner.state": state, "runner.selected": "true"})

    databases.config.hset("PORTCHANNEL|PortChannel001", mapping={"admin_status": "up"})
    for port in "Ethernet4", "Ethernet8":
        databases.config.hset(f"PORTCHANNEL_MEMBER|PortChannel001|{port}", "NULL", "NULL")
    heard("Ethernet4", "02:00:00:00:00:77")
    heard("Ethernet8", "02:00:00:00:00:78", "expired")
    module = ready(databases.start_vlanmgrd().config_module())
    assert "id=PortChannel001 " in next(line for line in module.lines if "partner=02:00:00:00:00:77" in line)
    heard("Ethernet8", "02:00:00:00:00:78")
    assert "partner=" not in module.wait("new port id=PortChannel001")
    heard("Ethernet4", "x" * 1000)
    assert "id=PortChannel001 " in module.wait("partner=02:00:00:00:00:78")


def test_a_port_is_brought_up_once(databases, module):
    row = "PORT|Ethernet0"
    module.say("begin policy", "new policy id=Ethernet0 allowed=100-199 may_enable=yes", "end policy")
    databases.config.hset(row, "admin_status", "down")
    while "enabled=yes" in module.wait("new port id=Ethernet0 "):
        pass
    before = databases.config.hgetall(row)
    module.say("new change id=1 port=Ethernet0 add=100 enable=yes")
    assert "added=100 enabled=yes" in module.wait("new outcome id=1 ")
    assert databases.config.hgetall(row) == {**before, "admin_status": "up"}
    databases.config.hset(row, "admin_status", "down")
    while " enabled=yes" in (line := module.wait("new port id=Ethernet0 ")):
        pass
    assert "brought_up=yes" in line
    module.say("new change id=2 port=Ethernet0 enable=yes")
    assert "shut again: it stays down" in module.wait("new outcome id=2 ")
    assert databases.config.hget(row, "admin_status") == "down"
    databases.config.delete(row)
    module.say("new change id=3 port=Ethernet0 enable=yes")
    assert "problem=" in module.wait("new outcome id=3 ")
    assert not databases.config.exists(row)


# What is refused

BARS = {
    "mode routed": (lambda config: config.hset("PORT|Ethernet0", "mode", "routed"), "config switchport mode trunk Ethernet0"),
    "mode access": (lambda config: config.hset("PORT|Ethernet0", "mode", "access"), "config switchport mode trunk Ethernet0"),
    "router interface": (lambda config: config.hset("INTERFACE|Ethernet0", "NULL", "NULL"), "is a router interface"),
    "its address": (lambda config: config.hset("INTERFACE|Ethernet0|192.0.2.1/31", "NULL", "NULL"), "is a router interface"),
    "part of a LAG": (lambda config: config.hset("PORTCHANNEL_MEMBER|PortChannel001|Ethernet0", "NULL", "NULL"),
                      "is part of PortChannel001"),
    "mirror": (lambda config: config.hset("MIRROR_SESSION|spy", mapping={"type": "SPAN", "dst_port": "Ethernet0"}),
               "the destination of mirror session spy"),
}


@pytest.mark.parametrize("bar", BARS)
def test_a_port_that_takes_no_vlans_says_why(databases, module, bar):
    module.change(add="100")
    assert "added=100" in module.outcome()
    act, words = BARS[bar]
    act(databases.config)
    assert words in module.wait("refusal=")
    module.change(add="101", remove="100")
    assert words in module.outcome()
    assert databases.members() == {100}


ROWS = {
    "1": ({}, "VLAN 1 is SONiC's default VLAN"),
    "700": ({}, "VLAN 700 does not exist on this switch; create it there: config vlan add"),
    "200": ({"tagging_mode": "untagged"}, "untagged there"),
    "201": ({"tagging_mode": "priority_tagged"}, "untagged there"),
    "202": ({"NULL": "NULL"}, "untagged there"),
    "203": ({"tagging_mode": "trunk"}, "a tagging_mode that SONiC does not know"),
}


@pytest.mark.parametrize("vlan", ROWS)
def test_a_vlan_that_cannot_be_there_is_refused_and_others_are_not(databases, module, vlan):
    row, words = ROWS[vlan]
    key = f"VLAN_MEMBER|Vlan{vlan}|Ethernet0"
    if row:
        databases.config.hset(key, mapping=row)
    module.say("begin policy", "new policy id=Ethernet0 allowed=1-4094", "end policy")
    module.change(add=f"100,{vlan}")
    line = module.outcome()
    assert words in line or "native VLAN" in line
    assert 100 in databases.members()
    assert databases.config.hgetall(key) == row


def test_a_row_of_another_mode_is_not_removed(databases, module):
    """What vsn added, and somebody made untagged, is somebody's."""
    module.change(add="100-101")
    module.outcome()
    databases.config.hset("VLAN_MEMBER|Vlan100|Ethernet0", "tagging_mode", "untagged")
    module.wait("tagged=101 ")
    module.change(remove="100-101")
    module.outcome()
    assert databases.members() == {100}


# What vlanmgrd confirms

def test_what_is_not_confirmed_is_pending_and_stays_ours(databases):
    module = ready(databases.config_module())
    module.change(add="100")
    row = module.wait("new port id=Ethernet0")
    assert " tagged=100 pending=100 owned=100 " in row
    assert "vlanmgrd has not confirmed it" in module.outcome()
    databases.start_vlanmgrd()
    assert "pending=" not in module.wait(" tagged=100 owned=100 ")
    module.change(remove="100")
    assert "removed=100" in module.outcome()


def test_nothing_is_removed_before_what_was_added_is_confirmed(databases, module):
    module.change(add="100")
    module.outcome()
    databases.stop_vlanmgrd()
    module.change(add="101", remove="100")
    assert "nothing was removed" in module.outcome()
    assert databases.members() == {100, 101}


def test_swss_starts_anew_and_what_is_ours_stays_ours(databases, module):
    """STATE_DB forgets, and is filled again: that is no other hand's work."""
    module.change(add="100-110")
    module.outcome()
    databases.stop_vlanmgrd()
    databases.state.delete(*databases.state.keys("VLAN_MEMBER_TABLE|*"))
    module.wait("tagged=100-110 pending=100-110 owned=100-110")
    databases.start_vlanmgrd()
    module.wait("tagged=100-110 owned=100-110")


def test_a_row_that_another_hand_took_is_added_again_when_it_is_gone(tmp_path):
    """vlanmgrd, slow as on a switch, has not come to the removal yet, and what it has confirmed is of before. What is told
    as added is there, by its own word."""
    with Databases(str(tmp_path)) as databases:
        module = ready(databases.start_vlanmgrd(pace=200).config_module())
        module.change(add="100")
        module.outcome()
        for _ in range(3):
            databases.config.delete("VLAN_MEMBER|Vlan100|Ethernet0")
            module.change(add="100")
            assert "problem=" not in module.outcome()
            gone = [line for line in module.lines if " pending=" in line]
            assert not gone and databases.members(table="VLAN_MEMBER_TABLE") == {100}
            assert databases.vlanmgrd_says() == "Ethernet0 lost 100"


def test_a_vlanmgrd_that_takes_its_time(tmp_path):
    """20 ms a member, as on a switch: what is late is told when it is there."""
    with Databases(str(tmp_path)) as databases:
        module = ready(databases.start_vlanmgrd(pace=20).config_module())
        module.change(add="100-500")
        assert "vlanmgrd has not confirmed it" in module.outcome()
        module.wait("tagged=100-500 owned=100-500", timeout=60)
        assert databases.members(table="VLAN_MEMBER_TABLE") == set(range(100, 501))


# Trouble

def test_redis_is_killed_while_a_change_is_under_way(databases):
    """CONFIG_DB is memory: what comes back has none of ours, and takes it again."""
    module = ready(databases.config_module())
    number = module.change(add="100")
    until("the row is written", lambda: databases.members() == {100})
    databases.stop_redis()
    assert "problem=" in module.outcome(number)
    module.wait("state=unreachable")
    databases.start_redis()
    databases.fill()
    databases.start_vlanmgrd()
    module.wait("state=ready")
    module.change(add="100")
    assert "added=100" in module.outcome()
    module.change(remove="100")
    assert "removed=100" in module.outcome()


def test_a_kill_of_the_module_leaves_what_is_ours_known(databases):
    databases.start_vlanmgrd()
    module = ready(databases.config_module())
    module.change(add="100")
    module.outcome()
    module.kill()
    again = ready(databases.config_module())
    assert any(" tagged=100 owned=100 " in line for line in again.lines)


def test_nothing_is_believed_while_a_configuration_is_loaded(databases, module):
    module.change(add="100")
    module.outcome()
    databases.config.flushdb()    # of which nobody is told
    module.change(add="101")
    assert "CONFIG_DB_INITIALIZED is not set" in module.wait("state=unreachable")
    databases.config.hset("PORT|Ethernet0", mapping={"alias": "etp1", "admin_status": "up"})
    assert not any(line.startswith("gone port") for line in module.lines)
    databases.fill()
    databases.stop_vlanmgrd()
    databases.start_vlanmgrd()
    row = module.wait("new port id=Ethernet0")
    assert "tagged=" not in row and "owned=100" in row


def test_a_key_that_is_no_hash_is_no_row(databases, module):
    databases.config.set("VLAN_MEMBER|Vlan100|Ethernet0", "x")
    databases.config.set("PORT|Ethernet99", "x")
    again = ready(databases.config_module(ledger="other"))
    assert not any("Ethernet99" in line or "tagged=" in line for line in again.lines)


class Server:
    """Something on a socket that is no Redis: 'act' is given each connection."""

    def __init__(self, folder, act):
        self.path = f"{folder}/fake.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self._serve, args=(act,), daemon=True).start()

    def _serve(self, act):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._talk, args=(act, connection), daemon=True).start()

    @staticmethod
    def _talk(act, connection):
        try:
            with connection:
                act(connection)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def say(data, times=1):
    def act(connection):
        connection.recv(65536)
        for _ in range(times):
            connection.sendall(data)
        connection.recv(65536)
    return act


def trickle(connection):
    connection.sendall(b"$100\r\n")
    gone = threading.Event()
    while not gone.wait(0.05):
        connection.sendall(b"x")


def endless_scan(connection):
    """A cursor that never comes back to 0."""
    while data := connection.recv(65536):
        for command in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)", data):
            connection.sendall({b"SCAN": b"*2\r\n$1\r\n7\r\n*0\r\n", b"GET": b"$1\r\n1\r\n",
                                b"CONFIG": b"*2\r\n$1\r\nx\r\n$3\r\nAKE\r\n", b"PING": b"*2\r\n$4\r\npong\r\n$0\r\n\r\n",
                                b"PSUBSCRIBE": b"*3\r\n$10\r\npsubscribe\r\n$1\r\nx\r\n:1\r\n"}.get(command, b"+OK\r\n"))


FAKES = {
    "says nothing": (lambda connection: connection.recv(65536) and connection.recv(65536), "does not answer in time"),
    "closes": (lambda connection: None, "closed the connection"),
    "garbage": (say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "cannot be read"),
    "a huge array": (say(b"*1000000000\r\n"), "more than can be held"),
    "arrays in arrays": (say(b"*2\r\n" * 100000), "more than can be held"),
    "many arrays": (say(b"*100000\r\n" + b"*100000\r\n" * 100000), "more than can be held"),
    "a huge text": (say(b"$900000000\r\n" + b"x" * 1000000, times=30), "more than can be held"),
    "a text of no size": (say(b"$-7\r\nx\r\n"), "cannot be read"),
    "a trickle": (trickle, "does not answer in time"),
    "loading": (say(b"-LOADING Redis is loading the dataset in memory\r\n"), "LOADING Redis is loading"),
    "an endless scan": (endless_scan, "more keys than can be read|does not answer in time"),
}


@pytest.mark.parametrize("fake", FAKES)
def test_what_is_no_redis_is_given_up_in_time_and_in_bounds(tmp_path, fake):
    act, words = FAKES[fake]
    with Server(str(tmp_path), act) as server:
        child = Child("vsn-config", "--driver", "sonic", "--arguments", f"redis unix:{server.path}", "--ledger",
                      f"{tmp_path}/ledger")
        try:
            assert re.search(words, child.wait("state=unreachable"))
            peak = int(re.search(r"VmHWM:\s*(\d+)", open(f"/proc/{child.pid}/status").read()).group(1))
            assert peak < 100 * 1024, f"{peak} kB"
        finally:
            child.kill()


# What the switch hears

def test_addresses_that_the_switch_learnt_are_told(databases):
    row = {"port": "Ethernet0", "type": "dynamic"}
    databases.state.hset("FDB_TABLE|Vlan100:52:54:00:aa:bb:cc", mapping=row)
    databases.state.hset("FDB_TABLE|Vlan101:52:54:00:aa:bb:cd", mapping={**row, "type": "static"})
    databases.state.hset("FDB_TABLE|Vlan9999:no-address", mapping=row)
    module = databases.config_module()
    assert "learnt=100 learnt_known=yes" in module.wait("new port id=Ethernet0")
    assert "mac=52:54:00:aa:bb:cc vlan=100" in module.wait("new station owner=Ethernet0")


ENTRY = {"lldp_rem_chassis_id_subtype": "4", "lldp_rem_chassis_id": "02:00:00:00:00:01", "lldp_rem_port_id_subtype": "3",
         "lldp_rem_port_id": "02:00:00:00:00:02", "lldp_rem_sys_name": "esx\u202e 1\n", "lldp_rem_port_desc": "vmnic0",
         "lldp_rem_time_mark": "7"}


def neighbours(child):
    """The next whole list."""
    child.wait("begin neighbor")
    rows = []
    while not (line := child.wait("neighbor")).startswith("end"):
        rows.append(line)
    return rows


def test_neighbours_come_from_appl_db(databases):
    databases.appl.hset("LLDP_LOC_CHASSIS", mapping={"lldp_loc_sys_name": "tor-1", "lldp_loc_chassis_id": "02:00:00:00:00:ff"})
    databases.config.hset("PORT|Ethernet4", "description", "to esx2")
    databases.appl.hset("LLDP_ENTRY_TABLE:Ethernet0", mapping=ENTRY)
    databases.appl.hset("LLDP_ENTRY_TABLE:Ethernet4", "lldp_rem_sys_name", "half written")
    child = databases.child("vsn-neighbor", "--sonic", f"redis unix:{databases.socket}")
    assert "id=Ethernet0 system=tor-1 chassis=02:00:00:00:00:ff port=etp1 description=Ethernet0" in child.wait("new advert")
    assert "id=Ethernet4 system=tor-1 chassis=02:00:00:00:00:ff port=etp2 description=to esx2" in child.wait("new advert")
    found = neighbours(child)
    assert len(found) == 1 and "owner=Ethernet0" in found[0] and "port_mac=02:00:00:00:00:02" in found[0]
    # As lldpsyncd changes a row: it goes, and comes back field by field.
    databases.appl.delete("LLDP_ENTRY_TABLE:Ethernet0")
    for field, value in {**ENTRY, "lldp_rem_port_desc": "vmnic1"}.items():
        databases.appl.hset("LLDP_ENTRY_TABLE:Ethernet0", field, value)
    found = neighbours(child)
    assert len(found) == 1 and "description=vmnic1" in found[0]
    databases.stop_redis()
    child.wait("unknown neighbor")
    databases.start_redis()
    databases.fill()
    databases.appl.hset("LLDP_ENTRY_TABLE:Ethernet8", mapping=ENTRY)
    assert "owner=Ethernet8" in child.wait("new neighbor")


def test_the_stand_in_ends_where_vlanmgrd_would(databases):
    """So that a row that it cannot carry out is noticed: a command that fails ends it."""
    databases.stop_vlanmgrd()
    process = subprocess.Popen(["/usr/bin/python3", f"{PROJECT}/lab/sonic/vlanmgrd.py", databases.socket, "--bridge",
                                "no-such-bridge"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.wait(20) != 0
    assert "vlanmgrd ends" in process.stderr.read()
    process.stdout.close()
    process.stderr.close()


# Ends

def killed_at(databases, number, when):
    """Has vsn-config killed before the 'when'th time it sends something while it carries out a change; False when it sent
    less often. Then another one is told the same again: nothing may be lost, opened, or forgotten."""
    module = ready(databases.config_module(ledger=f"ledger{number}"))
    databases.config.hset("VLAN_MEMBER|Vlan500|Ethernet0", "tagging_mode", "tagged")
    module.change(add="100")
    module.outcome()
    tracer = subprocess.Popen(["strace", "-p", str(module.pid), "-e", "trace=sendto", "-e",
                               f"inject=sendto:signal=KILL:when={when}", "-o", "/dev/null"], stderr=subprocess.PIPE, text=True)
    assert "attached" in tracer.stderr.readline()
    module.change(add="101", remove="100")
    try:
        module.outcome()
        died = False
    except AssertionError:
        died = True
    module.kill()
    tracer.wait()
    tracer.stderr.close()
    assert 500 in databases.members() and databases.members() & {100, 101}
    assert databases.members() <= {100, 101, 500}
    again = ready(databases.config_module(ledger=f"ledger{number}"))
    again.change(add="101", remove="100")
    assert "problem=" not in again.outcome()
    assert databases.members() == {101, 500} == databases.members(table="VLAN_MEMBER_TABLE")
    again.change(remove="101,500")
    assert "was not added by vsn" in again.outcome()
    assert databases.members() == {500}
    assert again.close()[0] == 0
    return died


def test_a_kill_before_any_command_loses_and_opens_nothing(databases):
    databases.start_vlanmgrd()
    when = 1
    while killed_at(databases, when, when):
        when += 1
    assert when > 10


# Other hands

def test_nothing_is_written_to_a_port_that_another_hand_is_making_a_routed_one(databases, module):
    """Its mode changes all the time. What Redis did, in its order: no row was added while the port was routed."""
    seen, stop = [], threading.Event()
    ready_to_see = threading.Event()

    def watch():
        with databases.state.monitor() as monitor:
            ready_to_see.set()
            for command in monitor.listen():
                seen.append(command["command"])
                if "the end" in command["command"]:
                    return

    def change_mode():
        other = databases.client(4)
        while not stop.is_set():
            for mode in ("routed", "trunk"):
                other.hset("PORT|Ethernet0", "mode", mode)

    threads = [threading.Thread(target=watch), threading.Thread(target=change_mode)]
    threads[0].start()
    assert ready_to_see.wait(PATIENCE)
    threads[1].start()
    outcomes = []
    for _ in range(60):
        module.change(add="100-119")
        outcomes.append(module.outcome())
        module.change(remove="100-119")
        module.outcome()
    stop.set()
    threads[1].join()
    databases.config.echo("the end")
    threads[0].join()
    mode, added = "trunk", 0
    for command in seen:
        if command.startswith("HSET PORT|Ethernet0 mode"):
            mode = command.split()[-1]
        if command.startswith("HSETNX"):
            assert mode == "trunk", f"{command} while the port was {mode}"
            added += 1
    refused = [line for line in outcomes if "problem=" in line]
    assert added or refused
    assert all("mode routed" in line or "by another hand" in line for line in refused), refused
