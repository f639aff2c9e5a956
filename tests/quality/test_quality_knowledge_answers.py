"""What second answers cost, on both kinds of databases, by rule, tag and rung."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from stepdown.quality.knowledge.answers import By, answers_costs
from stepdown.quality.pairs import Pair
from stepdown.quality.records.groups import groups
from stepdown.quality.records.selection import Selection
from stepdown.storage.address import DatabaseUnavailable
from support.pairs import NOON, make_pair, reading, store_pairs

CHEAP, DEAR = Decimal("0.01"), Decimal("0.3")


def stored() -> list[Pair]:
    """Served below, held, decided strong, of unknown costs, of a cascade, and of another route."""
    costs = {"candidate_cost": CHEAP, "reference_cost": DEAR}
    return [
        make_pair(**costs, tags=("a", "b")),
        make_pair(**costs, time=NOON - 1),
        make_pair(**costs, served=1),
        make_pair(**costs, served=1, rule="default", key=""),
        make_pair(candidate_cost=None, reference_cost=None),
        make_pair(candidate_cost=None, reference_cost=DEAR, regret=None),
        make_pair(**costs, saver="cascade", candidate=1, served=1, reference=2),
        make_pair(**costs, route="bot"),
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (
            "rule",
            {
                ("auto", "downgrade", "short-label"): 2 * DEAR + CHEAP,
                ("auto", "upgrade", "default"): CHEAP,
                ("auto", "cascade", "short-label"): DEAR,
                ("bot", "downgrade", "short-label"): DEAR,
            },
        ),
        (
            "tag",
            {
                ("auto", "downgrade", "a"): DEAR,
                ("auto", "downgrade", "b"): DEAR,
                ("auto", "downgrade", "(untagged)"): DEAR + CHEAP,
                ("auto", "upgrade", "(untagged)"): CHEAP,
                ("auto", "cascade", "(untagged)"): DEAR,
                ("bot", "downgrade", "(untagged)"): DEAR,
            },
        ),
        (
            "rung",
            {
                ("auto", "downgrade", "0"): 2 * DEAR + CHEAP,
                ("auto", "upgrade", "0"): CHEAP,
                ("auto", "cascade", "1"): DEAR,
                ("bot", "downgrade", "0"): DEAR,
            },
        ),
    ],
)
def test_the_answers_that_no_client_got(
    database_url: str, by: By, expected: Mapping[tuple[str, str, str], Decimal]
) -> None:
    store_pairs(database_url, *stored())
    selection = Selection(since=NOON)
    with reading(database_url) as engine:
        found = answers_costs(engine, by, selection)
        assert found == expected
        shown = groups(engine, by, selection)
        assert {(group.route, group.kind, group.name) for group in shown} == found.keys()


def test_a_selection_only(sqlite_url: str) -> None:
    store_pairs(sqlite_url, *stored())
    with reading(sqlite_url) as engine:
        found = answers_costs(engine, "rule", Selection(route="bot"))
    assert found == {("bot", "downgrade", "short-label"): DEAR}


def test_a_database_without_tables_is_told(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(DatabaseUnavailable, match=r"^The record of shadows cannot be read: "):
        answers_costs(engine, "rule")
    engine.dispose()
