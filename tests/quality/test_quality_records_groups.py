"""Pairs added up, on both kinds of databases: by rule, tag, rung, route and key."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from stepdown.quality.pairs import Counts, Pair
from stepdown.quality.records.groups import By, Group, groups
from stepdown.quality.records.selection import Selection
from stepdown.storage.address import DatabaseUnavailable
from support.pairs import NOON, make_pair, reading, store_pairs


def mixed() -> list[Pair]:
    return [
        *[make_pair(regret=number < 1, tags=("a", "b")) for number in range(3)],
        make_pair(regret=True, propensity=0.2, tags=("a",)),
        make_pair(regret=None, candidate_score=None),
        make_pair(rule="default", key="", regret=False, served=2, candidate=1, reference=2),
        make_pair(route="bot", key="bot/short-label"),
    ]


def read(url: str, by: By = "rule", selection: Selection | None = None) -> list[Group]:
    with reading(url) as engine:
        return groups(engine, by, selection or Selection())


AUTO: Counts = {0.02: (1, 3), 0.2: (1, 1)}
ONE: Counts = {0.02: (0, 1)}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (
            "rule",
            {
                ("auto", "downgrade", "short-label"): AUTO,
                ("auto", "upgrade", "default"): ONE,
                ("bot", "downgrade", "short-label"): ONE,
            },
        ),
        (
            "tag",
            {
                ("auto", "downgrade", "(untagged)"): {},
                ("auto", "downgrade", "a"): AUTO,
                ("auto", "downgrade", "b"): {0.02: (1, 3)},
                ("auto", "upgrade", "(untagged)"): ONE,
                ("bot", "downgrade", "(untagged)"): ONE,
            },
        ),
        (
            "rung",
            {
                ("auto", "downgrade", "0"): AUTO,
                ("auto", "upgrade", "1"): ONE,
                ("bot", "downgrade", "0"): ONE,
            },
        ),
        (
            "route",
            {
                ("auto", "downgrade", "auto"): AUTO,
                ("auto", "upgrade", "auto"): ONE,
                ("bot", "downgrade", "bot"): ONE,
            },
        ),
        (
            "key",
            {
                ("auto", "downgrade", "auto/short-label"): AUTO,
                ("auto", "upgrade", ""): ONE,
                ("bot", "downgrade", "bot/short-label"): ONE,
            },
        ),
    ],
)
def test_groups(database_url: str, by: By, expected: Mapping[tuple[str, str, str], Counts]) -> None:
    store_pairs(database_url, *mixed())
    found = read(database_url, by)
    assert {(group.route, group.kind, group.name): group.counts for group in found} == expected
    assert len(found) == len(expected)


def test_what_a_group_adds_up(database_url: str) -> None:
    known = Decimal("0.001"), Decimal("0.01")
    stored = [
        *[make_pair(time=NOON + number, flips=1, judged=2) for number in range(2)],
        make_pair(time=NOON - 5, regret=True, judge_cost=Decimal("0.5")),
        make_pair(regret=None, propensity=0.2, candidate_cost=None),
        make_pair(regret=None, reference_cost=None, judge_cost=Decimal("0.25")),
        make_pair(regret=None, candidate_cost=known[0], reference_cost=known[1]),
    ]
    store_pairs(database_url, *stored)
    [group] = read(database_url)
    assert (group.pairs, group.scored, group.regrets, group.unpriced) == (6, 3, 1, 2)
    assert group.unscored == {0.02: 2, 0.2: 1}
    assert (group.flips, group.judged) == (2, 4)
    assert group.candidate_cost == Decimal("0.000024") * 3 + known[0]
    assert group.reference_cost == Decimal("0.0004") * 3 + known[1]
    assert group.judge_cost == Decimal("0.75")
    assert (group.first, group.last) == (NOON - 5, NOON + 1)


def test_a_selection_only(database_url: str) -> None:
    store_pairs(database_url, make_pair(time=NOON - 1), *mixed())
    selection = Selection(since=NOON, rule="short-label", route="auto")
    assert [group.counts for group in read(database_url, selection=selection)] == [AUTO]


def test_nothing_recorded(database_url: str) -> None:
    assert read(database_url, "tag") == []


def test_a_database_without_tables_is_told(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(DatabaseUnavailable, match=r"^The record of pairs cannot be read: "):
        groups(engine)
    engine.dispose()
