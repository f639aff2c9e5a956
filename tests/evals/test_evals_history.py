"""Evaluations in both kinds of databases: kept once a slot, read back by series."""

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import Engine, text, update

from stepdown.evals.history import (
    DamagedRun,
    Incomplete,
    Outcome,
    Series,
    histories,
    record,
    runs,
    series_of,
)
from stepdown.evals.report import Report
from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.database import open_database
from stepdown.storage.store import LOGS, Store
from stepdown.storage.tables import eval_runs
from support.eval_series import DAY, DIGEST, LADDER, NOON, make_report, make_row

ROWS = [
    make_row("a", 1, (0.0, 1.0)),
    make_row("b", 2, (1.0, 1.0)),
    make_row("c", 3, (None, 1.0), why="gpt-4o-mini: 503"),
    make_row("d", 4, (0.0, 0.25), rung=1),
]


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


def test_what_is_kept_of_a_report(database: Engine) -> None:
    report = make_report(ROWS, setup="ba9876543210")
    kept = record(database, report, NOON)
    (run,) = runs(database, series_of(report))
    assert run.id == kept
    assert run.series == Series("auto", DIGEST, 0.1, "0123456789ab", LADDER, "ba9876543210")
    assert (run.slot, run.time, run.dataset, run.confidence) == (
        NOON,
        report.time,
        "prompts.jsonl",
        0.95,
    )
    assert (run.rows, run.down, run.scored, run.regrets, run.unscored) == (4, 3, 2, 1, 1)
    assert (run.cost, run.reference_cost) == (Decimal("0.13"), Decimal("0.4"))
    assert run.means == {"gpt-4o-mini": pytest.approx(1 / 3), "gpt-4o": 3.25 / 4}
    assert run.regret == report.overall.regret
    assert run.outcomes == (
        Outcome("a", True, (0.0, 1.0)),
        Outcome("b", False, (1.0, 1.0)),
        Outcome("c", None, (None, 1.0)),
        Outcome("d", None, (0.0, 0.25)),
    )


def test_no_prompt_and_no_answer_is_kept(database: Engine) -> None:
    rows = [make_row("a", 1, (0.0, 1.0), prompt="Zanzibar " * 40, why="Zanzibar")]
    record(database, make_report(rows), NOON)
    with database.connect() as connection:
        (row,) = connection.execute(eval_runs.select())
    assert not any("Zanzibar" in str(value) for value in row if not isinstance(value, bytes))
    assert len(row.body) < 60


def test_unknown_money_stays_unknown(database: Engine) -> None:
    report = make_report([make_row("a", 1, (0.0, 1.0), cost=None)])
    record(database, report, NOON)
    (run,) = runs(database, series_of(report))
    assert (run.cost, run.reference_cost) == (None, None)


