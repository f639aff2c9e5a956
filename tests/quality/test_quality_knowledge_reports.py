"""Reports of routes: what is sent down and what is decided for the last rung, each a family."""

from decimal import Decimal

import pytest

from stepdown.quality.knowledge.positions import Position
from stepdown.quality.knowledge.reports import Asked, RouteReport, reports
from stepdown.quality.pairs import Pair
from stepdown.quality.records.selection import Selection
from support.pairs import NOON, make_pair, reading, store_pairs
from support.wards import make_ward

FAQ = make_ward("faq")
POSITION = Position("auto", "faq", FAQ.beginning(), ward=FAQ)


def stored() -> list[Pair]:
    return [
        make_pair(rule="short", tags=("a",)),
        make_pair(rule="short", saver="cascade", tags=("a", "b")),
        make_pair(rule="faq", served=1, regret=True),
        make_pair(rule="default", served=1, key="", regret=None),
        make_pair(rule="default", served=1, key=""),
        make_pair(rule="other", route="bot", time=NOON - 9),
    ]


def names(report: RouteReport) -> list[list[tuple[str, str]]]:
    """Of both families: each group's kind and name."""
    return [
        [(each.group.kind, each.group.name) for each in family.regrets]
        for family in (report.down, report.up)
    ]


def test_a_report_of_each_route(database_url: str) -> None:
    store_pairs(database_url, *stored())
    asked = {"auto": Asked(0.9, 0.02)}
    with reading(database_url) as engine:
        found = reports(
            engine, "rule", Selection(), [POSITION], lambda route: asked.get(route, Asked())
        )
    auto, bot = found
    assert [names(each) for each in found] == [
        [
            [("downgrade", "faq"), ("downgrade", "short"), ("cascade", "short")],
            [("upgrade", "default")],
        ],
        [[("downgrade", "other")], []],
    ]
    assert (auto.route, auto.budget, bot.route, bot.budget) == ("auto", 0.02, "bot", None)
    assert (auto.down.confidence, auto.down.judged) == (0.9, 3)
    assert auto.down.each == pytest.approx(1 - 0.1 / 3)
    assert auto.up.each == pytest.approx(0.9)
    assert bot.down.each == pytest.approx(0.95)
    assert auto.position("faq") == POSITION
    assert auto.position("short") is bot.position("faq") is None
    assert auto.answers_costs["auto", "downgrade", "faq"] == Decimal("0.000024")


def test_by_tag_of_a_selection(sqlite_url: str) -> None:
    store_pairs(sqlite_url, *stored())
    with reading(sqlite_url) as engine:
        [found] = reports(engine, "tag", Selection(since=NOON))
    assert names(found) == [
        [
            ("downgrade", "(untagged)"),
            ("downgrade", "a"),
            ("cascade", "a"),
            ("cascade", "b"),
        ],
        [("upgrade", "(untagged)")],
    ]


def test_a_route_without_pairs_has_what_is_guarded(sqlite_url: str) -> None:
    with reading(sqlite_url) as engine:
        assert reports(engine, "rule", Selection()) == []
        [found] = reports(engine, "rule", Selection(), [POSITION])
    assert (found.route, names(found), found.positions) == ("auto", [[], []], (POSITION,))
