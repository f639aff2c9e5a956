"""What became of sampled requests, on both kinds of databases: by route and reason, and by day."""

from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from stepdown.quality.knowledge.shadowing import (
    DAY,
    Day,
    RouteShadowing,
    hour_of,
    shadowing,
    spending,
)
from stepdown.storage.address import DatabaseUnavailable
from support.pairs import NOON, make_pair, reading, store_pairs
from support.recorded import store_counters

HOUR = 3600
MIDNIGHT = int(NOON) // DAY * DAY


def test_each_sampled_request_is_a_pair_or_has_a_reason(database_url: str) -> None:
    store_counters(
        database_url,
        (NOON, "auto", "sampled", 10, "0"),
        (NOON, "auto", "paired", 6, "0.6"),
        (NOON, "auto", "judged", 8, "0.05"),
        (NOON, "auto", "budget", 1, "0"),
        (NOON, "auto", "stopped", 2, "0.01"),
        (NOON, "bot", "sampled", 1, "0"),
        (NOON - HOUR, "auto", "sampled", 5, "0"),
    )
    store_pairs(
        database_url,
        make_pair(regret=None, why="unscored: no scorer could tell"),
        make_pair(regret=None, why="shadow_failed: upstream_timed_out: no answer: within 2 s"),
        make_pair(regret=None, why="shadow_failed: upstream_error: 500"),
        make_pair(regret=None, why="unreadable: …", time=NOON - 1),
        make_pair(),
    )
    with reading(database_url) as engine:
        auto, bot = shadowing(engine, NOON + 9)
        assert auto == RouteShadowing(
            "auto",
            sampled=10,
            paired=6,
            skips={"stopped": 2, "budget": 1},
            unscored={"shadow_failed": 2, "unscored": 1},
            judge_calls=8,
            answers_cost=Decimal("0.61"),
            judges_cost=Decimal("0.05"),
        )
        assert list(auto.skips) == ["stopped", "budget"]
        assert (auto.unaccounted, bot) == (1, RouteShadowing("bot", sampled=1))
        assert shadowing(engine, NOON, "bot") == [bot]
        [ever] = shadowing(engine, route="auto")
        assert (ever.sampled, ever.unscored["unreadable"]) == (15, 1)


def test_a_pair_of_a_request_that_was_sampled_before_is_no_debt(sqlite_url: str) -> None:
    store_counters(sqlite_url, (NOON, "auto", "paired", 1, "0"))
    with reading(sqlite_url) as engine:
        assert shadowing(engine)[0].unaccounted == 0


def test_spending_by_day(database_url: str) -> None:
    store_counters(
        database_url,
        (MIDNIGHT - 1, "auto", "paired", 1, "4"),
        (MIDNIGHT, "auto", "paired", 1, "0.1"),
        (MIDNIGHT + 5 * HOUR, "bot", "stopped", 1, "0.2"),
        (MIDNIGHT + 23 * HOUR, "bot", "judged", 1, "0.05"),
        (MIDNIGHT + DAY, "auto", "sampled", 9, "0"),
        (MIDNIGHT + 2 * DAY, "auto", "judged", 1, "1"),
    )
    with reading(database_url) as engine:
        days = spending(engine, NOON)
        assert days == [
            Day(MIDNIGHT, Decimal("0.3"), Decimal("0.05")),
            Day(MIDNIGHT + 2 * DAY, Decimal(0), Decimal(1)),
        ]
        assert spending(engine) == [Day(MIDNIGHT - DAY, Decimal(4), Decimal(0)), *days]


def test_the_hour_of_a_moment() -> None:
    assert [hour_of(NOON), hour_of(NOON + 3599.9), hour_of(NOON - 0.1)] == [NOON, NOON, NOON - 3600]


def test_a_database_without_tables_is_told(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    for read in (shadowing, spending):
        with pytest.raises(DatabaseUnavailable, match=r"^The record of .* cannot be read: "):
            read(engine)
    engine.dispose()
