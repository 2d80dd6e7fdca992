"""The story, step by step. Every step says what happens, shows it, and checks what it claims."""
import threading
import time

from admin import run as administrate
from stage import HOLD_DOWN_S, PORTS
from vsnlab import Listener, Passage, WorldError, watch
from vsnlab import vlans as vlan_lists

HAND_MADE = 999
RETRY_MOST_S = 60
FRAMES = 200        # counted before a move and after it
UNNOTICED = 1000    # lost before somebody notices


def vlan_words(vlans):
    """{None, 10, 110} as "untagged, 10,110"."""
    tagged = vlan_lists.text(vlan for vlan in vlans if vlan is not None)
    return ", ".join(filter(None, ["untagged" if None in vlans else "", tagged])) or "nothing"


def passed_text(passed):
    """The outcome of Stage.probe()."""
    return "\n".join(f"{port}  {name} vmnic0   {vlan_words(passed[port])}" for port, name in PORTS.items())


class Story:
    def __init__(self, stage, teller):
        self.stage, self.teller = stage, teller
        # What the ports are meant to carry tagged, at this point of the story.
        self.meant = {port: set() for port in PORTS}

    def tell(self):
        for step in (self.empty_switch, self.vcenter_connected, self.wires_found, self.vlans_appear, self.why,
                     self.hand_made, self.new_vlan, self.in_advance, self.without_vsn, self.withdrawal, self.vcenter_gone):
            step()

    # For the steps

    def vsn(self, words, most=30):
        """Shows a command of vsn with its answer; the answer."""
        status, text = self.stage.vsn(words)
        self.teller.ran(f"vsn {words}", text, most)
        return status, text

    def admin(self, *words):
        self.teller.ran(f"lab/demo/admin.py {self.stage.address} {' '.join(words)}",
                        administrate(self.stage.address, words))

    def probe(self):
        """Sends a frame in every VLAN to every host and checks that exactly those come through that are meant to."""
        passed = self.stage.probe()
        self.teller.measured("real frames without a tag and in each of the 4,094 VLANs, sent from swp8: what arrives",
                             passed_text(passed))
        self.teller.check("untagged frames and exactly these VLANs pass, every other one is stopped",
                          passed == {port: vlans | {None} for port, vlans in self.meant.items()},
                          f"meant were {'; '.join(f'{port}: {vlan_words(v)}' for port, v in self.meant.items())}")

    # The steps

    def empty_switch(self):
        tell = self.teller
        tell.step("An empty switch")
        tell.say("""tor-1 is a real Open vSwitch. Three hosts hang on swp1 to swp3, and the rest of the network on swp8. The
                 ports are closed: they carry untagged frames and no VLAN, so a virtual machine in VLAN 100 talks to nobody.
                 Until now somebody would type VLAN lists here, or open every VLAN to every port.""")
        self.probe()

    def vcenter_connected(self):
        tell, stage = self.teller, self.stage
        tell.step("The vCenter is connected")
        tell.say("""vsnd runs on the switch. It is told where the vCenter is and which ports it may touch, and reads the whole
                 virtual network over the vCenter's own API: nothing is installed on a host.""")
        text = stage.write_config()
        tell.ran(f"cat {stage.config_file}", text)
        began = time.monotonic()
        tell.ran(stage.start_vsnd() + " &")
        tell.ran(f"alias vsn='{stage.vsn_command}'")
        row = stage.wait("connected", lambda: (r := stage.session()) and r["state"] == "connected" and r)
        took = time.monotonic() - began
        self.vsn("show hypervisor")
        row = row or stage.session()
        tell.check(f"connected, all of it read, {took:.1f} s after the start: 3 hosts, 2 machines",
                   row and row["state"] == "connected" and (row["hosts"], row["machines"]) == (3, 2), str(row))

    def wires_found(self):
        tell, stage = self.teller, self.stage
        tell.step("The wires are found")
        tell.say("""Which host is behind which port? esx01 only listens, to CDP, as ESXi's standard switches do: the switch
                 speaks, and the vCenter says what the host heard. esx02 speaks LLDP, as distributed switches can: the
                 switch hears it. Nobody had to draw a map.""")
        wanted = {"swp1": ("esx01", "hint"), "swp2": ("esx02", "hint+heard")}
        stage.wait("two wires", lambda: stage.wires() == wanted)
        self.vsn("show virtualwire")
        wires = stage.wires()
        tell.check("esx01 is on swp1, by what it heard; esx02 on swp2, by what both heard", wires == wanted, str(wires))
        tell.say("""esx03 is silent: its network card keeps LLDP for itself, as some do. vsn does not guess, and says so.""")
        status, text = self.vsn("why-not swp3 100")
        tell.check("vsn names what is missing", "No host NIC" in text and "vsn bind" in text, text)
        tell.say("The operator knows the cable, and pins it: one line in the configuration, then a reload.")
        tell.ran(stage.edit_config("/^interface swp3/a \\ vsn bind vc1 esx03 vmnic0"))
        self.vsn("reload")
        wanted["swp3"] = ("esx03", "pin")
        stage.wait("three wires", lambda: stage.wires() == wanted)
        wires = stage.wires()
        tell.check("esx03 is on swp3, because the operator says so", wires == wanted, str(wires))

    def vlans_appear(self):
        tell, stage = self.teller, self.stage
        tell.step("VLANs appear")
        tell.say("""Each port gets the VLANs of the port groups behind it, and no others: before a machine needs them.
                 H marks what vsn tagged, as on the FTOS switches that had this first.""")
        self.meant = {"swp1": {10, 110}, "swp2": {100, 200}, "swp3": {100, 200}}
        stage.wait_tagged(self.meant)
        self.vsn("show vlan", 12)
        self.probe()

    def why(self):
        tell = self.teller
        tell.step("Each VLAN has its reason")
        tell.say("Nobody remembers in a year why VLAN 100 is on swp2. vsn does.")
        status, text = self.vsn("why swp2 100")
        tell.check("the chain names the vCenter, the port group, the host and the cable",
                   status == 0 and all(word in text for word in ("vc1", "web", "esx02", "vmnic0", "LLDP")), text)

    def hand_made(self):
        tell, stage = self.teller, self.stage
        tell.step("What somebody did by hand is left alone")
        tell.say("""vsn takes away only what it added itself, and keeps a ledger of it. VLAN 999 is put on swp1 by hand, for
                 something that no vCenter knows of; at the end of the story it must still be there.""")
        stage.plane.add_vlans("swp1", HAND_MADE)
        tell.ran(f"ovs-vsctl --db={stage.plane.database} add port swp1 trunks {HAND_MADE}")
        self.meant["swp1"] |= {HAND_MADE}
        rows = stage.wait("hand-made", lambda: [row for row in stage.show("port swp1")
                                                if row["hand_made"] == str(HAND_MADE)])
        self.vsn(f"why swp1 {HAND_MADE}")
        tell.check("vsn sees it, and knows that it is not its own", bool(rows), str(stage.show("port swp1")))

    def new_vlan(self):
        tell, stage = self.teller, self.stage
        tell.step("A port group gets a new VLAN")
        tell.say("""The VMware administrator moves port group db from VLAN 200 to 210 and tells nobody. Tagged frames of VLAN
                 210 are already being sent to both hosts, one every millisecond, and stop at the switch.""")
        plane = stage.plane
        watches = {port: Listener(plane.hosts[PORTS[port]].nics["vmnic0"], each=True) for port in ("swp2", "swp3")}
        sender = plane.spawn([plane.frames, "send", stage.station.nic, "--vlan", "210", "--count", "0",
                              "--interval-ms", "1"], netns=stage.station.netns)
        first = {}

        def wait_first(port, watch):
            try:
                number = watch.wait_frame(15)[2]
                first[port] = number, 1000 * (time.monotonic() - began)
            except WorldError as error:
                tell.line(f"  {port}: {error}")
        threads = [threading.Thread(target=wait_first, args=pair) for pair in watches.items()]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        self.admin("vlan", "db", "210")
        for thread in threads:
            thread.join()
        for vlans in (self.meant["swp2"], self.meant["swp3"]):
            vlans.add(210)
        stage.wait_tagged(self.meant, 5)
        sender.terminate()
        sender.wait()
        flows = {port: [flow for flow in watch.stop() if flow["received"] == 210] for port, watch in watches.items()}
        for port, (number, ms) in sorted(first.items()):
            after = flows[port][0]
            tell.check(f"{port}: the first frame passed {ms:.0f} ms after the administrator pressed Enter (log-in "
                       f"included), and every one after it", after["lost"] == number, f"{after['lost'] - number} were lost")
        tell.check("frames pass on both ports", len(first) == 2)
        tell.say(f"""VLAN 200 is no longer needed. It is not torn out: first its need must have been provably gone for a
                 while, {HOLD_DOWN_S} s in this demo (300 s by default), and no station may have spoken in it lately.""")
        self.meant["swp2"].discard(200)
        self.meant["swp3"].discard(200)
        found = stage.wait_tagged(self.meant, HOLD_DOWN_S + 12)
        tell.check("200 is withdrawn from both ports, 210 is there", found == self.meant, str(found))
        self.probe()

    def provision(self, mode):
        """Edits the configuration; until vsnd is told, nothing changes."""
        self.teller.ran(self.stage.edit_config(f"s/provision .*/provision {mode}/"))

    def journey(self, target, port, before_end):
        """web-1 moves while its frames are counted; 'before_end' does what is to happen when some have reached its new port.
        Returns the account, and the moment of the switch-over in milliseconds since the epoch."""
        stage = self.stage
        passage = Passage(stage.web, stage.station, ("swp2", "swp3"))
        try:
            passage.wait_arrived(FRAMES)
            self.admin("move", "web-1", target)
            passage.wait_at(port, FRAMES)
            before_end(passage)
            passage.wait_arrived(FRAMES)
        except WorldError as error:
            self.teller.line(f"  {error}")
        account = passage.stop()
        self.teller.measured(
            "frames of web-1, one each millisecond",
            f"sent                 {account.sent}\nreached the switch   {len(account.reached)}: "
            f"{len(account.at['swp2'])} on swp2, {len(account.at['swp3'])} on swp3\n"
            f"reached the station  {len(account.arrived)}")
        return account, stage.vcenter.moves()[-1]["switched"]

    def in_advance(self):
        tell, stage = self.teller, self.stage
        tell.step("A machine moves, and its VLAN is there before it")
        tell.say("""Until now a port had the VLANs of all port groups behind it. Who wants less open than that says 'provision
                 machines': then it has those of the machines that run there. No machine runs on esx03, so VLAN 100 must not be
                 on swp3, until one comes.""")
        self.provision("machines")
        self.vsn("reload")
        self.meant.update(swp2={100}, swp3=set())
        found = stage.wait_tagged(self.meant, HOLD_DOWN_S + 12)
        tell.check("after the hold-down, swp2 carries VLAN 100 for web-1, and swp3 nothing", found == self.meant, str(found))
        tell.say("""web-1 runs on esx02 and sends a numbered frame every millisecond, while the administrator moves it to esx03.
                 The vCenter announces that, copies the machine's memory for a second or two, and switches it over; at that
                 moment its cable is moved. The frames are counted where they reach the switch, and at the station on swp8.""")
        with watch(stage.plane) as watcher:
            account, switched = self.journey("esx03", "swp3", lambda _: None)
            added = watcher.added("swp3", 100)
        self.vsn("show migration web-1")
        ahead = switched - added.at * 1000 if added else None
        tell.check(f"VLAN 100 was on swp3 {ahead or 0:.0f} ms before the machine was there, says an independent client of the "
                   "switch's database", added and ahead > 0, str(added))
        rows = stage.show("migration web-1")
        tell.check("vsn's own ledger says the same", rows and rows[0]["outcome"] == "in-time", str(rows[:1]))
        tell.check("the machine sent by way of both ports", account.at["swp2"] and account.at["swp3"])
        tell.say(f"""{account.never_reached} frames never reached the switch: the cut of the move itself, while the cable was in nobody's
                 hand. No switch can help there.""")
        tell.check(f"of {len(account.reached)} frames that reached the switch, none was lost for want of a VLAN",
                   len(account.dropped) <= account.overruns, str(account))
        tell.say("On swp2, nobody needs VLAN 100 any more: it goes, the slow and guarded way.")
        self.meant.update(swp2=set(), swp3={100})
        found = stage.wait_tagged(self.meant, HOLD_DOWN_S + 12)
        tell.check("100 is withdrawn from swp2", found == self.meant, str(found))

    def without_vsn(self):
        tell, stage = self.teller, self.stage
        tell.step("The same move without vsn")
        tell.say("""vsnd is stopped: the switch keeps what it has, and nobody looks after it. The machine moves back to esx02, and
                 nothing is heard of it, until somebody finds out why and adds the VLAN by hand.""")
        stage.stop_vsnd()
        tell.ran("kill %vsnd")

        def by_hand(passage):
            passage.wait_at("swp2", UNNOTICED)
            stage.plane.add_vlans("swp2", 100)
            tell.ran(f"ovs-vsctl --db={stage.plane.database} add port swp2 trunks 100")
        account, _ = self.journey("esx02", "swp2", by_hand)
        lost = len(account.for_want("swp2"))
        tell.check(f"{lost} frames reached swp2 and went nowhere, until the VLAN was there", lost >= UNNOTICED, str(account))
        stage.plane.remove_vlans("swp2", 100)
        tell.ran(f"ovs-vsctl --db={stage.plane.database} remove port swp2 trunks 100")
        tell.say("vsn is back, with 'provision networks' as before, and finds what is missing.")
        self.provision("networks")
        tell.ran(stage.start_vsnd() + " &")
        self.meant.update(swp2={100, 210}, swp3={100, 210})
        found = stage.wait_tagged(self.meant)
        tell.check("VLANs 100 and 210 are on both ports again", found == self.meant, str(found))

    def withdrawal(self):
        tell, stage = self.teller, self.stage
        tell.step("The port group goes, and its VLAN is withdrawn")
        tell.say(f"""Port group db is deleted. Again vsn waits {HOLD_DOWN_S} s (300 s if nobody shortens 'prune hold-down'), and
                 says so. Taking a VLAN from a running machine is the worst it could do.""")
        self.admin("remove", "db")
        stage.inventory["dvs"][0]["portgroups"] = [{"name": "web", "vlan": 100}]
        held = stage.wait("held", lambda: [row for row in stage.show("port swp2") if row["held"]], HOLD_DOWN_S)
        self.vsn("why swp2 210")
        tell.check("while it waits, the VLAN is still there and vsn says why", bool(held))
        self.meant["swp2"].discard(210)
        self.meant["swp3"].discard(210)
        found = stage.wait_tagged(self.meant, HOLD_DOWN_S + 12)
        tell.check("210 is withdrawn from both ports", found == self.meant, str(found))
        self.vsn("show audit", 12)
        self.probe()

    def vcenter_gone(self):
        tell, stage = self.teller, self.stage
        tell.step("The vCenter is killed, and nothing is lost")
        tell.say(f"""kill -9. Not to know is not the same as to know that nothing is needed: for longer than the hold-down
                 nothing may change on the switch.""")
        stage.kill_vcenter()
        row = stage.wait("stale", lambda: (r := stage.session()) and r["state"] != "connected" and r)
        self.vsn("show hypervisor")
        tell.check("vsn knows that it has no contact", row and row["state"] in ("stale", "connecting"), str(row))
        gone = time.monotonic()
        changed = stage.wait("a change", lambda: stage.tagged() != self.meant, HOLD_DOWN_S + 1)
        tell.check(f"after {time.monotonic() - gone:.0f} s without it, every VLAN is still there", not changed,
                   str(stage.tagged()))
        self.probe()
        tell.say("""It comes back, and vsn finds it by itself. It tries after random pauses that grow up to a minute, so that
                 many switches that lost one vCenter do not fall upon it all at once.""")
        stage.revive_vcenter()
        began = time.monotonic()
        row = stage.wait("connected", lambda: (r := stage.session()) and r["state"] == "connected" and r, RETRY_MOST_S + 5)
        tell.check(f"connected again {time.monotonic() - began:.1f} s later", bool(row), str(stage.session()))
        found = stage.wait_tagged(self.meant, 3)
        tell.check(f"nothing changed on the switch, and the hand-made VLAN {HAND_MADE} is where it was",
                   found == self.meant, str(found))
