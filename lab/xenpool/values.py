"""XML-RPC and JSON as xapi writes them, and requests read."""
import json
import random
import xml.parsers.expat
import xmlrpc.client

from .schema import Date, Int4

HEAD = '<?xml version="1.0"?>'


class Failure(Exception):
    """What a call answers instead of a value: an error code of XenAPI and its parameters, all texts."""

    def __init__(self, code, *parameters):
        super().__init__(code, *parameters)
        self.code, self.parameters = code, [str(each) for each in parameters]

    @property
    def words(self):
        return [self.code, *self.parameters]


class Malformed(Exception):
    """A request that is no XML-RPC or JSON-RPC call."""


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


class Record:
    """An object's fields at one moment; never changed, so that an event can keep it. 'shown' names the fields that the
    release sends, 'encoder' writes them; what it wrote is kept."""
    __slots__ = ("values", "_shown", "_encoder", "_ref", "_xml", "_json")

    def __init__(self, values, shown, encoder, ref):
        self.values, self._shown, self._encoder, self._ref = values, shown, encoder, ref
        self._xml = self._json = None

    def __getitem__(self, name):
        return self.values[name]

    def with_field(self, name, value):
        return Record({**self.values, name: value}, self._shown, self._encoder, self._ref)

    @property
    def xml(self):
        if self._xml is None:
            self._xml = self._encoder.members((name, self.values[name]) for name in self._encoder.order(self._shown, self._ref))
        return self._xml

    @property
    def plain(self):
        """For JSON."""
        if self._json is None:
            self._json = {name: self.values[name] for name in self._encoder.order(self._shown, self._ref)}
        return self._json


class Encoder:
    """Writes values the way a release does.

    empty_element    an empty string is <value/>, an empty struct <struct/>
    arbitrary        members come in an order of their own per object: no client may count on one
    """

    def __init__(self, empty_element=False, arbitrary=True):
        self._short, self._arbitrary, self._written = empty_element, arbitrary, {}

    def order(self, names, ref):
        if not self._arbitrary:
            return names
        mixed = list(names)
        random.Random(ref).shuffle(mixed)
        return mixed

    def _element(self, tag, content):
        return f"<{tag}/>" if self._short and not content else f"<{tag}>{content}</{tag}>"

    def xml(self, value):
        """The <value> element of anything a call can answer."""
        if isinstance(value, Record):
            return value.xml
        if isinstance(value, bool):
            content = f"<boolean>{int(value)}</boolean>"
        elif isinstance(value, Int4):
            content = f"<i4>{int(value)}</i4>"
        elif isinstance(value, Date):
            content = f"<dateTime.iso8601>{value}</dateTime.iso8601>"
        elif isinstance(value, float):
            content = f"<double>{value:0.16g}</double>"
        elif isinstance(value, dict):
            return self.members(value.items())
        elif isinstance(value, (list, tuple)):
            content = f"<array>{self._element('data', ''.join(map(self.xml, value)))}</array>"
        else:
            content = escape(str(value))
        return self._element("value", content)

    def members(self, pairs):
        return f"<value>{self._element('struct', ''.join(self._member(name, value) for name, value in pairs))}</value>"

    def _member(self, name, value):
        """Most fields of most objects say the same: these are written once."""
        if isinstance(value, (Record, dict, list, tuple)):
            if value:
                return f"<member>{self._element('name', escape(name))}{self.xml(value)}</member>"
            value = () if isinstance(value, (list, tuple)) else None
        key = (name, type(value), value)
        if key not in self._written:
            if len(self._written) > 50000:
                self._written.clear()
            self._written[key] = (f"<member>{self._element('name', escape(name))}"
                                  f"{self.xml({} if value is None else value)}</member>")
        return self._written[key]

    # Whole answers

    def success(self, value):
        return (f"{HEAD}<methodResponse><params><param><value><struct><member><name>Status</name><value>Success</value>"
                f"</member><member><name>Value</name>{self.xml(value)}</member></struct></value></param></params>"
                "</methodResponse>").encode()

    def bare(self, value):
        """Without the Status struct, as system.listMethods alone answers."""
        return f"{HEAD}<methodResponse><params><param>{self.xml(value)}</param></params></methodResponse>".encode()

    def failure(self, failure):
        return (f"{HEAD}<methodResponse><params><param><value><struct><member><name>Status</name><value>Failure</value>"
                f"</member><member><name>ErrorDescription</name>{self.xml(failure.words)}</member></struct></value>"
                "</param></params></methodResponse>").encode()

    @staticmethod
    def fault(number, text):
        """The one form that is not of XenAPI."""
        return (f"{HEAD}<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>{number}</int>"
                f"</value></member><member><name>faultString</name><value>{escape(text)}</value></member></struct>"
                "</value></fault></methodResponse>").encode()


def read_xml(body):
    """(method, arguments) of a request."""
    try:
        arguments, method = xmlrpc.client.loads(body)
    except xml.parsers.expat.ExpatError as error:
        text = xml.parsers.expat.ErrorString(error.code)
        raise Malformed(f"Xmlm.Error({error.lineno}:{error.offset}, \"{text}\")") from error
    except Exception as error:      # whatever that parser thinks of a document that is none of its own
        raise Malformed(f"{type(error).__name__}: {error}") from error
    if method is None:
        raise Malformed("not a methodCall")
    return method, list(arguments)


def _plain(value):
    if isinstance(value, Record):
        return value.plain
    raise TypeError(type(value))


def write_json(value):
    return json.dumps(value, default=_plain, separators=(",", ":")).encode()


class JsonCall:
    """A JSON-RPC call of either version, and its answers in the same; in the first one where 'second' is not known."""

    def __init__(self, body, second=True):
        try:
            call = json.loads(body)
            self.method, self.arguments = call["method"], call["params"]
        except (ValueError, TypeError, KeyError) as error:
            raise Malformed(f"{type(error).__name__}: {error}") from error
        if not isinstance(self.method, str) or not isinstance(self.arguments, list):
            raise Malformed("not a call")
        self._id, self._second = call.get("id"), second and call.get("jsonrpc") == "2.0"

    def success(self, value):
        if self._second:
            return write_json({"jsonrpc": "2.0", "result": value, "id": self._id})
        return write_json({"result": value, "error": None, "id": self._id})

    bare = success

    def failure(self, failure):
        if self._second:
            error = {"code": 1, "message": failure.code, "data": failure.parameters}
            return write_json({"jsonrpc": "2.0", "error": error, "id": self._id})
        return write_json({"result": None, "error": failure.words, "id": self._id})

    @staticmethod
    def early_failure(failure):
        """Before a call is dispatched xapi has not looked at its version and id."""
        return write_json({"result": None, "error": failure.words, "id": 0})
