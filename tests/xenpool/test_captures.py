"""The same requests as in recorded exchanges with xapi 24.10: the replies must have the same types and members.

The recordings are not part of the project. VSN_XENAPI_CAPTURES names their folder, by default beside the checkout."""
import glob
import json
import os
import re
import xml.etree.ElementTree as ElementTree

import pytest

from clients import ROOT, Reply, ask, connection, post
from small_pool import QUICK, world
from vsnlab.until import until
from vsnlab.xenpool import XenPool

FOLDER = os.environ.get("VSN_XENAPI_CAPTURES") or os.path.join(os.path.dirname(ROOT), "shared/reference/xenapi-captures")
pytestmark = pytest.mark.skipif(not os.path.isdir(FOLDER), reason=f"no recorded exchanges in {FOLDER}: they are not part of "
                                "the project, and VSN_XENAPI_CAPTURES does not say where they are")
RECORDS = ["pool", "host", "network", "PIF", "PIF_metrics", "Bond", "VLAN", "VM", "VIF", "task"]
BYTES = ["01", "02", "29", "31", "32", "35", "54", "55"]


def names(suffix="resp.xml"):
    """{number: path without suffix} of the recordings that have that kind of reply."""
    return {os.path.basename(path)[:2]: path[:-len(suffix)] for path in sorted(glob.glob(f"{FOLDER}/*.{suffix}"))}


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Recorded:
    """One exchange: body of the request, and the Reply."""

    def __init__(self, number, kind="xml"):
        base = names(f"resp.{kind}")[number]
        lines = read(f"{base}resp.hdr").decode().split("\r\n" if b"\r\n" in read(f"{base}resp.hdr") else "\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        self.request = read(f"{base}req.{kind}")
        self.reply = Reply(int(lines[0].split()[1]), {name.lower(): text for name, text in headers.items()},
                           read(f"{base}resp.{kind}"))


class Place:
    """A pool like the recorded one, and what stands there for the recorded references."""

    def __init__(self, pool):
        self.pool = pool
        rows = {each["name"]: each["ref"] for each in pool.state()["members"] + pool.state()["machines"]}
        migrate = [ref for ref in re.findall(rb"OpaqueRef:[-0-9a-f]+", Recorded("46").request)]
        login = self.replay("03").value
        self.session = login["Value"]
        self.known = {migrate[0].decode(): self.session, migrate[1].decode(): rows["web1"], migrate[2].decode(): rows["xs3"],
                      json.loads(Recorded("06", "json").reply.body)["result"]: self.session,
                      re.findall(r"OpaqueRef:[-0-9a-f]+", Recorded("38").request.decode())[1]: rows["xs1"],
                      re.findall(r"OpaqueRef:[-0-9a-f]+", Recorded("42").request.decode())[1]:
                          ask(pool, "pool.get_all", self.session, host="xs1")["Value"][0]}

    def replay(self, number, kind="xml", host="xs1", **more):
        """Sends the recorded request with our references in it."""
        body = Recorded(number, kind).request.decode()
        for theirs, ours in {**getattr(self, "known", {}), **more}.items():
            body = body.replace(theirs, ours)
        return post(self.pool, body.encode(), host=host, path="/jsonrpc" if kind == "json" else "/")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    inventory = world()
    for number, host in enumerate(inventory["hosts"]):
        host["address"] = host["listen"] = f"127.0.0.{number + 2}"
        host["bonds"][0]["mode"] = "lacp"
    flags = [*QUICK, "-password", "s3cret&<>\"", "-t-copy", "500ms", "-order", "declared"]
    with XenPool(tmp_path_factory.mktemp("captures"), inventory, flags, "24.10") as pool:
        yield Place(pool)


# Shapes: what a value is made of, without what it says

def shape(value):
    """Of an XML <value>: a tag, ("array", shapes of its elements), ("struct", {name: shape})."""
    if len(value) == 0:
        return "text"
    (child,) = value
    if child.tag == "array":
        return "array", {repr(shape(each)): shape(each) for each in child.find("data")}
    if child.tag == "struct":
        return "struct", {member.find("name").text: shape(member.find("value")) for member in child}
    return child.tag


def plain_shape(value):
    """The same of JSON."""
    if isinstance(value, list):
        return "array", {repr(plain_shape(each)): plain_shape(each) for each in value}
    if isinstance(value, dict):
        return "struct", {name: plain_shape(each) for name, each in value.items()}
    return type(value).__name__


def answer_shape(reply):
    """The Value of a good reply."""
    document = ElementTree.fromstring(reply.body)
    members = {member.find("name").text: member.find("value") for member in document.iter("member")
               if member.find("name").text in ("Status", "Value")}
    assert members["Status"].text == "Success", reply.body[:500]
    return shape(members["Value"])


def outline(one):
    """Of a field: how it is written, and of which kinds the elements of a set are, where any is known."""
    if isinstance(one, tuple):
        return one[0], {each[0] if isinstance(each, tuple) else each for each in one[1].values()} if one[0] == "array" else None
    return one, None


def alike(theirs, ours, where):
    """Two structs with the same members, written the same way."""
    assert set(theirs) == set(ours), f"{where}: only theirs {set(theirs) - set(ours)}, only ours {set(ours) - set(theirs)}"
    for name in theirs:
        (tag, elements), (our_tag, our_elements) = outline(theirs[name]), outline(ours[name])
        assert tag == our_tag, f"{where}.{name}"
        assert not elements or not our_elements or elements == our_elements, f"{where}.{name}"


# Plain answers

@pytest.mark.parametrize("number", BYTES)
def test_short_replies_are_the_same_byte_by_byte(place, number):
    recorded = Recorded(number)
    if number == "54":
        task = ask(place.pool, "task.create", place.session, "a", "b", host="xs1")["Value"]
        theirs = re.findall(r"OpaqueRef:[-0-9a-f]+", recorded.request.decode())[1]
        reply = place.replay(number, **{theirs: task})
    elif number == "55":
        extra = place.replay("03").value["Value"]
        reply = post(place.pool, recorded.request.decode().replace(
            re.search(r"OpaqueRef:[-0-9a-f]+", recorded.request.decode())[0], extra).encode(), host="xs1")
    else:
        reply = place.replay(number, host="xs2" if number == "01" else "xs1")
    assert reply.body == recorded.reply.body
    assert (reply.status, reply.headers) == (recorded.reply.status, recorded.reply.headers)


def test_login_and_lost_session(place):
    for number in ("03", "27", "34"):
        theirs, reply = Recorded(number).reply, place.replay(number)
        blank = lambda body: re.sub(rb"(OpaqueRef:|trackid=)[-0-9a-f]+", rb"\1", body)
        assert blank(reply.body) == blank(theirs.body)
        assert reply.headers.keys() == theirs.headers.keys()


@pytest.mark.parametrize("number", ["04", "05", "06", "28", "30", "33", "56"])
def test_json_replies(place, number):
    theirs = Recorded(number, "json").reply
    session = place.replay("06", "json") if number == "56" else None
    more = {place_key: json.loads(session.body)["result"] for place_key in
            [json.loads(Recorded("06", "json").reply.body)["result"]]} if session else {}
    known, place.known = place.known, {**place.known, **more}
    reply = place.replay(number, "json", host="xs2" if number in ("04", "05") else "xs1")
    place.known = known
    mine, yours = json.loads(reply.body), json.loads(theirs.body)
    if number == "06":
        mine["result"] = yours["result"] = ""
    assert mine == yours and list(mine) == list(yours)
    assert {**reply.headers, "content-length": 0} == {**theirs.headers, "content-length": 0}


def test_a_body_that_is_no_xml(place):
    recorded, reply = Recorded("57"), place.replay("57")
    assert reply.status == recorded.reply.status == 500
    assert {**reply.headers, "content-length": 0} == {**recorded.reply.headers, "content-length": 0}
    cut = lambda body: body.partition(b"Xmlm.Error(")[0]
    assert cut(reply.body) == cut(recorded.reply.body)


def test_every_call_that_is_listed_exists(place):
    """The list is the one answer without a Status; the stand-in has fewer calls, and none of its own."""
    theirs, ours = Recorded("36").reply.value, place.replay("36").value
    assert isinstance(ours, list) and set(ours) <= set(theirs)
    assert {"event.from", "VM.pool_migrate", "VIF.get_all_records", "PIF.get_MAC"} <= set(ours)


def test_small_answers(place):
    for number in ("37", "38", "41", "42", "43"):
        theirs, ours = answer_shape(Recorded(number).reply), answer_shape(place.replay(number))
        assert outline(theirs) == outline(ours), number
    assert re.fullmatch(r"\d{20},\d{20}", place.replay("42").value["Value"])


# Records

@pytest.mark.parametrize("index, kind", enumerate(RECORDS))
def test_records_have_the_same_fields_of_the_same_types(place, index, kind):
    if kind == "task":
        ask(place.pool, "task.create", place.session, "a", "b", host="xs1")
    number = f"{7 + 2 * index:02}"
    theirs, ours = answer_shape(Recorded(number).reply)[1], answer_shape(place.replay(number))[1]
    assert theirs and ours
    for record in ours.values():
        alike(merged(theirs.values()), record[1], kind)
    theirs = json.loads(Recorded(f"{8 + 2 * index:02}", "json").reply.body)["result"]
    ours = json.loads(place.replay(f"{8 + 2 * index:02}", "json").body)["result"]
    for record in ours.values():
        alike(plain_shape(next(iter(theirs.values())))[1], plain_shape(record)[1], f"{kind} in JSON")


def merged(records):
    """One record whose sets have an element where any of the records has."""
    found = {}
    for _, members in records:
        for name, each in members.items():
            if outline(each)[1] or name not in found:
                found[name] = each
    return found


# Events

def by_kind(events, kind_of):
    """{(class, operation): one event's members}"""
    return {(kind_of(event, "class"), kind_of(event, "operation")): event for event in events}


def xml_events(body, inside):
    """[{member: element}] of a reply."""
    document = ElementTree.fromstring(body)
    value = next(member.find("value") for member in document.iter("member") if member.find("name").text == "Value")
    if inside:
        value = next(each.find("value") for each in value.find("struct") if each.find("name").text == inside)
    return [{member.find("name").text: member.find("value") for member in each.find("struct")}
            for each in value.find("array").find("data")]


def text_of(event, name):
    return event[name].text


def events_alike(theirs, ours):
    mine, yours = by_kind(ours, text_of), by_kind(theirs, text_of)
    common = set(mine) & set(yours)
    assert common
    for key in common:
        assert set(mine[key]) == set(yours[key]), key
        for name in set(mine[key]) - {"snapshot"}:
            assert shape(mine[key][name]) == shape(yours[key][name]), (key, name)
        if "snapshot" in mine[key]:
            alike(shape(yours[key]["snapshot"])[1], shape(mine[key]["snapshot"])[1], key)
    return common


def test_event_from_the_beginning(place):
    theirs, ours = Recorded("39").reply, place.replay("39")
    alike(answer_shape(theirs)[1], answer_shape(ours)[1], "event.from")
    alike(answer_shape(theirs)[1]["valid_ref_counts"][1], answer_shape(ours)[1]["valid_ref_counts"][1], "valid_ref_counts")
    common = events_alike(xml_events(theirs.body, "events"), xml_events(ours.body, "events"))
    assert ("host", "mod") in common and ("host", "add") in common, "objects that were there can come as modified"
    theirs, ours = (json.loads(each.body)["result"] for each in (Recorded("40", "json").reply, place.replay("40", "json")))
    alike(plain_shape(theirs)[1], plain_shape(ours)[1], "event.from in JSON")
    assert {type(count) for count in ours["valid_ref_counts"].values()} == {int}


def test_a_migration(place):
    """Calls 43 to 53: registers, starts it, and sees it both ways to its end."""
    pool, known = place.pool, place.known
    session = place.session
    place.replay("43")
    begin = ask(pool, "event.from", session, ["vm"], "", 0.0, host="xs1")["Value"]["token"]
    reply = place.replay("46")
    assert outline(answer_shape(reply)) == outline(answer_shape(Recorded("46").reply))
    task = reply.value["Value"]
    seen, link = [], connection(pool, "xs1")
    body = Recorded("47").request.decode().replace(next(theirs for theirs, ours in known.items() if ours == session), session)
    ended = ("task", "mod", task, "success")
    while ended not in seen:
        answer = post(pool, body.encode(), over=link)
        for event in answer.value["Value"]:
            seen.append((event["class"], event["operation"], event["ref"], event["snapshot"].get("status")))
        if ("vm", "mod") in {each[:2] for each in seen}:
            recorded = Recorded("47").reply.body if ended not in seen else Recorded("50").reply.body
            events_alike(xml_events(recorded, None), xml_events(answer.body, None))
    assert ("task", "del") in {each[:2] for each in seen}, "the internal task of the switch-over"
    until("the end", lambda: ask(pool, "task.get_status", session, task, host="xs1")["Value"] == "success")
    late = ask(pool, "event.from", session, ["vm", "host", "task"], begin, 1.0, host="xs1")["Value"]
    kinds = {(event["class"], event["operation"]) for event in late["events"]}
    assert {("vm", "mod"), ("host", "mod"), ("task", "add")} <= kinds
    theirs = re.findall(r"OpaqueRef:[-0-9a-f]+", Recorded("53").request.decode())[1]
    alike(answer_shape(Recorded("53").reply)[1], answer_shape(place.replay("53", **{theirs: task}))[1], "task")
