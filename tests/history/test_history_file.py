"""vsn-history: what it keeps, and what becomes of files that are damaged, too large, or cannot grow."""
import contextlib
import os
import pathlib
import resource
import signal
import sqlite3
import time

import pytest

from history_process import History

NOW_MS = int(time.time() * 1000)


def migration(number, outcome="in-time", seen_ms=NOW_MS, more=""):
    return (f"new migration id={number} hypervisor=vc1 machine_id=vm-7 machine=web%2042 move=t{number} from=esx1 to=esx2 "
            f"kind=migrate ports=swp1,swp2 vlans=100,200-210 added=100 seen_ms={seen_ms} verified_ms={seen_ms + 9} "
            f"switched_over_ms={seen_ms + 300} outcome={outcome}{more}")


def audit(number, at_ms=NOW_MS, words=""):
    return f"new audit id={number} port=swp1 added=100 whom=vc1/esx2/vmnic0 at_ms={at_ms}{words}"


@contextlib.contextmanager
def history(folder, *arguments, **more):
    process = History(folder, *arguments, **more)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.kill()


def ids(rows):
    return [row["id"] for row in rows]


def test_rows_come_back_as_they_were_last(tmp_path):
    with history(tmp_path) as first:
        assert first.told() == {"migration": [], "audit": []}
        first.send(migration(1), migration(2, "running"), audit(1, words=" enabled=yes"), migration(10), migration(9))
        first.send(migration(2, "missed", more=" reason=nobody%20knew"))
        assert first.close() == 0
    with history(tmp_path) as second:
        told = second.told()
        assert ids(told["migration"]) == ["1", "2", "9", "10"] and ids(told["audit"]) == ["1"]
        row = told["migration"][1]
        assert row == {"id": "2", "hypervisor": "vc1", "machine_id": "vm-7", "machine": "web 42", "move": "t2",
                       "from": "esx1", "to": "esx2", "kind": "migrate", "ports": "swp1,swp2", "vlans": "100,200-210",
                       "added": "100", "seen_ms": str(NOW_MS), "verified_ms": str(NOW_MS + 9),
                       "switched_over_ms": str(NOW_MS + 300), "outcome": "missed", "reason": "nobody knew"}
        assert told["audit"][0]["whom"] == "vc1/esx2/vmnic0" and told["audit"][0]["enabled"] == "yes"


def test_is_written_without_being_closed(tmp_path):
    with history(tmp_path) as process:
        process.told()
        process.send(migration(1))
        process.until(lambda: process.read("SELECT id, outcome FROM migration") == [(1, "in-time")])
        process.kill()
    with history(tmp_path) as process:
        assert ids(process.told()["migration"]) == ["1"]


def test_sigterm_writes_what_came_last(tmp_path):
    with history(tmp_path) as process:
        process.told()
        process.send(*(migration(number) for number in range(1, 500)))
        process.until(lambda: process.read("SELECT count(*) FROM migration")[0][0] > 0)
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(30) == 0
    with history(tmp_path) as process:
        assert len(process.told()["migration"]) == 499


def test_is_bounded_in_number(tmp_path):
    with history(tmp_path, "--entries", 100) as process:
        process.told()
        process.send(*(migration(number) for number in range(1, 301)), *(audit(number) for number in range(1, 301)))
        assert process.close() == 0
    with history(tmp_path, "--entries", 100) as process:
        told = process.told()
        assert ids(told["migration"]) == ids(told["audit"]) == [str(number) for number in range(201, 301)]


def test_is_bounded_in_age(tmp_path):
    old = NOW_MS - 3 * 86400 * 1000
    with history(tmp_path) as process:
        process.told()
        process.send(migration(1, seen_ms=old), migration(2), audit(1, old), audit(2))
        assert process.close() == 0
    with history(tmp_path, "--days", 2) as process:
        told = process.told()
        assert ids(told["migration"]) == ids(told["audit"]) == ["2"]


def test_tells_no_more_than_vsnd_keeps(tmp_path):
    with history(tmp_path) as process:
        process.told()
        process.send(*(migration(number) for number in range(1, 10301)), *(audit(number) for number in range(1, 1301)))
        assert process.close() == 0
    with history(tmp_path) as process:
        told = process.told()
        assert ids(told["migration"]) == [str(number) for number in range(301, 10301)]
        assert ids(told["audit"]) == [str(number) for number in range(301, 1301)]


