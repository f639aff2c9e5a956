"""How a series of evaluations is printed."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from rich.console import Console

from stepdown.cli.eval.series import (
    MOST_POINTS,
    MOST_ROWS,
    json_line,
    print_series,
    run_line,
    sparkline,
)
from stepdown.evals.drift import Flag, Look, look
from stepdown.evals.history import Run, record, runs, series_of
from stepdown.storage.database import open_database
from support.databases import sqlite_url
from support.eval_series import DAY, NOON, make_report, make_row

__all__ = ["sqlite_url"]

ROWS = [
    make_row("a", 1, (0.0, 1.0)),
    make_row("b", 2, (1.0, 1.0)),
    make_row("c", 3, (None, 1.0)),
    make_row("d", 4, (0.0, 0.0), rung=1),
]


@pytest.fixture
def run(sqlite_url: str) -> Run:
    engine = open_database(sqlite_url)
    report = make_report(ROWS, setup="ba9876543210")
    record(engine, report, NOON)
    (found,) = runs(engine, series_of(report))
    engine.dispose()
    return found


def printed(shown: Look) -> str:
    out = Console(file=io.StringIO(), width=160)
    print_series(shown, out)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_a_run_in_a_line(run: Run) -> None:
    assert run_line(look([run])) == (
        "2026-11-25 12:00 auto on prompts.jsonl, run 1: regret 50.0 % (1.3 to 98.7 %; 1 of 2); "
        "67.5 % saved; mean scores gpt-4o-mini 0.333, gpt-4o 0.750; 1 row sent down not scored"
    )


def test_a_run_of_which_little_is_known(run: Run) -> None:
    bare = structs.replace(run, scored=0, regrets=0, unscored=0, cost=None, means={})
    assert run_line(look([bare])).endswith(
        "run 1: regret –; – saved; mean scores gpt-4o-mini –, gpt-4o –"
    )


def test_a_run_in_json(run: Run) -> None:
    flag = Flag("gpt-4o", 1, run.time, 0.9, 0.8, 1e-9)
    shown = json.loads(json_line(run, 1, Look((run,), (flag,), 0.1, above=True), recorded=True))
    assert shown["flags"] == [
        {"model": "gpt-4o", "run": 1, "time": run.time, "before": 0.9, "after": 0.8, "p": 1e-9}
    ]
    assert (shown["above_limit"], shown["recorded"]) == (True, True)
    assert (shown["run"], shown["slot"], shown["regrets"], shown["regret"]) == (1, NOON, 1, 0.5)
    assert (shown["cost"], shown["reference_cost"]) == ("0.13", "0.4")
    assert (shown["low"], shown["high"]) == (run.regret.low, run.regret.high)
    assert (shown["series"], shown["setup"]) == (run.series.key, "ba9876543210")
    without = json.loads(json_line(structs.replace(run, cost=None), 1))
    assert without["cost"] is None
    assert "flags" not in without


def test_a_table_of_the_newest(run: Run) -> None:
    many = [
        structs.replace(run, slot=NOON + day * DAY, time=float(NOON + day * DAY))
        for day in range(MOST_ROWS + 3)
    ]
    text = printed(look(many))
    assert f"{MOST_ROWS + 3} │" in text
    assert " 3 │ " not in text
    assert "3 earlier runs are not in the table" in " ".join(text.split())
    assert f"In {MOST_ROWS + 3} runs nothing is shown to have moved." in text
    assert "policy 0123456789ab, setup ba9876543210, margin 0.1" in " ".join(text.split())


def test_the_curves(run: Run) -> None:
    worse = structs.replace(run, regrets=2, means={"gpt-4o-mini": 0.0, "gpt-4o": 0.75})
    lines = printed(look([run, run, worse])).splitlines()
    assert "regret       ▁▁█  50.0 % to 100.0 %" in lines
    assert "gpt-4o-mini  ██▁  0.000 to 0.333" in lines
    assert "gpt-4o       ▁▁▁  0.750 to 0.750" in lines


def test_what_moved_stands_below(run: Run) -> None:
    flag = Flag(None, 2, run.time, 0.012, 0.04, 1e-9)
    text = printed(Look((run, run), (flag,), 0.1, above=True))
    assert "In 2 runs this moved (any of it false with 5.0 % at most, over all looks):" in text
    assert "regret rose from 1.2 % to 4.0 % from run 2 (2026-11-25) on" in text
    assert "regret is above 10.0 %: 1 of 2 scored downgrades" in text


@given(st.lists(st.none() | st.floats(0, 1)))
def test_a_sparkline_has_a_mark_for_each_value(values: list[float | None]) -> None:
    line = sparkline(values)
    assert [mark == " " for mark in line] == [value is None for value in values]
    known = [value for value in values if value is not None]
    if known and max(known) > min(known):
        marks = [mark for mark in line if mark != " "]
        assert marks[known.index(max(known))] == "█"
        assert marks[known.index(min(known))] == "▁"


def test_a_curve_is_no_longer_than_a_line(run: Run) -> None:
    (curve,) = (
        line
        for line in printed(look([run] * (MOST_POINTS + 9))).splitlines()
        if line.startswith("regret ")
    )
    assert curve.count("▁") == MOST_POINTS
