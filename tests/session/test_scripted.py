"""A session with a server that says exactly what the test wants."""
import ssl

import pytest
from scripted import COOKIE, Fault, Scripted, change, content, update, updates
from vsnlab.until import until

NIC = "<PhysicalNic><key>k0</key><device>vmnic0</device><mac>02:00:00:00:00:01</mac></PhysicalNic>"


@pytest.fixture
def script(tmp_path):
    with Scripted(tmp_path) as server:
        yield server


def test_cookie_and_version_are_echoed(script, follow):
    session = follow(script).until_state("connected")
    assert session.close() == 0
    assert script.cookies <= {None, COOKIE} and COOKIE in script.cookies
    assert script.actions == {'"urn:vim25/6.5"'}
    assert script.asked[-1] == "Logout" and script.asked.count("Login") == 1


def test_without_a_list_of_versions(script, follow):
    script.versions = None
    session = follow(script).until_state("connected")
    assert session.session["api"] == "VirtualCenter 6.5"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_only_when_it_is_allowed(tmp_path, follow):
    with Scripted(tmp_path, newest=ssl.TLSVersion.TLSv1_1) as old:
        session = follow(old).until("a reason", lambda s: s.session.get("reason"))
        assert "tls legacy" in session.session["reason"] and not old.asked
        session = follow(old, tls_legacy="yes").until_state("connected")
        assert "TLSv1.1" in session.session["notice"]


def test_compressed_replies(script, follow):
    script.gzip = True
    follow(script).until_state("connected").named("host", "esx1")


def test_an_update_of_a_part_reads_the_object_again(script, follow):
    device = ("<VirtualDevice><key>4000</key><macAddress>02:00:00:00:00:09</macAddress><backing>"
              "<deviceName>blue</deviceName></backing></VirtualDevice>")
    pages = [f"<returnval><token>t1</token><objects>{content('VirtualMachine', 'vm-1', change('name', 'web'))}</objects>"
             "</returnval>"]

    def read(body):
        return pages.pop(0) if "vm-1" in body else ""

    script.answers["RetrievePropertiesEx"] = read
    script.answers["ContinueRetrievePropertiesEx"] = lambda body: (
        "<returnval><objects>" + content("VirtualMachine", "vm-2", change("name", "db"),
                                         change("config.hardware.device", device, "ArrayOfVirtualDevice"))
        + "</objects></returnval>") if "<token>t1</token>" in body else ""
    script.waits.append(updates("2", update("modify", "VirtualMachine", "vm-1",
                                            change("config.hardware.device[4000]", "<key>4000</key>", "VirtualE1000")),
                                update("modify", "VirtualMachine", "vm-2", change("config", None))))
    session = follow(script).until_state("connected")
    session.until("both", lambda s: len(s.rows("machine")) == 2)
    assert session.rows("vif")["vm-2", "4000"]["network"] == "blue"
    wait = script.asked.index("ContinueRetrievePropertiesEx") + 1
    until("the next wait", lambda: len(script.asked) > wait)
    assert script.asked[wait] == "WaitForUpdatesEx"     # not before the objects were read


def test_a_switch_without_its_configuration_is_not_asked_for_without_end(script, follow):
    script.answers["RetrievePropertiesEx"] = lambda _: ("<returnval><objects>" + content(
        "VmwareDistributedVirtualSwitch", "dvs-1", change("name", "dvs")) + "</objects></returnval>")
    script.waits[0] = updates("1", update("enter", "VmwareDistributedVirtualSwitch", "dvs-1", change("name", "dvs")))
    session = follow(script).until_state("connected")
    assert ("pvlan", "dvs-1") in session.unknown and session.named("dvswitch", "dvs")
    assert script.asked.count("RetrievePropertiesEx") == 2
    assert 'type="VmwareDistributedVirtualSwitch">dvs-1<' in script.bodies["RetrievePropertiesEx"][1]


