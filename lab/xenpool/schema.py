"""The classes of XenAPI with their fields, as a release has them (classes.txt is the table)."""
import os

NULL = "OpaqueRef:NULL"


class Date(str):
    """A time as XenAPI writes it: 20260102T03:04:05Z."""


class Int4(int):
    """One of the few numbers that are sent as <i4>."""


EPOCH = Date("19700101T00:00:00Z")
PLAIN = {"string": "", "int": 0, "bool": False, "float": 0.0, "date": EPOCH, "ref": NULL}


class Field:
    def __init__(self, name, kind, since, settable, enums):
        self.name, self.kind, self.since, self.settable, self._enums = name, kind, since, settable, enums

    def default(self):
        """A fresh value, as a new object has it."""
        if self.kind in ("set", "map"):
            return [] if self.kind == "set" else {}
        return PLAIN[self.kind] if self.kind in PLAIN else self._enums[self.kind][0]

    def holds(self, value):
        """True when 'value' is of this field's type."""
        types = {"string": str, "int": int, "bool": bool, "float": (float, int), "date": Date, "ref": str, "set": list,
                 "map": dict}
        if self.kind in types:
            return isinstance(value, types[self.kind])
        return value in self._enums[self.kind]


class Class:
    """'form' says which calls it has: "" all, "private" those about one object, "bare" none."""

    def __init__(self, name, since, form=""):
        self.name, self.since, self.form, self.fields, self.visible = name, since, form, {}, ()

    def record(self, values):
        """A whole record: 'values' over the defaults."""
        unknown = set(values) - set(self.fields)
        assert not unknown, f"{self.name} has no {unknown}"
        wrong = [name for name, value in values.items() if not self.fields[name].holds(value)]
        assert not wrong, f"{self.name}: {wrong} of another type"
        return {name: values[name] if name in values else field.default() for name, field in self.fields.items()}


def _lines(text):
    """Without comments and empty lines, continued ones joined."""
    for line in text.replace("\\\n", " ").splitlines():
        words = line.partition("#")[0].split()
        if words:
            yield words


def load(release):
    """The classes of a release by name. A field that came later is kept, as the server's own, and not shown."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "classes.txt"), encoding="ascii") as file:
        text = file.read()
    classes, enums, now = {}, {}, None
    for words in _lines(text):
        if words[0] == "enum":
            enums[words[1]] = words[2:]
        elif words[0] == "class":
            now = Class(*words[1:])
            classes[now.name] = now
        else:
            now.fields[words[0]] = Field(words[0], words[1], words[2], "rw" in words[3:], enums)
    shown = {name: each for name, each in classes.items() if release.has(each.since)}
    for each in classes.values():
        each.visible = tuple(name for name, field in each.fields.items() if release.has(field.since))
    return classes, shown, enums
