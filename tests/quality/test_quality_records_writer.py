"""The writer of pairs on real databases: each pair once whatever fails, little lost to a kill."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from stepdown.quality.pairs import Pair
from stepdown.quality.records import writer as module
from stepdown.quality.records.guard_store import GuardStore
from stepdown.quality.records.history import Counter, counters, pairs, pairs_with_texts
from stepdown.quality.records.pair_texts import Texts
from stepdown.quality.records.writer import Records
from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.tables import pair_texts
from stepdown.types import Choice
from support.pairs import make_pair, reading

TEXTS = Texts(b'{"model":"auto"}', (Choice("no"),), (Choice("yes"),))


def new_pair(**changes: Any) -> Pair:
    """A pair that is not too old to be kept."""
    return make_pair(time=time.time(), **changes)


def kept(url: str) -> list[Pair]:
    with reading(url) as engine:
        return list(pairs(engine))


def counted(url: str) -> list[Counter]:
    with reading(url) as engine:
        return counters(engine)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 20 s"
        time.sleep(0.01)


def test_what_is_put_is_written(database_url: str) -> None:
    records = Records(database_url, flush_interval=0.02)
    records.start()
    put = [new_pair() for _ in range(20)]
    for pair in put[:10]:
        records.put(pair)
    until(lambda: records.status().written == 10)
    for pair in put[10:]:
        records.put(pair)
        records.count("auto", "paired", cost=Decimal("0.01"))
    records.count("auto", "queue", 3)
    records.close()
    assert sorted(pair.id for pair in kept(database_url)) == sorted(pair.id for pair in put)
    assert counted(database_url) == [
        Counter("auto", "paired", 10, Decimal("0.1")),
        Counter("auto", "queue", 3, Decimal(0)),
    ]
    status = records.status()
    assert (status.queued, status.written, status.dropped, status.failures) == (0, 20, 0, 0)
    assert status.last_flush is not None


def test_counters_alone_are_written(sqlite_url: str) -> None:
    records = Records(sqlite_url)
    records.count("auto", "paused")
    records.close()
    assert counted(sqlite_url) == [Counter("auto", "paused", 1, Decimal(0))]


def test_replicas_that_put_the_same_pairs_count_each_once(database_url: str) -> None:
    replicas = [Records(database_url, flush_interval=0.001) for _ in range(3)]
    same = [new_pair(regret=number % 10 == 0) for number in range(100)]
    for replica in replicas:
        replica.start()
    for number in range(100):
        for shift, replica in enumerate(replicas):
            replica.put(same[number - 30 * shift], TEXTS)
    for replica in replicas:
        replica.close()
        assert replica.status().written == 100
    with reading(database_url) as engine:
        found = list(pairs_with_texts(engine))
    assert sorted(pair.id for pair, _ in found) == sorted(pair.id for pair in same)
    assert {texts for _, texts in found} == {TEXTS}
    guard = GuardStore(parse(database_url))
    assert guard.counts({same[0].key: 1}) == {same[0].key: {0.02: (10, 100)}}
    guard.close()


def test_a_flush_that_is_tried_again_doubles_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is done, and only its answer was lost."""
    records = Records(database_url)
    write = records._store.write

    def written_but_unknown(batch: Any) -> None:
        write(batch)
        raise DatabaseUnavailable("the connection broke")

    records.put(new_pair(), TEXTS)
    with monkeypatch.context() as broken:
        broken.setattr(records._store, "write", written_but_unknown)
        assert not records._flush()
    assert records.status().queued == 1
    records.put(new_pair())
    records.close()
    assert len(kept(database_url)) == 2