def test_an_object_that_went_before_it_was_read_again(script, follow):
    def read(body):
        if "host-2" in body:
            raise Fault("ManagedObjectNotFound", '<obj type="HostSystem">host-2</obj>')
        if "host-1" not in body:
            return ""
        return ("<returnval><objects>" + content("HostSystem", "host-1", change("name", "esx1 again"))
                + "</objects></returnval>")

    script.answers["RetrievePropertiesEx"] = read
    script.waits.append(updates("2", *(update("modify", "HostSystem", ref, change("config.network", None))
                                       for ref in ("host-2", "host-1"))))
    session = follow(script)
    session.until("read again", lambda s: any(row.get("name") == "esx1 again" for row in s.rows("host").values()))
    assert session.states[-1] == "connected" and session.syncs == 1


def test_a_property_that_the_server_does_not_know(script, follow):
    unknown = ["config.network.opaqueSwitch", "config.uplink", "tag"]

    def make(body):
        for path in unknown:
            if f"<pathSet>{path}</pathSet>" in body:
                raise Fault("InvalidProperty", f"<name>{path}</name>")
        return '<returnval type="PropertyFilter">filter</returnval>'

    script.answers["CreateFilter"] = make
    script.waits[0] = updates("1", update("enter", "HostSystem", "host-1", change("name", "esx1"),
                                          change("config.network.pnic", NIC, "ArrayOfPhysicalNic")))
    session = follow(script).until_state("connected")
    assert script.asked.count("CreateFilter") == 4
    assert ("vswitch", "host-1") not in session.unknown      # a server without opaque switches has none


def test_an_unknown_property_that_we_did_not_ask_for_is_trouble(script, follow):
    def make(_):
        raise Fault("InvalidProperty", "<name>something.else</name>")

    script.answers["CreateFilter"] = make
    session = follow(script)
    session.until("it says why", lambda s: "InvalidProperty" in s.session.get("reason", ""))
    session.until("another try", lambda s: script.asked.count("Login") >= 2)
    assert session.session["state"] != "connected"


@pytest.mark.parametrize("kind", ["InvalidCollectorVersion", "ManagedObjectNotFound", "NotAuthenticated", "SystemError"])
def test_a_fault_in_a_wait_leads_to_a_full_read(script, follow, kind):
    waits = [updates("1", update("enter", "HostSystem", "host-1", change("name", "esx1"))), Fault(kind),
             updates("1", update("enter", "HostSystem", "host-2", change("name", "esx2")))]

    def wait(body):
        answer = waits.pop(0) if waits else script.next_wait(body)
        if isinstance(answer, Fault):
            raise answer
        return answer

    script.waits = []
    script.answers["WaitForUpdatesEx"] = wait
    session = follow(script).until("two reads", lambda s: s.syncs == 2).until_state("connected")
    assert [row["name"] for row in session.rows("host").values()] == ["esx2"]
    assert script.asked.count("Logout") == (0 if kind == "NotAuthenticated" else 1)
    assert "<version></version>" in script.bodies["WaitForUpdatesEx"][2]


def test_the_first_read_is_complete_only_without_truncated(script, follow):
    script.waits = [updates("0_1", update("enter", "HostSystem", "host-1", change("name", "esx1")),
                            more="<truncated>true</truncated>"),
                    updates("0_2", update("enter", "HostSystem", "host-2"), more="<truncated>true</truncated>"),
                    updates("1", update("modify", "HostSystem", "host-2", change("name", "esx2")))]
    session = follow(script).until_state("connected")
    assert [row["name"] for row in session.rows("host").values()] == ["esx1", "esx2"] and session.syncs == 1
    versions = [body.split("<version>")[1].split("<")[0] for body in script.bodies["WaitForUpdatesEx"]]
    assert versions[:3] == ["", "0_1", "0_2"]


def test_an_empty_world_is_complete(script, follow):
    script.waits = [""]
    session = follow(script).until_state("connected")
    assert session.syncs == 1 and not session.rows("host")


def test_a_wait_that_does_not_wait_is_not_asked_without_end(script, follow):
    script.waits = [script.waits[0]] + [""] * 1000
    session = follow(script).until_state("connected")
    session.turn(3)
    assert 2 <= script.asked.count("WaitForUpdatesEx") <= 6


