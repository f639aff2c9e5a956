"""Groups counted by hand, their intervals, and what holds for any rows."""

import random
from decimal import Decimal

import pytest
from hypothesis import given
from msgspec import structs

from stepdown.evals.groups import band_of, groups_of
from stepdown.evals.report import By, Group, Grouping, Mean
from stepdown.evals.rows import Row
from stepdown.quality.intervals import each_of, exact_interval
from stepdown.quality.shares import Share
from support.eval_rows import mixed, numbered, row, rows_of

MARGIN, CONFIDENCE = 0.1, 0.95


def overall_of(rows: list[Row]) -> Group:
    return groups_of(rows, MARGIN, CONFIDENCE)[0]


def grouping(rows: list[Row], by: By) -> Grouping:
    return next(each for each in groups_of(rows, MARGIN, CONFIDENCE)[1] if each.by == by)


def counts(share: Share) -> tuple[int, int]:
    return share.events, share.trials


# ── Regret ───────────────────────────────────────────────────────────────────────────────────


def test_regret_is_of_the_scored_downgrades() -> None:
    group = overall_of(
        numbered(
            [
                row((0.0, 1.0)),
                row((1.0, 1.0)),
                row((1.0, 0.0)),
                row((None, 1.0)),
                row((0.0, None)),
                row((0.0, 1.0), 1),
            ]
        )
    )
    assert (group.name, group.rows, group.down, group.unscored) == ("overall", 6, 5, 2)
    assert group.regret == Share(1, 3, *exact_interval(1, 3, CONFIDENCE))
    assert group.worst == Share(3, 5, *exact_interval(3, 5, CONFIDENCE))


@pytest.mark.parametrize(("served", "regrets"), [(0.9, 0), (0.899, 1), (0.8, 1)])
def test_a_lead_of_just_the_margin_is_no_regret(served: float, regrets: int) -> None:
    assert overall_of([row((served, 1.0))]).regret.events == regrets


def test_without_downgrades_nothing_is_known_of_regret() -> None:
    group = overall_of([row((0.0, 1.0), 1)])
    assert group.regret == group.worst == Share(0, 0, 0.0, 1.0)


def test_without_rows_there_is_one_empty_group() -> None:
    group, groupings = groups_of([], MARGIN, CONFIDENCE)
    assert (group.rows, group.delta, group.cost, groupings) == (0, None, None, ())


# ── Rows kept at the last rung ───────────────────────────────────────────────────────────────


def test_wasted_and_risked_are_of_the_rows_kept_that_are_scored_on_every_rung() -> None:
    group = overall_of(
        numbered(
            [
                row((0.0, 1.0, 1.0), 2),  # the middle one would have done
                row((1.0, 0.0, 1.0), 2),  # the first one would have
                row((0.0, 0.0, 1.0), 2),
                row((1.0, None, 1.0), 2),
                row((0.0, 1.0, 1.0), 1),
            ]
        )
    )
    assert counts(group.wasted) == (2, 3)
    assert counts(group.risked) == (2, 3)
    assert (group.wasted.low, group.wasted.high) == exact_interval(2, 3, CONFIDENCE)


def test_a_ladder_of_one_rung_wastes_nothing() -> None:
    group = overall_of([row((1.0,))])
    assert (group.down, counts(group.wasted)) == (0, (0, 0))


# ── Score and money ──────────────────────────────────────────────────────────────────────────


def test_delta_is_the_served_score_less_the_references() -> None:
    delta = overall_of(numbered([row((0.5, 1.0)), row((1.0, 0.75)), row((0.0, 1.0), 1)])).delta
    assert isinstance(delta, Mean)
    assert delta.value == pytest.approx((-0.5 + 0.25 + 0.0) / 3)
    assert delta.rows == 3
    assert -1.0 <= delta.low <= delta.value <= delta.high <= 1.0


def test_delta_does_not_depend_on_the_order_of_the_file() -> None:
    rows = mixed(60, 20)
    assert overall_of(rows).delta == overall_of(rows[::-1]).delta


def test_rows_of_unknown_cost_are_in_neither_sum() -> None:
    rows = [row((1.0, 1.0)), row((1.0, 1.0), costs=(None, "0.1")), row((1.0, 1.0), 1)]
    group = overall_of(numbered(rows))
    assert (group.cost, group.reference_cost) == (Decimal("0.11"), Decimal("0.2"))
    assert group.unpriced == 1
    assert (group.saved, group.share_saved) == (Decimal("0.09"), 0.45)


def test_money_is_unknown_where_no_row_is_priced() -> None:
    group = overall_of([row((1.0, 1.0), costs=("0.01", None))])
    assert (group.cost, group.reference_cost, group.unpriced) == (None, None, 1)
    assert (group.saved, group.share_saved) == (None, None)


# ── Groupings ────────────────────────────────────────────────────────────────────────────────


