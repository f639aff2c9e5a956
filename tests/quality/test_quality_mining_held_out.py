"""What held-out pairs say of a region."""

import random
from collections.abc import Sequence

import pytest

from stepdown.quality.intervals import lower, upper
from stepdown.quality.mining.held_out import Held, held, of_each, split
from stepdown.quality.mining.samples import Sample
from stepdown.quality.mining.search import Region
from stepdown.quality.mining.terms import Vocabulary
from stepdown.types import Reading


def sample(name: str, tokens: int, *, regret: bool = False, weight: float = 5.0) -> Sample:
    return Sample(name, weight, regret, 0.02 if tokens < 100 else 0.5, {"tokens": Reading(tokens)})


def short() -> Region:
    term = Vocabulary().term("tokens", "lt", 100)
    assert term is not None
    return Region((term,), 0, 0.0)


def test_pairs_are_split_in_halves_by_their_ids() -> None:
    samples = [sample(f"req_{number}", 5) for number in range(1_000)]
    searched, kept = split(samples)
    assert len(searched) == pytest.approx(500, abs=80)
    assert {each.id for each in searched}.isdisjoint(each.id for each in kept)
    assert len(searched) + len(kept) == 1_000
    random.Random(1).shuffle(samples)
    assert split(samples) == (searched, kept)


def test_exact_bounds_where_all_weigh_the_same() -> None:
    inside = [sample(str(number), 5, regret=number < 3) for number in range(80)]
    outside = [sample(f"o{number}", 500, regret=True) for number in range(20)]
    found = held(short(), [*inside, *outside], 0.99)
    assert (found.pairs, found.regrets, found.share) == (80, 3, 0.8)
    assert (found.regret, found.saved) == pytest.approx((3 / 80, 0.02))
    assert (found.low, found.high) == (lower(3, 80, 0.99), upper(3, 80, 0.99))


def test_weighted_bounds_where_they_do_not() -> None:
    rare = [sample(f"r{number}", 5, regret=number % 4 == 0, weight=20.0) for number in range(40)]
    usual = [sample(f"u{number}", 5) for number in range(400)]
    found = held(short(), [*rare, *usual], 0.95)
    assert found.regret == pytest.approx(10 * 20 / (40 * 20 + 400 * 5))
    assert found.low < 200 / 2_800 < found.high
    assert found.high > upper(10, 440, 0.95), "a plain count would not see how few pairs tell"


def test_a_region_without_held_out_pairs() -> None:
    found = held(short(), [sample("a", 500)], 0.95)
    assert found == Held(0, 0, None, 0.0, 1.0, 0.0, 0.0)
    nothing: Sequence[Sample] = []
    assert held(short(), nothing, 0.95).high == 1.0


def test_the_error_is_split_over_what_is_asked() -> None:
    assert of_each(0.95, 5) == pytest.approx(0.99)
    assert of_each(0.95, 0) == 0.95