def test_a_slot_counts_once(database: Engine) -> None:
    report = make_report(ROWS)
    first = record(database, report, NOON)
    assert record(database, structs.replace(report, time=report.time + 9), NOON) is None
    assert record(database, report, NOON + DAY) not in (None, first)
    assert [run.slot for run in runs(database, series_of(report))] == [NOON, NOON + DAY]
    assert [run.time for run in runs(database, series_of(report))] == [report.time] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"route": "bot"},
        {"policy": "ba9876543210"},
        {"ladder": ("gpt-4o-mini-2", "gpt-4o")},
        {"margin": 0.2},
        {"setup": "ba9876543210"},
        {"source": structs.replace(make_report(ROWS).source, digest="00" * 32)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_begins_another_series(database: Engine, change: dict[str, Any]) -> None:
    report = make_report(ROWS)
    other = make_report(ROWS, **change)
    assert record(database, report, NOON)
    assert record(database, other, NOON)
    for each in (report, other):
        (run,) = runs(database, series_of(each))
        assert run.series == series_of(each)


def test_a_new_confidence_or_name_goes_on_with_the_series(database: Engine) -> None:
    report = make_report(ROWS)
    renamed = structs.replace(report.source, name="moved.jsonl")
    record(database, report, NOON)
    record(database, make_report(ROWS, confidence=0.9, source=renamed), NOON + DAY)
    assert [run.confidence for run in runs(database, series_of(report))] == [0.95, 0.9]


def test_oldest_first_since_a_moment(database: Engine) -> None:
    report = make_report(ROWS)
    for day in (2, 0, 1):
        at = structs.replace(report, time=float(NOON + day * DAY + 7))
        record(database, at, NOON + day * DAY)
    series = series_of(report)
    assert [run.slot for run in runs(database, series)] == [NOON + day * DAY for day in range(3)]
    since = [run.slot for run in runs(database, series, NOON + DAY + 7)]
    assert since == [NOON + DAY, NOON + 2 * DAY]
    assert runs(database, series, NOON + 3 * DAY) == []


def test_histories_by_series(database: Engine) -> None:
    changed = make_report(ROWS, policy="ba9876543210")
    bot = make_report(ROWS, route="bot")
    for slot, report in enumerate([make_report(ROWS), changed, make_report(ROWS), bot]):
        record(database, report, NOON + slot)
    slots = [[run.slot - NOON for run in series] for series in histories(database)]
    assert slots == [[1], [0, 2], [3]]
    assert [len(series) for series in histories(database, route="auto")] == [1, 2]
    assert len(histories(database, digest=DIGEST)) == 3
    assert histories(database, digest="00") == []
    assert [len(series) for series in histories(database, since=NOON - DAY)] == [1, 2, 1]


@pytest.mark.parametrize(
    ("report", "why"),
    [
        (make_report(ROWS, stopped="the budget is used up"), "not whole: the budget is used up"),
        (make_report({"a": (None, None)}), "no row is scored$"),
        (make_report([make_row("a", 1, (None, None), why="no route")]), "scored: no route"),
        (make_report({}), "no row is scored$"),
    ],
)
def test_what_is_no_run(database: Engine, report: Report, why: str) -> None:
    with pytest.raises(Incomplete, match=why):
        record(database, report, NOON)
    assert histories(database) == []


def test_retention_leaves_runs_alone(database_url: str, database: Engine) -> None:
    report = make_report(ROWS)
    record(database, report, 0)
    store = Store(parse(database_url))
    for log in LOGS:
        store.expire(log, NOON)
    store.fold(NOON)
    store.close()
    assert len(runs(database, series_of(report))) == 1


def test_a_damaged_run(database: Engine) -> None:
    report = make_report(ROWS)
    record(database, report, NOON)
    for values, said in (({"body": b"\x00"}, "damaged"), ({"format": 9}, "expected 2, got 9")):
        with database.begin() as connection:
            connection.execute(update(eval_runs).values(**values))
        with pytest.raises(DamagedRun, match=said):
            histories(database)


def test_a_database_that_fails(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("DROP TABLE eval_runs"))
    with pytest.raises(DatabaseUnavailable, match="cannot be recorded"):
        record(database, make_report(ROWS), NOON)
    with pytest.raises(DatabaseUnavailable, match="cannot be read"):
        histories(database)


def test_a_thousand_items_take_some_kilobytes(sqlite_url: str) -> None:
    rows = {f"item-{n:05}": (float(n % 3 > 0), float(n % 7 > 0)) for n in range(1000)}
    engine = open_database(sqlite_url)
    record(engine, make_report(rows), NOON)
    with engine.connect() as connection:
        (row,) = connection.execute(eval_runs.select())
    engine.dispose()
    assert len(row.body) < 8_000


score = st.none() | st.floats(0, 1)
slots = itertools.count()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One database for many examples."""
    engine = open_database(str(tmp_path_factory.mktemp("data") / "ledger.db"), create=True)
    yield engine
    engine.dispose()


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.tuples(score, score)),
    st.floats(0, 1),
)
def test_outcomes_come_back_as_they_were(
    lasting: Engine, scores: dict[str, tuple[float | None, float | None]], known: float
) -> None:
    rows = {**scores, "known": (known, known)}
    report = make_report(rows)
    kept = record(lasting, report, next(slots))
    run = runs(lasting, series_of(report))[-1]
    assert run.id == kept
    assert {each.item: each.scores for each in run.outcomes} == rows
    regretted = [each.regretted for each in run.outcomes]
    assert (regretted.count(True), regretted.count(None)) == (run.regrets, run.unscored)