def scribble(path):
    path.write_bytes(b"SQLite format 3\0" + os.urandom(20000))


def cut(path):
    path.write_bytes(path.read_bytes()[:5000])


def overwrite_pages(path):
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)


def execute(path, *statements):
    with contextlib.closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def of_another_version(path):
    execute(path, "PRAGMA user_version = 7")


def of_somebody_else(path):
    path.unlink()
    execute(path, "CREATE TABLE songs (id INTEGER PRIMARY KEY)")


def without_a_column(path):
    execute(path, "ALTER TABLE migration DROP COLUMN outcome")


@pytest.mark.parametrize("damage", [scribble, cut, overwrite_pages, of_another_version, of_somebody_else, without_a_column])
def test_a_damaged_file_is_set_aside(tmp_path, damage):
    with history(tmp_path) as process:
        process.told()
        process.send(*(migration(number) for number in range(1, 200)))
        assert process.close() == 0
    damage(process.database)
    damaged = process.database.read_bytes()
    with history(tmp_path) as process:
        assert process.told() == {"migration": [], "audit": []}
        assert pathlib.Path(f"{process.database}.bad").read_bytes()[:16] == damaged[:16]
        assert "history.sqlite.bad, and the history begins anew" in process.log.read_text()
        process.send(migration(5))
        assert process.close() == 0
    with history(tmp_path) as process:
        assert ids(process.told()["migration"]) == ["5"]


def test_a_file_that_is_damaged_meanwhile_ends_it(tmp_path):
    with history(tmp_path) as process:
        process.told()
        execute(process.database, "DROP TABLE migration")
        process.send(migration(1))
        assert process.process.wait(30) == 1
    with history(tmp_path) as process:
        assert process.told() == {"migration": [], "audit": []}


def test_rows_that_others_wrote_are_passed_over(tmp_path):
    with history(tmp_path) as process:
        process.told()
        process.send(migration(1), migration(2))
        assert process.close() == 0
    execute(process.database, "UPDATE migration SET outcome = 'marvellous' WHERE id = 1",
            "INSERT INTO migration (id, outcome, kind, reason) VALUES (3, 'failed', 'cold', hex(zeroblob(60000)))",
            "INSERT INTO migration (id, outcome, kind, vlans) VALUES (4, 'failed', 'cold', '5000')",
            "INSERT INTO migration (id, outcome, kind) VALUES (-1, 'failed', 'cold')")
    with history(tmp_path) as process:
        assert ids(process.told()["migration"]) == ["2"]


def test_a_disk_that_is_full_is_waited_for(tmp_path):
    with history(tmp_path) as process:
        process.told()
        assert process.close() == 0
    with history(tmp_path, most_bytes=60000) as process:
        process.told()
        process.send(*(migration(number) for number in range(1, 1001)))
        process.until(lambda: "the history waits, everything else goes on" in process.log.read_text())
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert process.close() == 0
    with history(tmp_path) as process:
        assert len(process.told()["migration"]) == 1000


def test_others_may_read_meanwhile(tmp_path):
    with history(tmp_path) as process:
        process.told()
        process.send(migration(1))
        process.until(lambda: process.read("SELECT count(*) FROM migration") == [(1,)])
        with contextlib.closing(sqlite3.connect(process.database)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM migration").fetchone() == (1,)
            process.send(migration(2))
            process.until(lambda: process.read("SELECT count(*) FROM migration") == [(2,)])


def test_what_is_no_row_is_refused(tmp_path):
    with history(tmp_path) as process:
        process.told()
        process.send("new port id=swp1", "rubbish", "new migration id=many", "gone migration id=1", "new migration", migration(1))
        process.until(lambda: process.read("SELECT id FROM migration") == [(1,)])
        assert process.log.read_text().count("a line that cannot be used") == 5


def test_has_no_rights(tmp_path):
    with history(tmp_path) as process:
        process.told()
        status = pathlib.Path(f"/proc/{process.process.pid}/status").read_text()
        assert "Seccomp:\t2" in status and "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
        assert process.database.stat().st_mode & 0o077 == 0
