"""Releases of XenAPI and how they differ on the wire."""

# Oldest first. Products up to 8.2 are known by a code name, what came later by the version of xapi.
CODE_NAMES = ("rio miami symc orlando george midnight-ride cowley boston tampa clearwater vgpu-tech-preview "
              "vgpu-productisation creedence cream dundee ely falcon inverness jura kolkata lima naples quebec stockholm "
              "stockholm_psr").split()


def position(release):
    """A sort key: when 'release' (a code name or a version of xapi) came out."""
    if release in CODE_NAMES:
        return (0, CODE_NAMES.index(release))
    return (1, *(int(number) for number in release.split(".")))


class Release:
    """
    name        how -release calls it
    code        its place among the releases
    api         API_version_major and _minor
    product     what host.software_version says
    """

    def __init__(self, name, code, api, product, platform):
        self.name, self.code, self.api, self.product, self.platform = name, code, api, product, platform
        self._position = position(code)

    def has(self, since):
        """True when what came with release 'since' is in this one."""
        return self._position >= position(since)

    # What else differs, each by the release that changed it.

    @property
    def event_from(self):
        return self.has("boston")

    @property
    def event_inject(self):
        return self.has("tampa")

    @property
    def fixed_width_token(self):
        return self.has("tampa")

    @property
    def json(self):
        """Before, /jsonrpc goes to the XML-RPC handler, which cannot read it: HTTP 500."""
        return self.has("tampa")

    @property
    def json_second(self):
        """Answers in version 2 to a call in version 2."""
        return self.has("inverness")

    @property
    def empty_element(self):
        """<value/> in place of <value></value>."""
        return not self.has("boston")

    @property
    def queue_of_500(self):
        """event.next keeps 500 events for 15 minutes; later releases keep 10 megabytes."""
        return not self.has("boston")

    @property
    def login_arguments(self):
        """Fewest and most."""
        return (2, 4) if self.has("clearwater") else (2, 3)

    @property
    def bond_modes(self):
        """5.6 has one mode and no word for it; LACP came with 6.1."""
        if not self.has("boston"):
            return ["balance-slb"]
        return ["balance-slb", "active-backup"] + (["lacp"] if self.has("tampa") else [])

    @property
    def migrate_send(self):
        return self.has("tampa")

    @property
    def migrate_send_names_host(self):
        """The destination holds the operation's key, too."""
        return self.has("inverness")

    @property
    def migrate_send_forgets_host(self):
        """The destination's entry stays behind (CA-326621)."""
        return self.has("inverness") and not self.has("quebec")

    @property
    def evacuates_at_once(self):
        """The machines of a host leave together; before, one after the other."""
        return self.has("23.27.0")

    @property
    def lower_case_headers(self):
        return self.has("inverness")


RELEASES = {each.name: each for each in (
    Release("5.6", "midnight-ride", (1, 7), "5.6.0", None),
    Release("6.0", "boston", (1, 9), "6.0.0", None),
    Release("6.2", "clearwater", (2, 0), "6.2.0", "1.8.0"),
    Release("7.2", "falcon", (2, 7), "7.2.0", "2.3.0"),
    Release("7.6", "lima", (2, 11), "7.6.0", "2.7.1"),
    Release("8.2", "stockholm", (2, 15), "8.2.0", "3.2.0"),
    Release("24.10", "24.10.0", (2, 21), "8.4.0", "3.4.0"),
    # Merged, and not released when this was written: LLDP, by its published design. The version is made up.
    Release("next", "26.99.0", (2, 23), "9.0.0", "3.5.0"),
)}
