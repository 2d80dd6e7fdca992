"""The frames of one machine on their way through the switch, each of them accounted for.

They are numbered, and noted at three places: as many as the machine sent, those that reached a port of the switch, and
those that arrived at a station. So a frame that was lost can be told by its cause and not by its time:

- It never reached the switch: the machine's wire was being plugged into another host. No switch can help there.
- It reached the switch, which did not pass it on: for want of a VLAN on that port; or because this computer was so busy
  that Open vSwitch did not read its sockets in time, which the kernel counts (overruns).
"""
import json
import random
import re

from .frames import Endpoint, Listener

EVERY = 20      # each that many frames are told while they pass


def _numbers(flows, run):
    return {number for flow in flows if flow["run"] == run for first, last in flow["numbers"]
            for number in range(first, last + 1)}


class Account:
    """
    sent         how many frames the machine sent, numbered from 0
    at           {port: the numbers that reached it}
    arrived      the numbers that arrived at the station
    gaps         at the station: the gaps of the frame tool, see lab/frames/flow.h
    overruns     frames that the switch's own sockets had no room for, of any machine
    """

    def __init__(self, sent, at, arrived, gaps, overruns):
        self.sent, self.at, self.arrived, self.gaps, self.overruns = sent, at, arrived, gaps, overruns

    @property
    def reached(self):
        return set().union(*self.at.values())

    @property
    def never_reached(self):
        """How many were lost while the wire was in nobody's hand."""
        return self.sent - len(self.reached)

    @property
    def dropped(self):
        """The numbers that the switch had and the station never saw."""
        return self.reached - self.arrived

    def for_want(self, port):
        """Those that reached the port before the first of that port arrived: its VLAN was not there. All, when none did."""
        passed = self.at[port] & self.arrived
        return {number for number in self.at[port] if not passed or number < min(passed)}

    def __str__(self):
        ports = ", ".join(f"{len(numbers)} {port}" for port, numbers in self.at.items())
        return (f"sent {self.sent}; reached {ports}; arrived {len(self.arrived)}; lost {self.never_reached} on the way to the "
                f"switch, {len(self.dropped)} in it ({self.overruns} overruns)")


class Passage:
    """Begins to send at once, one frame each 'interval_ms', and counts until stop().

    machine, station    endpoints
    ports               of the switches, where the machine's frames may enter
    """

    def __init__(self, machine, station, ports, interval_ms=1):
        self._plane, self._ports, self._target = machine.plane, list(ports), station
        self._overruns = self._count_overruns()
        run = random.randrange(1, 1 << 32)
        self._station = Listener(station, EVERY, run)
        self._at = {port: Listener(Endpoint(self._plane, self._plane.netns_of(port), port), EVERY, run) for port in ports}
        self._sender = self._plane.spawn([self._plane.frames, "send", machine.nic, "--vlan", "none", "--count", 0,
                                          "--interval-ms", interval_ms, "--run", run], netns=machine.netns)

    def wait_at(self, port, frames, timeout=60):
        """Waits until about so many frames more of this machine have reached that port, whether they were passed on or
        not."""
        self._at[port].forget()
        for _ in range(0, frames, EVERY):
            self._at[port].wait_frame(timeout)

    def wait_arrived(self, frames, timeout=60):
        """The same at the station."""
        self._station.forget()
        for _ in range(0, frames, EVERY):
            self._station.wait_frame(timeout)

    def _count_overruns(self):
        """Open vSwitch reads its ports by packet sockets; the kernel counts what did not fit into each."""
        if self._plane.kind != "ovs":
            return 0
        text = "".join(self._plane.run(["ss", "-0", "-m"], netns=netns).stdout
                       for netns in {self._plane.netns_of(port) for port in self._ports})
        return sum(int(drops) for drops in re.findall(r"skmem:\([^)]*,d(\d+)\)", text))

    def stop(self):
        self._sender.terminate()
        self._sender.wait()
        sent = json.loads(self._sender.lines[-1])
        at = {port: _numbers(listener.stop(), sent["run"]) for port, listener in self._at.items()}
        self._target.settle()       # what a busy switch still has in its hands is on its way to the station now
        flows = self._station.stop()
        gaps = [gap for flow in flows if flow["run"] == sent["run"] for gap in flow["gaps"]]
        return Account(sent["sent"], at, _numbers(flows, sent["run"]), gaps, self._count_overruns() - self._overruns)