def test_a_failed_flush_keeps_all_for_later(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Records(database_url)
    records.put(new_pair(id="a"), TEXTS)
    records.count("auto", "paired", cost=Decimal("0.25"))
    with monkeypatch.context() as broken:
        broken.setattr(records._store, "write", lambda _: 1 / 0)
        assert not records._flush()
    assert records.status().error == "division by zero"
    records.count("auto", "paired", cost=Decimal("0.5"))
    records.close()
    assert counted(database_url) == [Counter("auto", "paired", 2, Decimal("0.75"))]
    with reading(database_url) as engine:
        assert [(pair.id, texts) for pair, texts in pairs_with_texts(engine)] == [("a", TEXTS)]


def test_a_full_queue_drops_the_oldest_and_counts(sqlite_url: str) -> None:
    records = Records(sqlite_url, queue=10)
    put = [new_pair() for _ in range(15)]
    for pair in put:
        records.put(pair, TEXTS)
        records.count("auto", "paired")
    status = records.status()
    assert (status.queued, status.dropped, status.dropped_texts) == (10, 5, 5)
    records.close()
    assert {pair.id for pair in kept(sqlite_url)} == {pair.id for pair in put[5:]}
    assert counted(sqlite_url) == [Counter("auto", "paired", 15, Decimal(0))]


def test_long_texts_push_no_pair_out(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_BYTES", 10_000)
    records = Records(sqlite_url)
    long = Texts(b"x" * 6_000, (), ())
    for _ in range(10):
        records.put(new_pair(), long)
    status = records.status()
    assert (status.queued, status.dropped, status.dropped_texts) == (10, 0, 9)
    records.close()
    with reading(sqlite_url) as engine:
        assert [texts for _, texts in pairs_with_texts(engine)].count(long) == 1


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no text for this")


@pytest.mark.parametrize("reading_of", [Unspeakable(), "\ud83d"])
def test_odd_readings_cost_no_evidence(sqlite_url: str, reading_of: object) -> None:
    records = Records(sqlite_url)
    records.put(new_pair(id="a", regret=True, readings={"mine": reading_of}))
    records.close()
    [pair] = kept(sqlite_url)
    assert (pair.id, pair.regret, pair.readings) == ("a", True, {})


def test_odd_texts_cost_no_evidence(sqlite_url: str) -> None:
    records = Records(sqlite_url)
    records.put(new_pair(), Texts(b"{}", (Choice("cut \ud83d"),), ()))
    assert records.status().dropped_texts == 1
    records.close()
    assert len(kept(sqlite_url)) == 1


def test_put_never_raises(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    records = Records(sqlite_url)
    records.put(new_pair(judge_cost=Decimal(10**9)))  # more than the database's integers hold
    records.put(None)  # type: ignore[arg-type]
    assert records.status().unrecorded == 2
    assert "could not be recorded" in caplog.text
    records.close()
    assert kept(sqlite_url) == []


def test_text_that_no_database_takes_stops_no_other(database_url: str) -> None:
    records = Records(database_url)
    records.put(new_pair(why="a NUL \0 and half \ud83d"))
    records.put(new_pair())
    records.close()
    assert records.status().failures == 0
    assert len(kept(database_url)) == 2


def test_a_database_that_is_away_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SLOWEST_RETRY", 0.05)
    blocked = tmp_path / "data"
    blocked.write_text("a file where the directory should be")
    url = str(blocked / "ledger.db")
    records = Records(url, flush_interval=0.01, queue=20)
    records.start()
    for _ in range(30):
        records.put(new_pair())
        records.count("auto", "paired")
    until(lambda: records.status().failures >= 3)
    assert "cannot be opened" in str(records.status().error)
    blocked.unlink()
    until(lambda: records.status().error is None and records.status().queued == 0)
    records.close()
    assert len(kept(url)) + records.status().dropped == 30
    assert counted(url) == [Counter("auto", "paired", 30, Decimal(0))]
    assert [record.message[:31] for record in caplog.records] == [
        "The record of pairs cannot writ",
        "The record of pairs writes agai",
    ]


def test_a_locked_file_loses_nothing(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepdown.storage.connection.BUSY_TIMEOUT", 0.01)
    monkeypatch.setattr(module, "SLOWEST_RETRY", 0.02)
    holder = sqlite3.connect(str(parse(sqlite_url).file), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    records = Records(sqlite_url, flush_interval=0.01)
    records.start()
    for _ in range(10):
        records.put(new_pair())
    until(lambda: records.status().failures >= 2)
    holder.execute("ROLLBACK")
    holder.close()
    until(lambda: records.status().written == 10)
    records.close()
    assert len(kept(sqlite_url)) == 10


def test_what_is_left_at_the_end_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    records = Records(str(tmp_path / "file" / "ledger.db"))
    records.put(new_pair())
    records.close()
    assert "The record of pairs closes with 1 pairs unwritten." in caplog.text


def test_old_pairs_and_texts_go_each_in_their_time(sqlite_url: str) -> None:
    records = Records(sqlite_url, keep_pairs=30, keep_texts=7)
    now = time.time()
    for days in (40, 20, 0):
        records.put(make_pair(id=str(days), time=now - days * 86_400), TEXTS)
    records._flush()
    records._care()
    records.close()
    assert [pair.id for pair in kept(sqlite_url)] == ["20", "0"]
    with reading(sqlite_url) as engine, engine.connect() as connection:
        found = connection.execute(select(func.min(pair_texts.c.id), func.count())).one()
    assert tuple(found) == ("0", 1)


def test_a_wrong_address_is_told_at_once() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"^database: expected"):
        Records("mysql://db/costs")


def test_the_serving_process_does_without_sqlalchemy(sqlite_url: str) -> None:
    code = (
        "import sys\n"
        "from stepdown.quality.records.guard_store import GuardStore\n"
        "from stepdown.quality.records.writer import Records\n"
        "from stepdown.storage.address import parse\n"
        "records = Records(sys.argv[1]); records.start(); records.close()\n"
        "guard = GuardStore(parse(sys.argv[1])); guard.standings(); guard.close()\n"
        "print([m for m in ('sqlalchemy', 'alembic') if m in sys.modules])\n"
    )
    command = [sys.executable, "-c", code, sqlite_url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


SOURCE = """
import sys, time
sys.path.insert(0, sys.argv[1])
from support.pairs import make_pair
from stepdown.quality.records.pair_texts import Texts
from stepdown.quality.records.writer import Records
records = Records(sys.argv[2])
records.start()
for number in range(1_000_000):
    at = time.time()
    records.put(make_pair(id=f"{number} {at}", time=at), Texts(b"{}", (), ()))
    records.count("auto", "paired")
    print(f"{number} {at}", flush=True)
    time.sleep(0.001)
"""


def test_a_kill_loses_at_most_one_interval_and_doubles_nothing(database_url: str) -> None:
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", SOURCE, tests, database_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        put = [process.stdout.readline().strip() for _ in range(500)]
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate()
    put += [line for line in rest.splitlines() if " " in line]
    found = [pair.id for pair in kept(database_url)]
    assert found
    assert put[: len(found)] == found[: len(put)]  # nothing is missing in the middle
    # A pair is put before it is counted, so that the last may be cut off between the two.
    assert counted(database_url)[0].amount in (len(found), len(found) - 1)
    with reading(database_url) as engine:
        assert all(texts is not None for _, texts in pairs_with_texts(engine))
    lost = put[len(found) :]
    if lost:
        begin, end = (float(line.split()[1]) for line in (found[-1], lost[-1]))
        flush_interval, a_busy_machine = 0.2, 1.0
        assert end - begin <= flush_interval + a_busy_machine
