"""How far it is to a certificate: pairs, the traffic they come from, and days."""

import pytest
from msgspec import structs

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.needed import needed
from stepdown.quality.guard.recorded import standing_after
from stepdown.quality.guard.states import Standing
from stepdown.quality.knowledge.positions import Position
from stepdown.quality.knowledge.progress import DAY, Progress, progress, traffic
from support.pairs import NOON, make_pair, reading, store_pairs
from support.wards import certified, make_ward, set_by_hand

WARD = make_ward("faq")


def observed(*counts: int) -> Position:
    """With so many regrets in so many pairs."""
    regrets, pairs = counts
    return Position("auto", "faq", WARD.beginning(), Counts({0.2: (regrets, pairs)}), ward=WARD)


def test_few_pairs_tell_no_rate() -> None:
    position = observed(1, 19)
    ahead = progress(position, 10.0)
    terms = position.terms
    assert terms is not None
    assert ahead == Progress(0.0, needed(position.standing, position.counts, terms, 0.0), 10.0)
    assert ahead.pairs is not None
    assert ahead.days == pytest.approx(ahead.pairs / 10)


def test_the_rate_found_is_taken_to_stay() -> None:
    position = observed(1, 200)
    ahead = progress(position)
    terms = position.terms
    assert terms is not None
    assert ahead is not None
    assert ahead.rate == pytest.approx(0.005)
    assert ahead.pairs == needed(position.standing, position.counts, terms, 0.005)
    assert ahead.days is None


def test_a_rate_above_the_budget_certifies_nothing() -> None:
    ahead = progress(observed(10, 100), 10.0)
    assert ahead is not None
    assert (ahead.pairs, ahead.days) == (None, None)


@pytest.mark.parametrize("per_day", [None, 0.0])
def test_without_traffic_nobody_knows_the_days(per_day: float | None) -> None:
    assert Progress(0.0, 100, per_day).days is None


def test_nothing_is_ahead_of_what_is_certified_or_not_observed() -> None:
    waiting = make_ward("faq", terms=structs.replace(WARD.terms, auto_promote=False))
    held = standing_after(certified(waiting))
    assert (held.state, held.certificate is None) == ("observing", False)
    stopped = standing_after(set_by_hand(WARD, "tripped"))
    for standing in (held, stopped):
        assert progress(structs.replace(observed(0, 9), standing=standing)) is None


def test_without_terms_nothing_can_be_told() -> None:
    assert progress(Position("auto", "faq", Standing("auto/faq"))) is None


# ── Traffic ──────────────────────────────────────────────────────────────────────────────────


def test_traffic_counts_the_requests_behind_the_pairs(database_url: str) -> None:
    store_pairs(
        database_url,
        make_pair(key="a", time=NOON - 2 * DAY, propensity=0.5),
        make_pair(key="a", time=NOON - DAY, propensity=0.02, stint=2),
        make_pair(key="a", time=NOON - DAY, propensity=0.02, regret=None),
        make_pair(key="b", time=NOON, propensity=0.1, saver="cascade"),
        make_pair(key="b", time=NOON - 8 * DAY),
        make_pair(key="", time=NOON),
        make_pair(key="c", route="bot", time=NOON - DAY / 2, propensity=0.25),
    )
    with reading(database_url) as engine:
        assert traffic(engine, NOON) == {
            "a": pytest.approx((2 + 50) / 2),
            "b": pytest.approx(10 / 2),
            "c": pytest.approx(4 / 0.5),
        }


def test_less_than_an_hour_is_no_pace(sqlite_url: str) -> None:
    store_pairs(sqlite_url, make_pair(time=NOON - 3599))
    with reading(sqlite_url) as engine:
        assert traffic(engine, NOON) == {}
