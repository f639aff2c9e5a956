"""Rates of groups: weighted, with intervals that hold together, and the worst case beside."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from stepdown.quality import evidence
from stepdown.quality.knowledge.regrets import Rate, family_of
from stepdown.quality.pairs import Counts
from stepdown.quality.records.groups import Group


def make_group(counts: Counts, unscored: Mapping[float, int] | None = None) -> Group:
    money = Decimal(0)
    return Group(
        "auto", "downgrade", "faq", counts, unscored or {}, 0, 0, 0, money, money, money, 0.0, 1.0
    )


def test_each_pair_is_weighted_by_the_requests_that_it_stands_for() -> None:
    counts = {0.1: (1, 10), 0.5: (0, 50)}
    [found] = family_of([make_group(counts)], 0.95).regrets
    low, high = evidence.bounds(evidence.Counts(counts), 0.95, 0.1)
    assert found.rate == Rate(evidence.estimate(evidence.Counts(counts)), low, high)
    assert found.rate.value == pytest.approx(10 / 200)
    assert low < 0.05 < high
    assert found.weighted
    assert found.worst == found.rate


def test_alike_pairs_are_not_weighted() -> None:
    [found] = family_of([make_group({0.1: (1, 10)})], 0.95).regrets
    assert found.rate.value == pytest.approx(0.1)
    assert not found.weighted


def test_in_the_worst_case_every_unscored_pair_is_a_regret() -> None:
    group = make_group({0.1: (1, 10)}, {0.1: 2, 0.5: 5})
    [found] = family_of([group], 0.95).regrets
    worst = evidence.Counts({0.1: (3, 12), 0.5: (5, 5)})
    assert found.worst == Rate(evidence.estimate(worst), *evidence.bounds(worst, 0.95, 0.1))
    assert found.worst.high > found.rate.high


def test_pairs_of_a_lower_propensity_without_scores_count_among_the_least() -> None:
    group = make_group({0.5: (0, 50)}, {0.1: 1})
    [found] = family_of([group], 0.95).regrets
    assert found.rate.high == evidence.upper(evidence.Counts(group.counts), 0.975, 0.1)


def test_the_error_is_split_over_groups_with_scores() -> None:
    groups = [make_group({0.1: (0, 30)}), make_group({0.1: (1, 60)}), make_group({}, {0.1: 3})]
    family = family_of(groups, 0.95)
    assert (family.judged, family.confidence) == (2, 0.95)
    assert family.each == pytest.approx(0.975)
    scored = evidence.Counts(groups[0].counts)
    assert (family.regrets[0].rate.low, family.regrets[0].rate.high) == evidence.bounds(
        scored, family.each, 0.1
    )
    unknown = family.regrets[2]
    assert (unknown.rate, unknown.worst.value) == (Rate(None, 0.0, 1.0), 1.0)


def test_no_groups() -> None:
    assert family_of([], 0.9).each == pytest.approx(0.9)
    with pytest.raises(ValueError, match="confidence: expected between 0 and 1"):
        family_of([], 1.0)
