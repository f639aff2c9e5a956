"""The writer on real databases: all is written, failures are survived, kills lose one interval."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from stepdown.ledger import writer as module
from stepdown.ledger.detail import Detail
from stepdown.ledger.history import prompts, requests
from stepdown.ledger.rungs import rungs
from stepdown.ledger.savings import savings
from stepdown.ledger.writer import Ledger
from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.database import open_database
from stepdown.storage.tables import prompt_log, request_log
from stepdown.types import Journey, Reading
from support.climbs import make_climb, make_try
from support.journeys import make_journey


def details_in(url: str) -> list[Detail]:
    engine = open_database(url)
    found = list(requests(engine))
    engine.dispose()
    return found


def total_in(url: str) -> tuple[int, Decimal, Decimal]:
    engine = open_database(url)
    total = savings(engine).total
    engine.dispose()
    return total.requests, total.cost, total.saved


def until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 20 s"
        time.sleep(0.01)


def test_what_is_recorded_is_written(database_url: str) -> None:
    ledger = Ledger(database_url, flush_interval=0.02)
    ledger.start()
    journeys = [make_journey() for _ in range(50)]
    for journey in journeys[:25]:
        ledger.record(journey)
    until(lambda: ledger.status().written == 25)
    for journey in journeys[25:]:
        ledger.record(journey)
    ledger.close()
    found = details_in(database_url)
    assert [detail.id for detail in found] == [journey.request.id for journey in journeys]
    assert total_in(database_url) == (50, Decimal("0.0012"), Decimal("0.0188"))
    assert sum((detail.cost or Decimal(0) for detail in found), Decimal(0)) == Decimal("0.0012")
    status = ledger.status()
    assert (status.queued, status.written, status.dropped, status.failures) == (0, 50, 0, 0)


def test_the_tables_are_made_while_requests_come_in(empty_url: str) -> None:
    ledger = Ledger(empty_url, flush_interval=0.02)
    ledger.start()
    ledger.record(make_journey())
    ledger.close(timeout=30)
    assert total_in(empty_url)[0] == 1


def test_a_full_queue_drops_details_and_no_cost(sqlite_url: str) -> None:
    ledger = Ledger(sqlite_url, queue=10)
    for _ in range(100):
        ledger.record(make_journey(cost="0.01", reference_cost="0.04"))
    assert ledger.dropped == 90
    ledger.close()
    assert len(details_in(sqlite_url)) == 10
    assert total_in(sqlite_url) == (100, Decimal("1"), Decimal("3"))
    engine = open_database(sqlite_url)
    assert savings(engine).dropped == 90
    engine.dispose()


def test_prompts_only_where_configured(sqlite_url: str) -> None:
    for store_prompts in (False, True):
        ledger = Ledger(sqlite_url, store_prompts=store_prompts)
        ledger.record(make_journey())
        ledger.close()
        engine = open_database(sqlite_url)
        assert len(list(prompts(engine))) == int(store_prompts)
        engine.dispose()


def test_record_never_raises(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(sqlite_url)
    broken = make_journey()
    broken.request = None  # type: ignore[assignment]
    ledger.record(broken)
    assert ledger.status().unrecorded == 1
    assert "could not be recorded" in caplog.text
    ledger.close()


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no text for this")


def test_a_detail_that_cannot_be_encoded_keeps_its_cost(sqlite_url: str) -> None:
    ledger = Ledger(sqlite_url)
    journey = make_journey(cost="0.5", reference_cost="0.5")
    journey.readings = {"mine": Reading(Unspeakable())}
    ledger.record(journey)
    ledger.close()
    assert ledger.dropped == 1
    assert total_in(sqlite_url) == (1, Decimal("0.5"), Decimal(0))


def test_a_database_that_is_away_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SLOWEST_RETRY", 0.05)
    blocked = tmp_path / "data"
    blocked.write_text("a file where the directory should be")
    ledger = Ledger(str(blocked / "ledger.db"), flush_interval=0.01, queue=20)
    ledger.start()
    for _ in range(30):
        ledger.record(make_journey())
    until(lambda: ledger.status().failures >= 3)
    assert "cannot be opened" in str(ledger.status().error)
    blocked.unlink()
    until(lambda: ledger.status().error is None and ledger.status().queued == 0)
    ledger.close()
    url = str(blocked / "ledger.db")
    assert total_in(url)[0] == 30
    assert len(details_in(url)) + ledger.dropped == 30
    assert ledger.status().queued == 0
    assert [record.message[:23] for record in caplog.records] == [
        "The ledger cannot write",
        "The ledger writes again",
    ]


def test_a_locked_file_loses_nothing(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepdown.storage.connection.BUSY_TIMEOUT", 0.01)
    monkeypatch.setattr(module, "SLOWEST_RETRY", 0.02)
    holder = sqlite3.connect(str(parse(sqlite_url).file), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    ledger = Ledger(sqlite_url, flush_interval=0.01)
    ledger.start()
    for _ in range(10):
        ledger.record(make_journey())
    until(lambda: ledger.status().failures >= 2)
    holder.execute("ROLLBACK")
    holder.close()
    until(lambda: ledger.status().written == 10)
    ledger.close()
    assert len(details_in(sqlite_url)) == total_in(sqlite_url)[0] == 10


def test_a_full_disk_loses_nothing(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite itself reports a full disk here: its file may not grow."""
    ledger = Ledger(sqlite_url)
    ledger._store.open()
    connection: Any = ledger._store._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(500):
        ledger.record(make_journey())
    assert not ledger._flush()
    assert "full" in str(ledger.status().error)
    assert ledger.status().queued == 500
    assert ledger._flush()  # a new connection, without the limit
    ledger.close()
    assert len(details_in(sqlite_url)) == total_in(sqlite_url)[0] == 500


