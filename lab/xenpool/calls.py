"""The calls: a table of those with a meaning of their own, and the plain ones that every class has."""
import functools

from .schema import Date
from .values import Failure

ANY = 99        # a call that takes any number of arguments


class Call:
    """
    fewest, most    arguments without the session
    with_session    the first argument is a session
    local           a slave answers it, too
    since           the release that has it first
    job             has an Async. form and a task
    """

    def __init__(self, name, function, fewest, most=None, since="rio", with_session=True, local=False, job=False):
        self.name, self.function, self.since = name, function, since
        self.fewest, self.most = fewest, fewest if most is None else most
        self.with_session, self.local, self.job, self.async_form = with_session, local, job, False


TABLE = {}


def call(name, fewest, most=None, **more):
    """Decorator: enters a function as the call 'name'. It gets a Context and the arguments."""
    def enter(function):
        TABLE[name] = Call(name, function, fewest, most, **more)
        return function
    return enter


class Context:
    """What a call knows about its caller."""

    def __init__(self, member, session, connection, job=None):
        self.member, self.session, self.connection, self.job = member, session, connection, job
        self.pool, self.database = member.pool, member.pool.database

    def alive(self):
        return self.connection is None or self.connection.alive()


def find_call(pool, method):
    """The call of that name in the pool's release, or None."""
    asynchronous = method.startswith("Async.")
    name = method[len("Async."):] if asynchronous else method
    found = TABLE.get(name)
    if found and not pool.release.has(found.since):
        return None
    if found is None:
        found = plain_call(pool, name)
    if asynchronous:
        return found if found and found.job else None
    return found


def run_call(found, member, session, connection, method, arguments):
    context = Context(member, session, connection)
    if not found.job:
        return found.function(context, *arguments)
    def work(job):
        return found.function(Context(member, session, None, job), *arguments)
    if method.startswith("Async."):
        return member.pool.jobs.start(method, work)
    return member.pool.jobs.run(method, work)


def every_call(pool):
    """The names of all calls, for system.listMethods, which does not list the Async. forms."""
    names = [name for name, each in TABLE.items() if pool.release.has(each.since) and not name.startswith("system.")]
    for name in pool.shown:
        names += [f"{name}.{verb}" for verb in PLAIN if has_plain(pool.classes[name], verb)]
        for field in pool.classes[name].visible:
            names.append(f"{name}.get_{field}")
            if pool.classes[name].fields[field].settable:
                names.append(f"{name}.set_{field}")
                if pool.classes[name].fields[field].kind == "map":
                    names += [f"{name}.add_to_{field}", f"{name}.remove_from_{field}"]
    return sorted(set(names))


# The plain calls

def get_all(kind, context):
    return [ref for ref, _ in context.database.all(kind)]


def get_all_records(kind, context):
    return dict(context.database.all(kind))


def get_all_records_where(kind, context, expression):
    if expression.strip() not in ("true", ""):
        raise Failure("NOT_IMPLEMENTED", f"{kind}.get_all_records_where {expression}")
    return get_all_records(kind, context)


def get_record(kind, context, ref):
    return context.database.row(kind, ref).record


def get_by_uuid(kind, context, uuid):
    found = context.database.find(kind, "uuid", uuid)
    if not found:
        raise Failure("UUID_INVALID", kind, uuid)
    return found[0]


def get_by_name_label(kind, context, label):
    return context.database.find(kind, "name_label", label)


PLAIN = {"get_all": (get_all, 0), "get_all_records": (get_all_records, 0),
         "get_all_records_where": (get_all_records_where, 1), "get_record": (get_record, 1),
         "get_by_uuid": (get_by_uuid, 1), "get_by_name_label": (get_by_name_label, 1)}


def has_plain(each, verb):
    if each.form == "bare" or verb == "get_by_name_label" and ("name_label" not in each.visible or each.name == "pool"):
        return False
    return each.form == "" or verb in ("get_record", "get_by_uuid")


def _get(kind, field, context, ref):
    return context.database.get(kind, ref, field)


def _converted(field, value):
    """Clients send numbers as texts."""
    try:
        value = {"int": int, "float": float, "date": Date}.get(field.kind, lambda each: each)(value)
    except (TypeError, ValueError) as error:
        raise Failure("FIELD_TYPE_ERROR", field.name) from error
    if not field.holds(value):
        raise Failure("FIELD_TYPE_ERROR", field.name)
    return value


def _set(kind, field, context, ref, value):
    context.database.write(kind, ref, **{field.name: _converted(field, value)})
    return ""


def _add_to(kind, field, context, ref, key, value):
    with context.database.lock:
        if key in context.database.get(kind, ref, field.name):
            raise Failure("MAP_DUPLICATE_KEY", kind, field.name, ref, key)
        context.database.change_map(kind, ref, field.name, key, value)
    return ""


def _remove_from(kind, field, context, ref, key):
    context.database.change_map(kind, ref, field.name, key)
    return ""


def _field_call(each, name, verb):
    """(function, number of arguments) of a call about one field, or None."""
    for prefix, function, arguments, kinds in (("set_", _set, 2, None), ("add_to_", _add_to, 3, "map"),
                                               ("remove_from_", _remove_from, 2, "map")):
        field = each.fields.get(verb[len(prefix):]) if verb.startswith(prefix) else None
        if field and field.name in each.visible and field.settable and kinds in (None, field.kind):
            return functools.partial(function, name, field), arguments
    if verb.startswith("get_") and verb[4:] in each.visible:
        return functools.partial(_get, name, verb[4:]), 1
    return None


def plain_call(pool, method):
    name, _, verb = method.partition(".")
    each = pool.shown.get(name)
    if each is None:
        return None
    if verb in PLAIN:
        if not has_plain(each, verb):
            return None
        function, arguments = PLAIN[verb]
        return Call(method, functools.partial(function, name), arguments)
    found = _field_call(each, name, verb)
    return Call(method, found[0], found[1]) if found else None
