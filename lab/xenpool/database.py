"""The pool's database: objects by class, generations, and who wants to know of every write."""
import collections
import threading
import uuid

from .schema import NULL
from .values import Failure, Record

# A field that points to one object, and the set of that object that follows by itself.
RELATIONS = {
    ("PIF", "network"): ("network", "PIFs"), ("PIF", "host"): ("host", "PIFs"),
    ("PIF", "bond_slave_of"): ("Bond", "slaves"), ("Bond", "master"): ("PIF", "bond_master_of"),
    ("VLAN", "tagged_PIF"): ("PIF", "VLAN_slave_of"),
    ("tunnel", "access_PIF"): ("PIF", "tunnel_access_PIF_of"),
    ("tunnel", "transport_PIF"): ("PIF", "tunnel_transport_PIF_of"),
    ("network_sriov", "physical_PIF"): ("PIF", "sriov_physical_PIF_of"),
    ("network_sriov", "logical_PIF"): ("PIF", "sriov_logical_PIF_of"),
    ("VIF", "network"): ("network", "VIFs"), ("VIF", "VM"): ("VM", "VIFs"),
    ("VM", "resident_on"): ("host", "resident_VMs"), ("VM", "snapshot_of"): ("VM", "snapshots"),
    ("task", "subtask_of"): ("task", "subtasks"),
}
NO_EVENTS = {"session"}
DELETES_REMEMBERED = 512


class Row:
    """An object. 'created' and 'modified' are generations; 0 is "before generations were kept"."""
    __slots__ = ("kind", "ref", "record", "created", "modified")

    def __init__(self, kind, ref, record, generation):
        self.kind, self.ref, self.record, self.created, self.modified = kind, ref, record, generation, generation


class Table:
    def __init__(self):
        self.rows, self.newest = {}, 0
        # (created, deleted, ref) of the last ones that went
        self.gone = collections.deque(maxlen=DELETES_REMEMBERED)


class Database:
    """All of it under 'lock'; 'changed' is notified on each write. 'listeners' are called, under the lock, with
    (operation, row) for every single write: "add", "mod" or "del"."""

    def __init__(self, classes, encoder, random):
        self._classes, self._encoder, self._random = classes, encoder, random
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.tables = {name: Table() for name in classes}
        self._rows, self.generation, self.listeners = {}, 0, []

    def _uuid(self):
        return str(uuid.UUID(int=self._random.getrandbits(128)))

    def new_ref(self):
        with self.lock:
            return f"OpaqueRef:{self._uuid()}"

    # Reading

    def row(self, kind, ref):
        """HANDLE_INVALID when there is none."""
        row = self._rows.get(ref)
        if row is None or row.kind != kind:
            raise Failure("HANDLE_INVALID", kind, ref)
        return row

    def get(self, kind, ref, field):
        return self.row(kind, ref).record[field]

    def has(self, kind, ref):
        row = self._rows.get(ref)
        return row is not None and row.kind == kind

    def all(self, kind):
        """[(ref, record)]"""
        with self.lock:
            return [(row.ref, row.record) for row in self.tables[kind].rows.values()]

    def find(self, kind, field, value):
        """The refs of the objects with that value."""
        return [ref for ref, record in self.all(kind) if record[field] == value]

    # Writing

    def create(self, kind, **fields):
        """A new object: its ref. A uuid is made when none is given."""
        with self.lock:
            ref = self.new_ref()
            values = self._classes[kind].record({"uuid": self._uuid(), **fields})
            record = Record(values, self._classes[kind].visible, self._encoder, ref)
            self.generation += 1
            row = Row(kind, ref, record, self.generation)
            self._rows[ref] = self.tables[kind].rows[ref] = row
            self.tables[kind].newest = self.generation
            self._tell("add", row)
            for field in fields:
                self._join(kind, field, ref, fields[field])
            return ref

    def write(self, kind, ref, **fields):
        """Each field is a write of its own, in this order, and raises its own event even if nothing changed."""
        with self.lock:
            row = self.row(kind, ref)
            for field, value in fields.items():
                old = row.record[field]
                if (kind, field) in RELATIONS and old != value:
                    self._leave(kind, field, ref, old)
                row.record = row.record.with_field(field, value)
                self._touched(row)
                if old != value:
                    self._join(kind, field, ref, value)

    def touch(self, kind, ref):
        """As a write that changed nothing; the generation that it used."""
        with self.lock:
            self._touched(self.row(kind, ref))
            return self.generation

    def destroy(self, kind, ref):
        with self.lock:
            row = self.row(kind, ref)
            del self._rows[ref], self.tables[kind].rows[ref]
            self.generation += 1
            self.tables[kind].gone.append((row.created, self.generation, ref))
            self.tables[kind].newest = self.generation
            self._tell("del", row)
            for (owner, field), _ in RELATIONS.items():
                if owner == kind:
                    self._leave(kind, field, ref, row.record[field])

    def change_map(self, kind, ref, field, key, value=None):
        """Sets a key of a map; None removes it."""
        with self.lock:
            old = self.get(kind, ref, field)
            new = {name: each for name, each in old.items() if name != key}
            if value is not None:
                new[key] = value
            if new != old:
                self.write(kind, ref, **{field: new})

    def _touched(self, row):
        self.generation += 1
        row.modified = self.tables[row.kind].newest = self.generation
        self._tell("mod", row)

    def _tell(self, operation, row):
        if row.kind not in NO_EVENTS:
            for listener in self.listeners:
                listener(operation, row)
        self.changed.notify_all()

    def _join(self, kind, field, ref, target):
        self._follow(kind, field, target, lambda refs: refs if ref in refs else [*refs, ref])

    def _leave(self, kind, field, ref, target):
        self._follow(kind, field, target, lambda refs: [each for each in refs if each != ref])

    def _follow(self, kind, field, target, change):
        relation = RELATIONS.get((kind, field))
        if relation is None or target == NULL or not self.has(relation[0], target):
            return
        row = self.row(relation[0], target)
        refs = change(row.record[relation[1]])
        if refs != row.record[relation[1]]:
            row.record = row.record.with_field(relation[1], refs)
            self._touched(row)

    # What a restart does to it

    def forget_generation(self, row):
        """As if it was written before generations were kept."""
        row.created = row.modified = 0

    def rewind(self, generations):
        """As when a backup is restored: the generation is an older one, and tokens from before are of the future."""
        with self.lock:
            self.generation = max(1, self.generation - generations)
            for table in self.tables.values():
                table.gone.clear()
                table.newest = min(table.newest, self.generation)
                for row in table.rows.values():
                    row.created = min(row.created, self.generation)
                    row.modified = min(row.modified, self.generation)
