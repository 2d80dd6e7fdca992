"""Real frames: probes that say which VLANs pass, and traffic that says what was lost."""
import json

from . import vlans as vlan_lists


def vlan_words(vlans):
    """The frame tool's list; None stands for untagged."""
    if isinstance(vlans, str):
        return vlans
    ids = [vlans] if vlans is None or isinstance(vlans, int) else list(vlans)
    words = ["none"] if None in ids else []
    tagged = vlan_lists.text({vlan for vlan in ids if vlan is not None})
    return ",".join(words + [tagged] if tagged else words)


class Endpoint:
    """An interface that can send and count frames."""

    def __init__(self, plane, netns, nic):
        self.plane, self.netns, self.nic = plane, netns, nic

    def send(self, vlans=None, count=1, interval_ms=0, mac=None):
        """Sends 'count' frames in each VLAN and returns how many went out."""
        argv = [self.plane.frames, "send", self.nic, "--vlan", vlan_words(vlans), "--count", count,
                "--interval-ms", interval_ms, *(["--mac", mac] if mac else [])]
        return json.loads(self.plane.run(argv, netns=self.netns, check=True).stdout)

    def listen(self):
        return Listener(self)

    def settle(self):
        """Waits until the data plane does what the switches on this end were told."""
        self.plane.settle()


class Listener:
    """Counts frames on an endpoint until it is stopped. 'each': wait_frame() tells every frame; a number N: the first of
    each flow, then every Nth. 'run': of that sender only; 0: of all."""

    def __init__(self, endpoint, each=False, run=0):
        words = ["watch", endpoint.nic, "--every", int(each), "--run", run] if each else ["listen", endpoint.nic]
        self._process = endpoint.plane.spawn([endpoint.plane.frames, *words], netns=endpoint.netns)
        self._process.wait_line("READY")

    def wait_frame(self, timeout=30):
        """With each=True: waits for the next frame: (sent VLAN, received VLAN, number), -1 for untagged."""
        return tuple(map(int, self._process.read_line(timeout).split()))

    def forget(self):
        """The next wait_frame() waits for what comes from now on."""
        self._process.skip()

    def stop(self):
        """All flows: a list of dicts, see lab/frames/flow.h."""
        self._process.close_stdin()
        self._process.wait()
        return json.loads(self._process.lines[-1])["flows"]


class Probe:
    """What arrived of one probe. VLANs are ids, None for untagged."""

    def __init__(self, run, count, flows):
        self.count, self.flows = count, [flow for flow in flows if flow["run"] == run]

    @property
    def frames(self):
        """{sent VLAN: frames that arrived}"""
        found = {}
        for flow in self.flows:
            found[flow["sent"]] = found.get(flow["sent"], 0) + flow["frames"]
        return found

    @property
    def passed(self):
        """The VLANs of which anything arrived. VLAN 1 is the native one of a port that starts closed, so a
        frame tagged 1 passes too: it is left out unless it arrived tagged."""
        return {flow["sent"] for flow in self.flows if flow["sent"] is None or flow["received"] is not None}

    @property
    def exact(self):
        """The VLANs of which every frame arrived once and with the tag it was sent with."""
        return {flow["sent"] for flow in self.flows if flow["frames"] == self.count and flow["lost"] == 0
                and flow["duplicates"] == 0 and flow["sent"] == flow["received"]}


class Traffic:
    """Frames from one endpoint to another, one every 'interval_ms', until it is stopped."""

    def __init__(self, source, target, vlan=None, interval_ms=5):
        self._listener = Listener(target, each=True)
        plane = source.plane
        self._sender = plane.spawn([plane.frames, "send", source.nic, "--vlan", vlan_words(vlan), "--count", 0,
                                    "--interval-ms", interval_ms], netns=source.netns)

    def wait_frame(self, timeout=30):
        """Waits until the next frame has arrived."""
        return self._listener.wait_frame(timeout)

    def stop(self):
        """{"sent", "frames", "lost", "duplicates", "longest_gap_ms"}: 'lost' counts the last frames too."""
        self._sender.terminate()
        self._sender.wait()
        sent = json.loads(self._sender.lines[-1])
        flows = [flow for flow in self._listener.stop() if flow["run"] == sent["run"]]
        arrived = sum(flow["frames"] for flow in flows)
        doubled = sum(flow["duplicates"] for flow in flows)
        return {"sent": sent["sent"], "frames": arrived, "duplicates": doubled,
                "lost": sent["sent"] - (arrived - doubled),
                "longest_gap_ms": max((flow["longest_gap_ms"] for flow in flows), default=None)}


def probe(source, target, vlans, count=3):
    """Sends 'count' frames in each VLAN from one endpoint to another: a Probe. From a station to a host's card it
    leaves no trace in the FDB of the host's port; the other way round the port learns the card's address."""
    source.settle()
    target.settle()
    listener = target.listen()
    sent = source.send(vlans, count)
    return Probe(sent["run"], count, listener.stop())