def test_what_is_left_at_the_end_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    ledger = Ledger(str(tmp_path / "file" / "ledger.db"))
    ledger.record(make_journey())
    ledger.close()
    assert "closes with 1 requests unwritten" in caplog.text


def test_several_threads_record(sqlite_url: str) -> None:
    ledger = Ledger(sqlite_url, flush_interval=0.001)
    ledger.start()

    def record() -> None:
        for _ in range(300):
            ledger.record(make_journey())

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.close()
    assert len(details_in(sqlite_url)) == total_in(sqlite_url)[0] == 1200


def test_several_workers_write_to_one_file(sqlite_url: str) -> None:
    workers = [
        subprocess.Popen(worker(sqlite_url, "200"), stdout=subprocess.PIPE) for _ in range(3)
    ]
    for process in workers:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert len(details_in(sqlite_url)) == total_in(sqlite_url)[0] == 600


def test_old_details_and_prompts_go(sqlite_url: str) -> None:
    now = time.time()
    ledger = Ledger(sqlite_url, store_prompts=True, keep_details=30, keep_prompts=7)
    for days in (40, 20, 0):
        ledger.record(make_journey(at=now - days * 86_400))
        ledger._flush()
    ledger._care()
    ledger.close()
    engine = open_database(sqlite_url)
    with engine.connect() as connection:
        kept = [
            connection.execute(select(func.count()).select_from(log)).scalar_one()
            for log in (request_log, prompt_log)
        ]
    assert savings(engine).total.requests == 3
    engine.dispose()
    assert kept == [2, 1]


def test_the_calls_of_cascades_are_summed_and_survive_a_failure(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(database_url)
    ledger.record(make_journey())
    ledger.record(make_climb(make_try(0, "json"), make_try(1, model="gpt-4o")))
    with monkeypatch.context() as broken:
        broken.setattr(ledger._store, "write", lambda _: 1 / 0)
        assert not ledger._flush()
    ledger.record(make_climb(make_try(0)))
    ledger.close()
    engine = open_database(database_url)
    assert [(rung.rung, rung.tries, rung.accepted) for rung in rungs(engine)] == [
        (0, 2, 1),
        (1, 1, 1),
    ]
    assert savings(engine).total.requests == 3
    engine.dispose()


def test_a_plain_request_is_no_try(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(sqlite_url)
    monkeypatch.setattr(ledger._tries, "add", lambda _: 1 / 0)
    ledger.record(make_journey())
    assert ledger.status().unrecorded == 0
    ledger.close()


def test_a_wrong_address_is_told_at_once() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"^database: expected"):
        Ledger("mysql://db/costs")


SOURCE = """
import sys, time
sys.path.insert(0, sys.argv[1])
from support.journeys import make_journey
from stepdown.ledger.writer import Ledger
ledger = Ledger(sys.argv[2])
ledger.start()
for number in range(int(sys.argv[3])):
    journey = make_journey()
    journey.request.id = f"{number} {journey.time}"
    ledger.record(journey)
    print(journey.request.id, flush=True)
    time.sleep(0.001)
ledger.close()
"""


def worker(url: str, count: str) -> list[str]:
    return [sys.executable, "-c", SOURCE, str(Path(__file__).parents[1]), url, count]


def test_a_kill_loses_at_most_one_interval(sqlite_url: str) -> None:
    process = subprocess.Popen(worker(sqlite_url, "1000000"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    recorded = [process.stdout.readline() for _ in range(500)]
    os.kill(process.pid, signal.SIGKILL)
    rest, _ = process.communicate()
    recorded = [line.strip() for line in [*recorded, *rest.splitlines()] if " " in line]
    kept = [detail.id for detail in details_in(sqlite_url)]
    assert kept
    assert recorded[: len(kept)] == kept[: len(recorded)]  # nothing is missing in the middle
    assert total_in(sqlite_url)[0] == len(kept)
    lost = recorded[len(kept) :]
    if lost:
        begin, end = (float(line.split()[1]) for line in (kept[-1], lost[-1]))
        flush_interval, a_busy_machine = 0.2, 1.0
        assert end - begin <= flush_interval + a_busy_machine


def test_journeys_are_not_kept_alive(sqlite_url: str) -> None:
    import gc
    import weakref

    class Watched(Journey, weakref=True):
        pass

    ledger = Ledger(sqlite_url, store_prompts=True)
    plain = make_journey()
    journey = Watched(*(getattr(plain, name) for name in Journey.__struct_fields__))
    watch = weakref.ref(journey)
    ledger.record(journey)
    del journey
    gc.collect()
    assert watch() is None
    assert ledger.status().queued == 1
    ledger.close()
