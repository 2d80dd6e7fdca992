"""The control address: plain HTTP with JSON, for tests. README.md lists the requests."""
import http.server
import json
import threading
import urllib.parse

from .inventory import InventoryError
from .machines import receive
from .member import EMERGENCY, ROLES
from .values import Failure


class Control:
    """Actions by the last part of their path; each takes the request's words (query and body together)."""

    def __init__(self, pool, faults):
        self.pool, self.faults = pool, faults

    # Reading

    def state(self, words):
        database, pool = self.pool.database, self.pool
        found = {"release": pool.release.name, "master": pool.master.name, "generation": database.generation,
                 "members": [self._member(each) for each in pool.members], "jobs": pool.jobs.running,
                 "faults": self.faults.list(), **pool.calls.describe()}
        found["sessions"] = sum(each["sessions"] for each in found["members"])
        if "brief" not in words:
            found["machines"] = [self._machine(ref, record) for ref, record in database.all("VM")
                                 if not record["is_a_template"] and not record["is_control_domain"]
                                 and not record["is_a_snapshot"]]
        return found

    @staticmethod
    def _member(member):
        return {"name": member.name, "address": member.address, "listen": member.listen, "port": member.front.port,
                "role": member.role, "names": member.master, "emergency": member.emergency, "ref": member.ref,
                "sessions": len(member.sessions), "connections": member.front.connections}

    def _machine(self, ref, record):
        host = self.pool.member_of(record["resident_on"])
        coming = self.pool.member_of(record["scheduled_to_be_resident_on"])
        return {"name": record["name_label"], "uuid": record["uuid"], "ref": ref, "power": record["power_state"],
                "host": host.name if host else None, "coming": coming.name if coming else None,
                "operations": list(record["current_operations"].values())}

    def moves(self, words):
        """Those with a number above 'since'."""
        return self.pool.journal.since(int(words.get("since", 0)))

    def switchovers(self, words):
        """Those after the first 'after'; waits for one, 'wait' seconds at most."""
        return self.pool.journal.switchovers(int(words.get("after", 0)), float(words.get("wait", 25)))

    def calls(self, _words):
        return self.pool.calls.describe()

    # Machines

    def _run(self, method, arguments, words):
        """Starts a call as an administrator's client would, in its Async. form: the task."""
        from .calls import find_call, run_call
        call = find_call(self.pool, method)
        if call is None:
            raise Failure("MESSAGE_METHOD_UNKNOWN", method)
        if words.get("fail"):
            self.pool.failing.add(arguments[0])
        return {"task": run_call(call, self.pool.master, None, None, method, arguments)}

    def migrate(self, words):
        """kind: pool_migrate, migrate_send, away (to another pool)"""
        machine, kind = self.pool.machine(words["vm"]), words.get("kind", "pool_migrate")
        if kind == "pool_migrate":
            return self._run("Async.VM.pool_migrate", [machine, self.pool.member(words["host"]).ref, {}], words)
        host = "OpaqueRef:of-another-pool" if kind == "away" else self.pool.member(words["host"]).ref
        return self._run("Async.VM.migrate_send", [machine, {"host": host}, True, {}, {}, {}], words)

    def receive(self, words):
        """A machine comes from another pool."""
        return {"task": receive(self.pool, words["vm"], words.get("networks", []), self.pool.member(words["host"]).ref,
                                words.get("macs", []))}

    def power(self, words):
        """do: start, shutdown, suspend, resume, pause, unpause"""
        machine, on = self.pool.machine(words["vm"]), words.get("host")
        verbs = {"start": "start", "resume": "resume", "suspend": "suspend", "shutdown": "hard_shutdown", "pause": "pause",
                 "unpause": "unpause"}
        verb = verbs[words["do"]]
        if verb in ("start", "resume"):
            if on:
                return self._run(f"Async.VM.{verb}_on", [machine, self.pool.member(on).ref, False, False], words)
            return self._run(f"Async.VM.{verb}", [machine, False, False], words)
        return self._run(f"Async.VM.{verb}", [machine], words)

    def evacuate(self, words):
        host = self.pool.member(words["host"]).ref
        if words.get("disable"):
            self.pool.database.write("host", host, enabled=False)
        return self._run("Async.host.evacuate", [host], words)

    def enable(self, words):
        """on=0 disables"""
        on = words.get("on", "1") not in ("0", 0, False)
        self.pool.database.write("host", self.pool.member(words["host"]).ref, enabled=on)

    def cancel(self, words):
        job = self.pool.jobs.find(words["task"])
        if job is None:
            raise Failure("the task is not running", words["task"])
        job.cancel()

    def task(self, words):
        return dict(self.pool.database.row("task", words["task"]).record.values)

    def machine(self, words):
        """Makes a machine, in the words of the inventory; drop=NAME takes one away."""
        if "drop" in words:
            from .machines import forget_machine
            forget_machine(self.pool, self.pool.machine(words["drop"]))
            return None
        return {"ref": self.pool.inventory.add_machine(words)}

    # Networks

    def network(self, words):
        """Makes a network, in the words of the inventory."""
        return {"ref": self.pool.inventory.add_network(words)}

    def vlan(self, words):
        """Takes the VLAN of a network away, on one host or on all, or gives it another number."""
        from .networks import drop_vlan, make_vlan
        database = self.pool.database
        network, host = self.pool.inventory.network(words["network"]), words.get("host")
        with database.lock:
            for pif in list(database.get("network", network, "PIFs")):
                record = database.row("PIF", pif).record
                if record["VLAN"] < 0 or host and record["host"] != self.pool.member(host).ref:
                    continue
                trunk = database.get("VLAN", record["VLAN_master_of"], "tagged_PIF")
                if "tag" in words:
                    for vif in database.get("network", network, "VIFs"):
                        database.write("VIF", vif, currently_attached=False)
                drop_vlan(self.pool, record["VLAN_master_of"])
                if "tag" in words:
                    make_vlan(self.pool, trunk, network, int(words["tag"]), record["currently_attached"])

    def pif(self, words):
        """Changes fields of a host's PIF: device, and vlan for one above it."""
        database, host = self.pool.database, self.pool.member(words["host"]).ref
        for ref, record in database.all("PIF"):
            if (record["host"], record["device"], record["VLAN"]) == (host, words["device"], int(words.get("vlan", -1))):
                changes = {"MAC": words.get("mac"), "currently_attached": words.get("attached")}
                database.write("PIF", ref, **{name: value for name, value in changes.items() if value is not None})
                return {"ref": ref}
        raise Failure("no such PIF", words["device"])

    def lldp(self, words):
        """What a card hears, in a release that tells: neighbor, a map; empty, nothing any more."""
        database, host = self.pool.database, self.pool.member(words["host"]).ref
        for record in [record for _, record in database.all("PIF") if record["physical"]]:
            if (record["host"], record["device"]) == (host, words["device"]):
                neighbor = {name: str(each) for name, each in words.get("neighbor", {}).items()}
                return database.write("PIF_metrics", record["metrics"], lldp_neighbor=neighbor)
        raise Failure("no such card", words["device"])

    def bond(self, words):
        """mode: changes that of a host's bond"""
        database, host = self.pool.database, self.pool.member(words["host"]).ref
        for ref, record in database.all("Bond"):
            master = database.row("PIF", record["master"]).record
            if (master["host"], master["device"]) == (host, words["device"]):
                database.write("Bond", ref, mode=words["mode"])
                return {"ref": ref}
        raise Failure("no such bond", words["device"])

    def churn(self, words):
        """count writes that change nothing, to a class: a flood of events."""
        rows = [ref for ref, _ in self.pool.database.all(words.get("class", "VM"))]
        for number in range(int(words.get("count", 1000))):
            self.pool.database.touch(words.get("class", "VM"), rows[number % len(rows)])

    # Roles

    def designate(self, words):
        self.pool.designate(self.pool.member(words["host"]))

    def crash(self, words):
        """how: refuse, reset, silent; notice: seconds until the slaves see it"""
        notice = words.get("notice")
        self.pool.crash(self.pool.member(words.get("host") or self.pool.master.name), words.get("how", "reset"),
                        None if notice is None else float(notice))

    def promote(self, words):
        self.pool.promote(self.pool.member(words["host"]), words.get("recover", "1") not in ("0", 0, False),
                          int(words.get("rewind", 0)))

    def recover(self, _words):
        return {"hosts": [each.name for each in self.pool.recover()]}

    def restart(self, words):
        self.pool.restart(self.pool.member(words.get("host") or self.pool.master.name))

    def revive(self, words):
        self.pool.revive(self.pool.member(words["host"]), words.get("role", "slave"))

    def role(self, words):
        """Sets a role, the master that it names and the code of an emergency, without asking whether it makes sense."""
        if words.get("role") not in ROLES or words.get("code", EMERGENCY[0]) not in EMERGENCY:
            raise Failure("no such role", words.get("role"), words.get("code"))
        self.pool.member(words["host"]).become(words["role"], words.get("names"), words.get("code"))

    def drop(self, words):
        """Ends all sessions, of one member or of all."""
        for member in self.pool.members:
            if words.get("host") in (None, member.name):
                member.end_sessions()

    def keys(self, words):
        """dummy=1: operations from now on have keys that name no task"""
        self.pool.dummy_keys = words.get("dummy", "1") not in ("0", 0, False)

    def unstored(self, words):
        """The objects of a class become as if written before generations were kept: event.from never tells them."""
        database = self.pool.database
        with database.lock:
            for row in database.tables[words["class"]].rows.values():
                database.forget_generation(row)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _words(self):
        parts = urllib.parse.urlsplit(self.path)
        words = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        given = json.loads(body) if body else {}
        return parts.path, ({**words, **given} if isinstance(given, dict) else given)

    def _do(self, method):
        try:
            path, words = self._words()
            name = path.removeprefix("/ctl/")
            if name == "fault":
                answer = self._fault(method, words)
            else:
                action = None if name.startswith("_") else getattr(self.server.control, name, None)
                if not callable(action):
                    return self._say(404, {"error": f"no request is called {path}"})
                answer = action(words)
            return self._say(200, {} if answer is None else answer)
        except (Failure, InventoryError, KeyError, ValueError, TypeError, AttributeError) as error:
            text = " ".join(error.words) if isinstance(error, Failure) else f"{type(error).__name__}: {error}"
            return self._say(400, {"error": text})

    def _fault(self, method, words):
        faults = self.server.control.faults
        if method == "POST":
            return faults.add(words)
        if method == "DELETE":
            faults.remove(int(words["id"]) if "id" in words else None)
        return faults.list()

    def _say(self, status, answer):
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self._do("GET")

    def do_POST(self):
        self._do("POST")

    def do_DELETE(self):
        self._do("DELETE")


def serve(control, address):
    """Listens on (host, port): the URL's beginning."""
    server = http.server.ThreadingHTTPServer(address, Handler)
    server.daemon_threads, server.control = True, control
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://{address[0]}:{server.server_address[1]}"
