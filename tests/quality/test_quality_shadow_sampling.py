"""Sampling goes by the id and the probability alone, and takes the share that it says."""

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.shadow.sampling import Rates, sampled, uniform

stats: Any = import_module("scipy.stats")
shares = st.floats(0.0, 1.0)


@given(st.text())
def test_an_id_has_one_number_in_the_half_open_unit_interval(name: str) -> None:
    assert 0.0 <= uniform(name) < 1.0
    assert uniform(name) == uniform(name)


@given(st.text(), shares, shares)
def test_what_is_sampled_stays_so_at_any_higher_probability(
    name: str, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert sampled(name, high) or not sampled(name, low)


@given(st.text())
def test_all_and_none_are_meant_exactly(name: str) -> None:
    assert sampled(name, 1.0)
    assert not sampled(name, 0.0)


def test_the_numbers_are_the_same_in_every_replica_and_version() -> None:
    assert uniform("sd-1") == pytest.approx(0.8596584444133871, abs=1e-15)


@pytest.mark.parametrize("name", ["sd-{}", "sd-4f0c{:08x}", "{}"])
def test_the_numbers_of_ids_in_a_row_are_even_and_independent(name: str) -> None:
    numbers = [uniform(name.format(each)) for each in range(20_000)]
    bins = [0] * 50
    pairs = [0] * 100
    for number in numbers:
        bins[int(number * 50)] += 1
    for before, after in zip(numbers[::2], numbers[1::2], strict=True):
        pairs[int(before * 10) * 10 + int(after * 10)] += 1
    assert stats.chisquare(bins).pvalue > 0.001
    assert stats.chisquare(pairs).pvalue > 0.001


RATES = Rates(
    rate=0.02,
    observe_rate=0.2,
    upgrade_rate=0.01,
    tags={"beta": 0.5, "vip": 0.0},
    rules={"short": 0.1},
)


@pytest.mark.parametrize(
    ("rule", "tags", "state", "strong", "expected"),
    [
        ("long", (), None, False, 0.02),
        ("long", (), "active", False, 0.02),
        ("long", (), "tripped", False, 0.02),
        ("long", (), "observing", False, 0.2),
        ("default", (), None, True, 0.01),
        ("short", (), "observing", False, 0.1),
        ("short", (), None, True, 0.1),
        ("short", ("vip",), "observing", False, 0.0),
        ("long", ("other", "vip", "beta"), None, True, 0.5),
    ],
)
def test_the_first_of_tag_rule_state_and_route_counts(
    rule: str, tags: tuple[str, ...], state: str | None, strong: bool, expected: float
) -> None:
    assert RATES.propensity(rule, frozenset(tags), state, strong=strong) == expected
    assert RATES.highest >= expected


def test_without_a_rate_for_upgrades_the_routes_counts() -> None:
    assert Rates(rate=0.3).propensity("default", (), None, strong=True) == 0.3


def test_the_least_probability_leaves_out_what_is_never_sampled() -> None:
    assert RATES.least("long", "active") == 0.02
    assert RATES.least("long", "observing") == 0.2
    assert Rates(tags={"rare": 0.001}).least("long", "observing") == 0.001
    assert Rates(rate=0.0).least("long", "active") is None
    assert RATES.lowest == 0.01
    assert Rates(rate=0.0, observe_rate=0.0).lowest is None


@given(
    st.builds(
        Rates,
        shares,
        shares,
        st.none() | shares,
        st.dictionaries(st.sampled_from("abc"), shares),
        st.dictionaries(st.sampled_from("rst"), shares),
    ),
    st.sampled_from("rstu"),
    st.sets(st.sampled_from("abcd")),
    st.sampled_from([None, "observing", "active", "trusted", "tripped"]),
    st.booleans(),
)
def test_every_probability_lies_within_the_bounds_told(
    rates: Rates, rule: str, tags: set[str], state: str | None, strong: bool
) -> None:
    propensity = rates.propensity(rule, tags, state, strong=strong)
    assert propensity <= rates.highest
    if propensity > 0.0:
        least, lowest = rates.least(rule, state, strong=strong), rates.lowest
        assert least is not None
        assert lowest is not None
        assert lowest <= least <= propensity