def test_old_calls_only(script, follow):
    """As API 4.0: neither collectors of one's own nor calls that end in Ex."""
    for method in "CreatePropertyCollector", "RetrievePropertiesEx", "WaitForUpdatesEx":
        del script.answers[method]
    script.answers["RetrieveProperties"] = lambda _: ""
    script.answers["CheckForUpdates"] = lambda _: updates(
        "1", update("enter", "HostSystem", "host-1", change("name", "esx1")))
    script.waits = [updates("2", update("modify", "HostSystem", "host-1", change("name", "esx1 later")))]
    script.answers["WaitForUpdates"] = script.next_wait
    session = follow(script)
    session.until("the change", lambda s: any(row["name"] == "esx1 later" for row in s.rows("host").values()))
    assert "<_this type=\"PropertyCollector\">pc</_this>" in script.bodies["CreateFilter"][0]


def test_polling_where_there_is_no_wait(script, follow):
    for method in "CreatePropertyCollector", "WaitForUpdatesEx":
        del script.answers[method]
    answers = [updates("1", update("enter", "HostSystem", "host-1", change("name", "esx1"))), "",
               updates("2", update("leave", "HostSystem", "host-1"))]
    script.answers["CheckForUpdates"] = lambda _: answers.pop(0) if answers else ""
    session = follow(script).until_state("connected")
    session.until("esx1 leaves", lambda s: not s.rows("host"))


@pytest.mark.parametrize("fault", ["NotSupported", "InvalidRequest"])
def test_a_server_that_can_do_nothing(script, follow, fault):
    for method in "CreatePropertyCollector", "WaitForUpdatesEx":
        del script.answers[method]
    session = follow(script)
    session.until("another try", lambda s: script.asked.count("CreateFilter") >= 2)
    assert session.session["state"] in ("connecting", "syncing") and session.syncs == 0


@pytest.mark.parametrize("how", ["page", "redirect", "content"])
def test_not_a_vsphere_server(script, follow, how):
    if how == "redirect":
        script.redirect = True
    elif how == "content":
        script.answers["RetrieveServiceContent"] = lambda _: "<returnval><about/></returnval>"
    else:
        script.answer = lambda *_: None
    session = follow(script).until("a reason", lambda s: s.session.get("reason"))
    assert "vSphere API" in session.session["reason"] and "Login" not in script.asked


def test_hints_that_cannot_be_read(script, follow):
    script.waits = [updates("1", update(
        "enter", "HostSystem", "host-1", change("name", "esx1"), change("runtime.connectionState", "connected"),
        change("configManager.networkSystem", "ns-1")))]

    def hint(_):
        raise Fault("HostConfigFault")

    script.answers["QueryNetworkHint"] = hint
    session = follow(script, hint_interval_s=1)
    session.until("unknown", lambda s: ("hint", "host-1") in s.unknown)
    script.answers["QueryNetworkHint"] = lambda body: (
        "<returnval><device>vmnic0</device><connectedSwitchPort><devId>tor</devId><portId>p</portId>"
        "</connectedSwitchPort></returnval>") if "ns-1" in body else ""
    session.until("the hint", lambda s: s.rows("hint"))
    assert session.session["state"] == "connected"


def test_hostile_names(script, follow):
    """Whatever a tenant calls a machine, it stays one value of one row."""
    name = "x&#10;gone host id=host-1&#13;&#9; %0A \u202e &lt;b&gt; \u2603" + "y" * 3000
    script.waits.append(updates("2", update("enter", "VirtualMachine", "vm-1", change("name", name))))
    session = follow(script).until("the machine", lambda s: s.rows("machine"))
    taken = session.rows("machine")["", "vm-1"]["name"]
    assert taken.startswith("x\ngone host id=host-1\r\t %0A \u202e <b> \u2603yyy") and 400 < len(taken.encode()) < 513
    assert session.rows("host")
