"""The calls about sessions, events and the pool itself."""
from .calls import call, every_call
from .values import Failure


# Sessions

def _login(context, arguments, local):
    pool, member = context.pool, context.member
    user, password, *rest = arguments
    if (user, password) != (pool.user, pool.password):
        raise Failure("SESSION_AUTHENTICATION_FAILED", user, "Authentication failure")
    return member.login(user, rest[1] if len(rest) > 1 else "", context.connection.peer if context.connection else None, local)


@call("session.login_with_password", 2, 4, with_session=False)
def login(context, *arguments):
    fewest, most = context.pool.release.login_arguments
    if not fewest <= len(arguments) <= most:
        raise Failure("MESSAGE_PARAMETER_COUNT_MISMATCH", "session.login_with_password", fewest, len(arguments))
    if context.member.role == "slave":
        raise Failure("HOST_IS_SLAVE", context.member.master)
    return _login(context, arguments, local=False)


@call("session.slave_local_login_with_password", 2, with_session=False)
def local_login(context, *arguments):
    """A session of one member, which answers little more than who its master is."""
    return _login(context, arguments, local=True)


@call("session.logout", 0, local=True)
def logout(context):
    context.pool.calls.logouts += 1
    context.member.logout(context.session.ref)
    return ""


@call("session.local_logout", 0, local=True)
def local_logout(context):
    return logout(context)


@call("system.listMethods", 0, with_session=False)
def list_methods(context):
    return every_call(context.pool)


# Events

@call("event.register", 1)
def register(context, classes):
    context.pool.queue.register(context.session.ref, classes)
    return ""


@call("event.unregister", 1)
def unregister(context, classes):
    context.pool.queue.unregister(context.session.ref, classes)
    return ""


@call("event.next", 0)
def next_events(context):
    found = context.pool.queue.next(context.session.ref, context.alive)
    if found is None:
        raise ConnectionError("nobody waits any more")
    return found


@call("event.get_current_id", 0)
def current_id(context):
    return context.pool.queue.current


@call("event.from", 3, since="boston")
def events_from(context, classes, token, timeout):
    """Ends with the session that asked."""
    if not isinstance(timeout, float):
        raise Failure("FIELD_TYPE_ERROR", "timeout")
    member, session = context.member, context.session
    def alive():
        return context.alive() and member.sessions.find(session.ref) is not None
    found = context.pool.events.read(classes, token, timeout, alive)
    if found is None:
        if context.alive():
            raise Failure("SESSION_INVALID", session.ref)
        raise ConnectionError("nobody waits any more")
    return found


@call("event.inject", 2, since="tampa")
def inject(context, kind, ref):
    """A token from just before a write that changed nothing: event.from tells that write first."""
    pool = context.pool
    name = next((name for name in pool.shown if name.lower() == kind.lower()), kind)
    with pool.database.lock:
        before = pool.database.touch(name, ref) - 1
    return pool.token(before)


# Roles

@call("pool.designate_new_master", 1, job=True)
def designate(context, host):
    member = context.pool.member_of(context.database.row("host", host).ref)
    context.pool.designate(member)


@call("pool.emergency_transition_to_master", 0, with_session=True, local=True)
def transition(context):
    context.pool.promote(context.member)
    return ""


@call("pool.recover_slaves", 0)
def recover(context):
    return [member.ref for member in context.pool.recover()]


@call("host.get_servertime", 1)
def servertime(context, host):
    context.database.row("host", host)
    return context.pool.now()


