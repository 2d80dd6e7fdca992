"""vsn and vsnd's command lines: exit statuses, where answers go, and configurations that are refused."""
import json
import subprocess

import pytest

from dummy_daemon import BUILD, ROOT, vsn


def check_config(path):
    done = subprocess.run([BUILD / "vsnd", "--check-config", path], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stderr


def test_answers_in_text_and_json(daemon):
    text, as_json = daemon.vsn("show", "port"), daemon.vsn("show", "port", "--json")
    assert text.code == as_json.code == 0
    assert text.out.splitlines()[0].split()[:2] == ["PORT", "ENABLED"]
    ports = {port["port"]: port for port in json.loads(as_json.out)}
    assert ports["swp1"]["enabled"] and not ports["swp2"]["enabled"]
    assert ports["swp1"]["hand_made"] == "300"


def test_words_may_be_shortened(daemon):
    assert daemon.vsn("sh", "po", "swp1").out == daemon.vsn("show", "port", "swp1").out


def test_not_found_is_status_1(daemon):
    answer = daemon.vsn("show", "port", "swp99")
    assert answer.code == 1 and "swp99" in answer.err and not answer.out
    answer = daemon.vsn("show", "port", "swp99", "--json")
    assert answer.code == 1 and json.loads(answer.out)["done"] is False


@pytest.mark.parametrize("words", [[], ["frobnicate"], ["show"], ["show", "p"], ["why", "swp1"], ["show", "port", "a", "b"],
                                   ["--colour", "show", "port"], ["--runtime-dir"], ["x"] * 20])
def test_usage_is_status_2(words):
    answer = vsn(*words)
    assert answer.code == 2 and answer.err and not answer.out


def test_bad_argument_is_status_2(daemon):
    assert daemon.vsn("why", "swp1", "4095").code == 2


def test_no_daemon_is_status_3(tmp_path):
    answer = vsn("--runtime-dir", tmp_path, "show", "port")
    assert answer.code == 3 and str(tmp_path) in answer.err


def test_help_and_version():
    assert vsn("--help").code == 0 and "show hypervisor" in vsn("--help").out
    assert vsn("--version").out.startswith("vsn ")


def test_why_and_why_not(daemon):
    assert "somebody else's hand" in daemon.vsn("why", "swp1", "300").out
    assert daemon.vsn("why", "swp1", "301").code == 1
    assert "vsn enable" in daemon.vsn("why-not", "swp2", "100").out


def test_unreachable_hypervisor_says_so(daemon):
    daemon.until(lambda: json.loads(daemon.vsn("show", "hypervisor", "--json").out)[0]["reason"].startswith("Failed"))
    assert json.loads(daemon.vsn("show", "hypervisor", "--json").out)[0]["state"] == "connecting"


def test_freeze_and_thaw(daemon):
    frozen = lambda: json.loads(daemon.vsn("show", "switch", "--json").out)["frozen"]
    assert not frozen()
    assert daemon.vsn("freeze").code == 0
    daemon.until(frozen)
    assert "Frozen" in daemon.vsn("show", "plan").out
    assert daemon.vsn("thaw").code == 0
    daemon.until(lambda: not frozen())


def test_bad_configuration_leaves_the_running_one(daemon):
    good = daemon.config.read_text()
    before = daemon.vsn("show", "running-config").out
    daemon.config.write_text(good.replace("vsn enable", "vsn enabel"))
    answer = daemon.vsn("reload")
    assert answer.code == 1 and f"{daemon.config}:10: unknown word 'enabel'" in answer.err
    assert daemon.vsn("show", "running-config").out == before
    daemon.config.write_text(good.replace("hostname tor-1", "hostname tor-2"))
    assert daemon.vsn("reload").code == 0
    assert "hostname tor-2" in daemon.vsn("show", "running-config").out
    daemon.config.write_text(good)
    assert daemon.vsn("reload").code == 0


def test_running_config_can_be_used_again(daemon, tmp_path):
    (tmp_path / "vsn.conf").write_text(daemon.vsn("show", "running-config").out)
    assert check_config(tmp_path / "vsn.conf") == (0, "")


def test_shipped_example_is_good():
    assert check_config(ROOT / "docs/examples/vsn.conf") == (0, "")


def test_check_config_names_file_and_line(tmp_path):
    path = tmp_path / "vsn.conf"
    path.write_text("hostname a\nswitch marvellous x\n")
    code, reason = check_config(path)
    assert code == 1 and reason.startswith(f"{path}:2: ")
    path.write_bytes(b"hostname a\nhost\0name b\n")
    assert check_config(path) == (1, f"{path}:2: the line holds a NUL byte\n")
    assert check_config(tmp_path / "nowhere")[0] == 1


def test_accept_without_doubt_is_refused(daemon):
    assert daemon.vsn("accept", "vc1").code == 1
    assert daemon.vsn("accept", "vc9").code == 1
