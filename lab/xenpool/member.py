"""A host of the pool as a client meets it: an address, a role, sessions of its own, and calls that it answers."""
from .calls import find_call, run_call
from .sessions import Session, Sessions
from .values import Failure

ROLES = ("master", "slave", "emergency", "booting", "dead")
EMERGENCY = ("HOST_STILL_BOOTING", "HOST_HAS_NO_MANAGEMENT_IP", "HOST_ITS_OWN_SLAVE", "HOST_UNKNOWN_TO_MASTER",
             "HOST_BROKEN", "HA_HOST_IS_ARMED")


class Member:
    """
    name, address   of the host, as the pool knows it
    listen          where its socket really is; the same unless a relay stands between
    role            one of ROLES; a booting and a dead one do not answer, 'silence' says how
    master          the address that it names as a slave
    front           its listener (front.py)
    """

    def __init__(self, pool, name, address, listen, certificate=None):
        self.pool, self.name, self.address, self.listen, self.certificate = pool, name, address, listen, certificate
        self.ref = None
        self.role, self.master, self.emergency, self.silence = "slave", None, EMERGENCY[0], "refuse"
        self.sessions, self.front = Sessions(), None

    # Roles

    def become(self, role, master=None, emergency=None):
        """Takes a role. Every change of it is a restart of the tool stack: the sessions are gone."""
        here = role in ("master", "slave", "emergency")
        if self.front and (not here or self.role != role):
            self.front.close("refuse" if role != "dead" else self.silence)
        self.end_sessions()
        self.role = role
        if master is not None:
            self.master = master
        if emergency is not None:
            self.emergency = emergency
        if self.front and here:
            self.front.open()

    def end_sessions(self):
        for session in self.sessions.close_all():
            self._ended(session)

    def _ended(self, session):
        self.pool.queue.end(session.ref)
        if self.pool.database.has("session", session.ref):
            self.pool.database.destroy("session", session.ref)

    # Sessions

    def login(self, user, originator, peer, local=False):
        database = self.pool.database
        if local:
            ref = database.new_ref()
        else:
            ref = database.create("session", this_host=self.ref, auth_user_name=user, originator=originator,
                                  is_local_superuser=True, pool=False, last_active=self.pool.now(),
                                  validation_time=self.pool.now())
        dropped = self.sessions.open(Session(ref, user, originator, local, peer))
        if dropped:
            self._ended(dropped)
        return ref

    def logout(self, ref):
        session = self.sessions.close(ref)
        if session:
            self._ended(session)

    # Calls

    def answer(self, method, arguments, connection):
        """The value that a call answers; Failure when it fails. The order of the checks is xapi's."""
        if self.role == "emergency":
            raise Failure(self.emergency)
        call = find_call(self.pool, method)
        if call is None or call.with_session:
            session, arguments = self._session(arguments)
        else:
            session = None
        if session and self.role == "slave" and not (call and call.local):
            raise Failure("HOST_IS_SLAVE", self.master)
        if call is None:
            raise Failure("MESSAGE_METHOD_UNKNOWN", method)
        if not call.fewest <= len(arguments) <= call.most:
            raise Failure("MESSAGE_PARAMETER_COUNT_MISMATCH", method, call.fewest, len(arguments))
        return run_call(call, self, session, connection, method, arguments)

    def _session(self, arguments):
        ref = arguments[0] if arguments and isinstance(arguments[0], str) else ""
        session = self.sessions.find(ref)
        if session is None:
            raise Failure("SESSION_INVALID", ref)
        return session, arguments[1:]
