"""The pool: its members and their roles, its database, its events and what goes on in it."""
import datetime
import random
import threading
import time

from . import machines, networks, servercalls      # noqa: F401  they enter their calls in the table
from .counts import Counts
from .database import Database
from .events import EventFrom, EventQueue, Token
from .jobs import Jobs
from .journal import Journal
from .schema import NULL, Date, load
from .values import Encoder, Failure


class Times:
    """In seconds. copy: the memory of a migration; start: start, stop and resume; step: between two writes that are not
    one moment; restart: of a tool stack; designate: nobody is master; notice: a slave sees that its master is dead."""

    def __init__(self, copy=2, start=0.5, step=0.01, restart=1, designate=1, notice=10, late=(0, 0), heartbeat=30):
        self.copy, self.start, self.step, self.restart = copy, start, step, restart
        self.designate, self.notice, self.late, self.heartbeat = designate, notice, late, heartbeat


class Pool:
    """
    members     Member, in the order of the inventory; 'master' is the one that is it, or was it last
    database, queue, events, jobs, calls, classes (all), shown (those of the release), encoder
    """

    def __init__(self, release, user="root", password="secret", times=None, arbitrary=True, del_snapshot=True, seed="pool"):
        self.release, self.user, self.password, self.times = release, user, password, times or Times()
        self.random = random.Random(seed)
        self.classes, self.shown, _ = load(release)
        self.encoder = Encoder(release.empty_element, arbitrary)
        self.database = Database(self.classes, self.encoder, random.Random(f"{seed} objects"))
        self.queue = EventQueue(self.database, release, del_snapshot)
        self.events = EventFrom(self.database, release, self.shown, lambda: random.uniform(*self.times.late))
        self.jobs, self.calls, self.journal = Jobs(self), Counts(), Journal()
        self.members, self.master, self.inventory = [], None, None
        self.failing, self.dummy_keys = set(), False
        self._domains, self._macs, self._roles = 0, 0, threading.RLock()

    # Small things that others ask for

    @staticmethod
    def now():
        return Date(datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H:%M:%SZ"))

    def next_domain(self):
        self._domains += 1
        return self._domains

    def new_mac(self):
        """Of a machine's interface: locally administered, another one each time."""
        self._macs += 1
        return "02:16:3e:%02x:%02x:%02x" % (self._macs >> 16 & 255, self._macs >> 8 & 255, self._macs & 255)

    def token(self, generation):
        return Token.write(generation, self.release)

    def operation_key(self, job):
        """The task; internal calls of xapi have keys that name no task, and so have all with 'dummy_keys'."""
        return job.task.replace("OpaqueRef:", "DummyRef:") if self.dummy_keys else job.task

    def member_of(self, host):
        return next((member for member in self.members if member.ref == host), None)

    def member(self, name):
        for member in self.members:
            if name in (member.name, member.address, member.ref):
                return member
        raise Failure("no such host", name)

    def machine(self, name):
        """Its ref, by name, uuid or ref."""
        for ref, record in self.database.all("VM"):
            if name in (ref, record["uuid"]) or name == record["name_label"] and not record["is_a_template"]:
                return ref
        raise Failure("no such machine", name)

    def maybe_fail(self, code, machine, *parameters):
        """Where an operation fails if it was told to: 'failing' is a set of machines."""
        if machine in self.failing:
            self.failing.discard(machine)
            raise Failure(code, machine, *parameters)

    # Life

    def start(self):
        """Everybody listens; the first host is the master unless the inventory says otherwise."""
        for member in self.members:
            member.become("master" if member is self.master else "slave", self.master.address)
        if self.times.heartbeat:
            threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self):
        """xapi sends an event about the pool now and then, so that a dead connection is noticed."""
        while True:
            time.sleep(self.times.heartbeat)
            with self.database.lock:
                for row in self.database.tables["pool"].rows.values():
                    self.queue.inject("mod", row)

    # Roles

    def _later(self, seconds, function):
        def run():
            with self._roles:
                function()
        timer = threading.Timer(seconds, run)
        timer.daemon = True
        timer.start()

    def _abandon_work(self):
        """What a master does not keep over a restart: the operations under way."""
        self.jobs.abandon()
        with self.database.lock:
            for kind in ("VM", "host", "VIF"):
                for ref, record in self.database.all(kind):
                    if record["current_operations"]:
                        self.database.write(kind, ref, current_operations={})
                    if kind == "VM" and record["scheduled_to_be_resident_on"] != NULL:
                        self.database.write(kind, ref, scheduled_to_be_resident_on=NULL)

    def _crown(self, member):
        self.master = member
        for pool, _ in self.database.all("pool"):
            self.database.write("pool", pool, master=member.ref)

    def restart(self, member):
        """The tool stack of one host: away for a moment, its sessions gone, the role as before."""
        with self._roles:
            role, master = member.role, member.master
            if member is self.master:
                self._abandon_work()
            member.become("booting")
            self._later(self.times.restart, lambda: member.become(role, master))

    def designate(self, new):
        """Another master, in order: for a moment there is none, and all have restarted afterwards."""
        with self._roles:
            if new.role != "slave":
                raise Failure("HOST_IS_NOT_A_SLAVE", new.name)
            old = self.master
            # Whoever asked is still answered.
            self._later(0.05, lambda: self._hand_over(old, new))

    def _hand_over(self, old, new):
        self._abandon_work()
        live = [member for member in self.members if member.role != "dead"]
        for member in (old, new):
            member.become("booting")
        def done():
            self._crown(new)
            for member in live:
                member.become("master" if member is new else "slave", new.address)
        self._later(self.times.designate, done)

    def crash(self, member, how="reset", notice=None):
        """The host is gone. If it was the master, the slaves name it for a while, and then know no master."""
        with self._roles:
            member.silence = how
            if member is self.master:
                self._abandon_work()
            member.become("dead")
            self._set_live(member, False)
            if member is self.master:
                self._later(self.times.notice if notice is None else notice, lambda: self._notice(member))

    def _notice(self, dead):
        """Only who still has that master, and that one still dead."""
        if dead.role == "dead" and self.master is dead:
            for member in self.members:
                if member.role == "slave":
                    member.become("emergency", emergency="HOST_STILL_BOOTING")

    def _set_live(self, member, live):
        metrics = self.database.get("host", member.ref, "metrics")
        if self.database.has("host_metrics", metrics):
            self.database.write("host_metrics", metrics, live=live)

    def promote(self, new, recover=True, rewind=0):
        """Makes a slave the master, as an administrator or HA does; 'rewind' generations were not in its backup."""
        with self._roles:
            new.become("booting")
            def done():
                if rewind:
                    self.database.rewind(rewind)
                self._crown(new)
                new.become("master", new.address)
                if recover:
                    self.recover()
            self._later(self.times.restart, done)

    def recover(self):
        """The master tells the others who it is; they restart."""
        with self._roles:
            others = [member for member in self.members
                      if member is not self.master and member.role in ("slave", "emergency")]
            for member in others:
                member.become("slave", self.master.address)
            return others

    def revive(self, member, role="slave"):
        """A dead host is back; as "master" it does not know yet that it is none any more."""
        with self._roles:
            member.become(role, self.master.address)
            self._set_live(member, True)
