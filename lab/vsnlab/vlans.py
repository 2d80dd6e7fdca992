"""VLAN lists as text: "100,200-210"."""


def parse(value):
    """A set of ids from text, a number or any iterable of numbers."""
    if isinstance(value, int):
        return {value}
    if not isinstance(value, str):
        return set(value)
    ids = set()
    for part in filter(None, value.replace(" ", "").split(",")):
        first, _, last = part.partition("-")
        ids.update(range(int(first), int(last or first) + 1))
    return ids


def ranges(ids):
    """Sorted (first, last) pairs."""
    found = []
    for vlan in sorted(ids):
        if found and found[-1][1] == vlan - 1:
            found[-1][1] = vlan
        else:
            found.append([vlan, vlan])
    return [tuple(pair) for pair in found]


def text(ids):
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges(parse(ids)))
