"""Selections of pairs, and their kinds."""

import pytest
from sqlalchemy import select

from stepdown.quality.pairs import Pair
from stepdown.quality.records.selection import Selection, kind_of_pair, selected
from stepdown.storage.tables import pairs
from support.pairs import NOON, make_pair, reading, store_pairs


@pytest.mark.parametrize(
    ("pair", "kind"),
    [
        (make_pair(served=0), "downgrade"),
        (make_pair(served=0, key=""), "downgrade"),
        (make_pair(served=1), "downgrade"),
        (make_pair(served=1, key=""), "upgrade"),
        (make_pair(served=1, key="", saver="cascade"), "cascade"),
        (make_pair(served=0, saver="cascade"), "cascade"),
    ],
)
def test_kinds(sqlite_url: str, pair: Pair, kind: str) -> None:
    store_pairs(sqlite_url, pair)
    with reading(sqlite_url) as engine, engine.connect() as connection:
        assert connection.execute(select(kind_of_pair())).scalar_one() == kind


@pytest.mark.parametrize(
    ("selection", "ids"),
    [
        (Selection(), "abcde"),
        (Selection(since=NOON), "bcde"),
        (Selection(route="bot"), "c"),
        (Selection(rule="other"), "d"),
        (Selection(key=""), "e"),
        (Selection(saver="cascade"), "b"),
        (Selection(since=NOON, route="auto", rule="short-label"), "be"),
        (Selection(route="bot", key=""), ""),
    ],
)
def test_selections(sqlite_url: str, selection: Selection, ids: str) -> None:
    store_pairs(
        sqlite_url,
        make_pair(id="a", time=NOON - 1),
        make_pair(id="b", saver="cascade"),
        make_pair(id="c", route="bot"),
        make_pair(id="d", rule="other"),
        make_pair(id="e", key=""),
    )
    query = selected(select(pairs.c.id).order_by(pairs.c.id), selection)
    with reading(sqlite_url) as engine, engine.connect() as connection:
        assert "".join(connection.execute(query).scalars()) == ids
