#!/usr/bin/python3
"""What an administrator would write with pyVmomi and ovs-vsctl in an afternoon, and write well: the VLANs of machines go to
the ports of the hosts that they are on, or are going to. It only adds.

    pyvmomi_poller.py poll | events --server PORT --db DATABASE --ports FILE

poll    asks every two seconds where the machines are
events  waits for migrations that begin, and goes by the destination that these events name

FILE is {host: port}. Says READY when the ports have what the machines need where they are. It reads what it needs to know of
networks and machines once, waits for the server instead of asking it, fetches the new events only, and puts all VLANs that
are due into one transaction, while the next events are read.
"""
import argparse
import json
import queue
import ssl
import subprocess
import threading
import time

from pyVim.connect import SmartConnect
from pyVmomi import vim, vmodl

POLL_SECONDS = 2
BEGINNINGS = ["VmBeingHotMigratedEvent", "VmBeingMigratedEvent", "VmBeingRelocatedEvent"]
PAGE = 30
Spec = vmodl.query.PropertyCollector


class Switch:
    """Adds VLANs to ports in a thread of its own: what came while ovs-vsctl ran goes into its next run."""

    def __init__(self, database):
        self._database, self._there, self._due = database, set(), queue.Queue()
        threading.Thread(target=self._work, daemon=True).start()

    def add(self, wanted):
        new = set(wanted) - self._there
        self._there |= new
        if new:
            self._due.put(new)

    def wait(self):
        self._due.join()

    def _work(self):
        while True:
            batches = [self._due.get()]
            while not self._due.empty():
                batches.append(self._due.get())
            words = []
            for port, vlan in sorted(set().union(*batches)):
                words += ["--", "add", "port", port, "trunks", str(vlan)]
            subprocess.run(["ovs-vsctl", f"--db={self._database}", "--timeout=20", *words], check=True)
            for _ in batches:
                self._due.task_done()


class World:
    """What the vCenter says of hosts, networks and machines."""

    def __init__(self, content, ports):
        self.content, self.ports = content, ports
        self._hosts = {host: of["name"] for host, of in self.read(vim.HostSystem, "name")}
        self._vlans = {group: of["config.defaultPortConfig"].vlan.vlanId
                       for group, of in self.read(vim.dvs.DistributedVirtualPortgroup, "config.defaultPortConfig")
                       if isinstance(of["config.defaultPortConfig"].vlan.vlanId, int)}
        self._networks, self.where = {}, {}
        for machine, of in self.read(vim.VirtualMachine, "runtime.host", "network"):
            self._networks[machine] = of["network"]
            self.where[machine] = of["runtime.host"]._moId

    def read(self, kind, *paths):
        """[(reference, {path: value})] of all objects of a kind, in one call."""
        view = self.content.viewManager.CreateContainerView(self.content.rootFolder, [kind], True)
        spec = Spec.FilterSpec(
            objectSet=[Spec.ObjectSpec(obj=view, skip=True, selectSet=[
                Spec.TraversalSpec(name="view", path="view", skip=False, type=vim.view.ContainerView)])],
            propSet=[Spec.PropertySpec(type=kind, pathSet=list(paths))])
        found = self.content.propertyCollector.RetrieveContents([spec])
        view.Destroy()
        return [(each.obj._moId, {p.name: p.val for p in each.propSet}) for each in found]

    def needs(self, machine, host):
        """{(port, VLAN)} of a machine on a host. One that was made since is asked for its networks."""
        if machine not in self._networks:
            self._networks[machine] = vim.VirtualMachine(machine, self.content.rootFolder._stub).network
        port = self.ports.get(self._hosts.get(host))
        vlans = {self._vlans.get(network._moId, 0) for network in self._networks[machine]}
        return {(port, vlan) for vlan in vlans if port and vlan}

    def needed_now(self):
        return set().union(*(self.needs(machine, host) for machine, host in self.where.items()))


def poll(world, switch):
    """Every two seconds, however long it takes."""
    due = time.monotonic()
    while True:
        due += POLL_SECONDS
        time.sleep(max(0, due - time.monotonic()))
        for machine, of in world.read(vim.VirtualMachine, "runtime.host"):
            host = of["runtime.host"]._moId
            if world.where.get(machine) != host:
                world.where[machine] = host
                switch.add(world.needs(machine, host))


class Events:
    """Migrations that begin, from now on."""

    def __init__(self, content):
        spec = vim.event.EventFilterSpec(eventTypeId=BEGINNINGS, disableFullMessage=True)
        self._history = content.eventManager.CreateCollectorForEvents(spec)
        self._history.SetCollectorPageSize(PAGE)
        self._last = max((event.key for event in self._history.latestPage), default=0)
        self._waits = content.propertyCollector.CreatePropertyCollector()
        self._waits.CreateFilter(Spec.FilterSpec(
            objectSet=[Spec.ObjectSpec(obj=self._history)],
            propSet=[Spec.PropertySpec(type=vim.event.EventHistoryCollector, pathSet=["latestPage"])]), False)
        self._version = ""

    def wait(self):
        """The new ones. A page that is full of new ones may not be all: then the history is read as well."""
        updates = self._waits.WaitForUpdatesEx(self._version, Spec.WaitOptions(maxWaitSeconds=60))
        if not updates:
            return []
        self._version = updates.version
        page = [event for part in updates.filterSet for each in part.objectSet
                for change in each.changeSet for event in change.val or []]
        new = {event.key: event for event in page if event.key > self._last}
        if len(new) == PAGE:
            new.update(self._history_after(self._last, min(new)))
        self._last = max([self._last, *new])
        return [new[key] for key in sorted(new)]

    def _history_after(self, last, until):
        self._history.ResetCollector()
        found = {}
        while page := self._history.ReadPreviousEvents(PAGE):
            found.update({event.key: event for event in page if last < event.key < until})
            if min(event.key for event in page) <= last:
                break
        return found


def follow(world, switch, events):
    while True:
        wanted = set()
        for event in events.wait():
            wanted |= world.needs(event.vm.vm._moId, event.destHost.host._moId)
        switch.add(wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=["poll", "events"])
    parser.add_argument("--server", type=int, required=True)
    parser.add_argument("--db", required=True)
    parser.add_argument("--ports", required=True)
    words = parser.parse_args()
    content = SmartConnect(host="127.0.0.1", port=words.server, user="vsn", pwd="secret",
                           sslContext=ssl._create_unverified_context()).RetrieveContent()
    with open(words.ports) as file:
        ports = json.load(file)
    events = Events(content) if words.way == "events" else None     # before the reading: nothing falls between
    world, switch = World(content, ports), Switch(words.db)
    switch.add(world.needed_now())
    switch.wait()
    print("READY", flush=True)
    if events:
        follow(world, switch, events)
    else:
        poll(world, switch)


main()