def test_rules_and_tags_come_by_their_rows_most_first() -> None:
    rows = numbered(
        [
            row((1.0, 1.0), decision="code", tags=("x",)),
            row((1.0, 1.0), decision="short", tags=("x", "y")),
            row((1.0, 1.0), decision="short", tags=("y", "y")),
            row((1.0, 1.0), decision="alpha"),
        ]
    )
    named = {
        each.by: [(group.name, group.rows) for group in each.groups]
        for each in groups_of(rows, MARGIN, CONFIDENCE)[1]
    }
    assert named == {
        "rule": [("short", 2), ("alpha", 1), ("code", 1)],
        "rung": [("small", 4)],
        "tag": [("x", 2), ("y", 2)],
        "length": [("0–99", 4)],
    }


def test_rungs_come_in_the_ladders_order_and_without_tags_there_is_no_grouping_by_tag() -> None:
    rows = numbered([row((1.0, 1.0, 1.0), rung) for rung in (2, 2, 2, 1, 0, 0)])
    groups = [(each.name, each.rows) for each in grouping(rows, "rung").groups]
    assert groups == [("small", 2), ("medium", 1), ("large", 3)]
    assert {each.by for each in groups_of(rows, MARGIN, CONFIDENCE)[1]} == {
        "rule",
        "rung",
        "length",
    }


@pytest.mark.parametrize(
    ("tokens", "band"),
    [
        (0, "0–99"),
        (99, "0–99"),
        (100, "100–499"),
        (499, "100–499"),
        (500, "500–1999"),
        (1999, "500–1999"),
        (2000, "2000+"),
        (10**6, "2000+"),
    ],
)
def test_length_bands(tokens: int, band: str) -> None:
    assert band_of(tokens) == band


def test_the_error_is_split_over_the_groups_that_have_a_trial() -> None:
    rows = [
        *[row((0.0, 1.0), decision="code")] * 30,
        *[row((1.0, 1.0), decision="short")] * 20,
        *[row((None, 1.0), decision="unscored")] * 5,
        *[row((0.0, 1.0), 1, decision="hard")] * 10,
    ]
    found = grouping(numbered(rows), "rule")
    code, short, hard, unscored = found.groups
    assert found.each == each_of(CONFIDENCE, 2)
    assert (code.regret.low, code.regret.high) == exact_interval(30, 30, found.each)
    assert (short.regret.low, short.regret.high) == exact_interval(0, 20, found.each)
    assert hard.regret == unscored.regret == Share(0, 0)
    worst = exact_interval(5, 5, each_of(CONFIDENCE, 3))
    assert (unscored.worst.low, unscored.worst.high) == worst
    assert (hard.wasted.low, hard.wasted.high) == exact_interval(0, 10, CONFIDENCE)


# ── Any rows ─────────────────────────────────────────────────────────────────────────────────


@given(rows_of(rungs=3, scored=False))
def test_the_groups_of_a_grouping_add_up(rows: list[Row]) -> None:
    overall, groupings = groups_of(rows, MARGIN, CONFIDENCE)
    for each in groupings:
        if each.by == "tag":
            continue
        groups = each.groups
        assert sum(group.rows for group in groups) == overall.rows
        assert sum(group.down for group in groups) == overall.down
        assert sum(group.regret.events for group in groups) == overall.regret.events
        assert sum(group.wasted.trials for group in groups) == overall.wasted.trials
        assert sum((group.cost or Decimal(0) for group in groups), Decimal(0)) == overall.cost
        saved = sum((group.saved or Decimal(0) for group in groups), Decimal(0))
        assert saved == overall.saved


@given(rows_of(rungs=3, scored=False))
def test_shares_are_within_their_intervals_and_the_worst_case_is_worse(rows: list[Row]) -> None:
    overall, groupings = groups_of(rows, MARGIN, CONFIDENCE)
    for group in (overall, *(each for found in groupings for each in found.groups)):
        for share in (group.regret, group.worst, group.wasted, group.risked):
            assert share.value is None or share.low <= share.value <= share.high
        assert group.worst.trials == group.down
        assert group.worst.events == group.regret.events + group.unscored
        assert group.regret.trials + group.unscored == group.down


@given(rows_of(scored=False), rows_of(scored=False))
def test_the_order_of_rows_does_not_matter(rows: list[Row], more: list[Row]) -> None:
    every = numbered([*rows, *more])
    drawn = random.Random(1).sample(every, len(every))
    assert groups_of(drawn, MARGIN, CONFIDENCE) == groups_of(every, MARGIN, CONFIDENCE)


def test_a_name_may_be_anything() -> None:
    odd = structs.replace(row((1.0, 1.0)), decision="", tags=("", "\ud800"), id="\ud800")
    groups = {
        each.by: [group.name for group in each.groups] for each in groups_of([odd], 0, 0.9)[1]
    }
    assert (groups["rule"], groups["tag"]) == ([""], ["", "\ud800"])
