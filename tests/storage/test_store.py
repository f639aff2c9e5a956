"""The store, on both kinds of databases: whole slices, added sums, expiry and folding."""

import sqlite3
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.columns import ROLLUP_SUMS, TRIES_SUMS
from stepdown.storage.database import open_database
from stepdown.storage.store import SEGMENTS_AT_A_TIME, Segment, Slice, Store
from stepdown.storage.tables import prompt_log, request_log, rollup, tries


def row(bucket: int, amount: int, model: str = "m") -> tuple[object, ...]:
    return (bucket, "auto", "rule", 0, model, "answered", "", *[amount] * len(ROLLUP_SUMS))


def tried(bucket: int, amount: int, verdict: str = "json") -> tuple[object, ...]:
    key = bucket, "auto", "rule", 0, "m", "answer", verdict
    return (*key, *[amount] * len(TRIES_SUMS))


def segment(last_time: float, body: bytes = b"\x00\xff") -> Segment:
    return Segment("host:1", last_time - 1, last_time, 3, 0, 1, body)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    made = Store(parse(database_url))
    yield made
    made.close()


def rows(store: Store, table: object) -> list[tuple[object, ...]]:
    address = store.address
    engine = open_database(str(address.file) if address.file is not None else address.url)
    with engine.connect() as connection:
        found = connection.execute(select(table).order_by(*table.primary_key)).all()  # type: ignore[call-overload, attr-defined]
    engine.dispose()
    return [tuple(one) for one in found]


def test_a_slice_and_sums_that_add_up(store: Store) -> None:
    store.write(Slice(segment(10.0), segment(10.0, b"prompt"), [row(60, 1), row(120, 2)]))
    store.write(Slice(None, None, [row(60, 5), row(60, 7, "other")]))
    assert rows(store, rollup) == [row(60, 6), row(60, 7, "other"), row(120, 2)]
    assert [found[-1] for found in rows(store, request_log)] == [b"\x00\xff"]
    assert [found[-1] for found in rows(store, prompt_log)] == [b"prompt"]


def test_a_slice_is_written_whole_or_not_at_all(store: Store) -> None:
    broken = (*row(60, 1)[:-1], None)
    with pytest.raises(DatabaseUnavailable, match=r"Writing to .* failed"):
        store.write(Slice(segment(10.0), None, [row(60, 1), broken]))
    assert rows(store, rollup) == []
    assert rows(store, request_log) == []
    store.write(Slice(segment(10.0), None, [row(60, 1)]))
    assert len(rows(store, request_log)) == 1


def test_sums_as_large_as_they_come(store: Store) -> None:
    large = 2**62
    store.write(Slice(None, None, [row(60, large)]))
    store.write(Slice(None, None, [row(60, large - 1)]))
    assert rows(store, rollup) == [row(60, 2 * large - 1)]


def test_expiry_is_done_in_parts(store: Store) -> None:
    for at in range(SEGMENTS_AT_A_TIME + 10):
        store.write(Slice(segment(float(at)), None, []))
    assert store.expire("request_log", 505.0)
    assert len(rows(store, request_log)) == 10
    assert not store.expire("request_log", 505.0)
    assert [found[3] for found in rows(store, request_log)] == [505.0, 506.0, 507.0, 508.0, 509.0]
    assert not store.expire("prompt_log", 505.0)


def test_minutes_fold_into_hours_once(store: Store) -> None:
    store.write(Slice(None, None, [row(3600, 1), row(3660, 2), row(7140, 4), row(7200, 8)]))
    store.fold(7200 + 3599)
    store.fold(7200 + 3599)
    assert rows(store, rollup) == [row(3600, 7), row(7200, 8)]


def test_tries_add_up(store: Store) -> None:
    store.write(Slice(None, None, [row(60, 1)], [tried(60, 1), tried(120, 2)]))
    store.write(Slice(None, None, [], [tried(60, 5), tried(60, 7, "accepted")]))
    assert rows(store, tries) == [tried(60, 7, "accepted"), tried(60, 6), tried(120, 2)]
    assert rows(store, rollup) == [row(60, 1)]


def test_tries_are_written_with_the_slice_or_not_at_all(store: Store) -> None:
    broken = (*tried(60, 1)[:-1], None)
    with pytest.raises(DatabaseUnavailable, match=r"Writing to .* failed"):
        store.write(Slice(segment(10.0), None, [row(60, 1)], [tried(60, 1), broken]))
    assert rows(store, rollup) == rows(store, tries) == rows(store, request_log) == []


def test_tries_fold_into_hours_once(store: Store) -> None:
    given = [tried(3600, 1), tried(3660, 2), tried(7140, 4), tried(7200, 8)]
    store.write(Slice(None, None, [row(3660, 1)], given))
    store.fold(7200 + 3599)
    store.fold(7200 + 3599)
    assert rows(store, tries) == [tried(3600, 7), tried(7200, 8)]
    assert rows(store, rollup) == [row(3600, 1)]


def test_two_writers(store: Store) -> None:
    other = Store(store.address)
    for _ in range(20):
        store.write(Slice(segment(1.0), None, [row(60, 1)], [tried(60, 1)]))
        other.write(Slice(segment(1.0), None, [row(60, 1)], [tried(60, 1)]))
    other.close()
    assert rows(store, rollup) == [row(60, 40)]
    assert rows(store, tries) == [tried(60, 40)]
    assert len(rows(store, request_log)) == 40


def test_a_locked_file_is_an_error_and_not_the_end(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepdown.storage.connection.BUSY_TIMEOUT", 0.05)
    address = parse(sqlite_url)
    store = Store(address)
    assert address.file is not None
    holder = sqlite3.connect(address.file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="locked"):
        store.write(Slice(None, None, [row(60, 1)]))
    holder.execute("ROLLBACK")
    holder.close()
    store.write(Slice(None, None, [row(60, 1)]))
    assert rows(store, rollup) == [row(60, 1)]
    store.close()
