"""The search for regions: planted ones are found, and what is not worth it is not."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from stepdown.quality.mining.samples import Sample
from stepdown.quality.mining.search import Goal, Region, regions
from stepdown.quality.mining.suggest import when_of
from stepdown.quality.mining.terms import Vocabulary, terms_of
from stepdown.types import Reading

GOAL = Goal(0.02, 0.01)
Facts = dict[str, Any]


def world(
    good: Callable[[Facts], bool],
    *,
    seed: int = 1,
    number: int = 3_000,
    saved: Callable[[Facts], float] = lambda facts: 0.01,
    weight: Callable[[Facts], float] = lambda facts: 5.0,
) -> list[Sample]:
    """Requests of which a quarter is regretted where they are not good."""
    rng = random.Random(seed)
    found: list[Sample] = []
    for place in range(number):
        facts: Facts = {
            "tokens": int(rng.lognormvariate(6, 1)),
            "intent": rng.choice(["faq", "order", "refund", None]),
            "tools": rng.choice([0, 0, 1, 3]),
            "task": frozenset(rng.sample(["classify", "write", "plan"], rng.choice([0, 1, 2]))),
            "code": rng.random() < 0.3,
        }
        regret = rng.random() < (0.002 if good(facts) else 0.25)
        readings = {name: Reading(value) for name, value in facts.items()}
        found.append(Sample(str(place), weight(facts), regret, saved(facts), readings))
    return found


def search(samples: Sequence[Sample], most: int = 1, goal: Goal = GOAL) -> list[Region]:
    return regions(samples, terms_of(samples, Vocabulary()), goal, most)


def found_in(samples: Sequence[Sample], most: int = 1) -> list[Any]:
    return [when_of(region.terms) for region in search(samples, most)]


def test_a_region_of_one_term() -> None:
    assert found_in(world(lambda facts: facts["intent"] == "faq")) == [{"intent": "faq"}]


def test_a_region_of_two_terms() -> None:
    samples = world(lambda facts: facts["code"] and "plan" in facts["task"])
    assert found_in(samples) == [{"code": True, "task": {"in": ["plan"]}}]


def test_a_region_of_three_terms() -> None:
    samples = world(
        lambda facts: facts["intent"] == "faq" and facts["tools"] == 0 and facts["tokens"] < 900
    )
    [when] = found_in(samples)
    assert (when["intent"], when["tools"]) == ("faq", 0)
    assert 700 <= when["tokens"]["lt"] <= 900


def test_a_region_between_two_thresholds() -> None:
    samples = world(lambda facts: 200 < facts["tokens"] < 700)
    [when] = found_in(samples)
    assert set(when["tokens"]) == {"gt", "lt"}
    assert 170 <= when["tokens"]["gt"] <= 350
    assert 400 <= when["tokens"]["lt"] <= 720


def test_one_region_after_the_other_each_for_what_it_adds() -> None:
    samples = world(lambda facts: facts["intent"] == "faq" or "plan" in facts["task"])
    assert found_in(samples, 5) == [{"task": {"in": ["plan"]}}, {"intent": "faq"}]


def test_the_region_that_saves_more_is_first() -> None:
    def good(facts: Facts) -> bool:
        return facts["intent"] in ("faq", "order")

    dear = world(good, saved=lambda facts: 0.05 if facts["intent"] == "order" else 0.01)
    assert {"intent": {"in": ["faq", "order"]}} in found_in(dear)
    only = world(good, saved=lambda facts: 0.05 if facts["intent"] == "order" else -0.01)
    assert found_in(only, 1) == [{"intent": "order"}]


def test_without_any_known_saving_nothing_is_worth_it() -> None:
    assert search(world(lambda facts: True, saved=lambda facts: 0.0, number=500), 3) == []


def test_what_is_regretted_everywhere_is_not_suggested() -> None:
    assert search(world(lambda facts: False), 5) == []


@pytest.mark.parametrize("number", [0, 1, 20])
def test_too_few_samples(number: int) -> None:
    assert search(world(lambda facts: True, number=number), 5) == []


def test_a_whole_pool_that_is_good() -> None:
    [best] = search(world(lambda facts: True, number=600))
    assert best.mask.bit_count() > 500


def test_weights_count() -> None:
    """Among many samples that stand for one request each, few stand for twenty, and regret."""

    def often(facts: Facts) -> float:
        return 1.0 if facts["code"] else 20.0

    samples = world(lambda facts: bool(facts["code"]), weight=often)
    [best] = search(samples)
    assert when_of(best.terms)["code"] is True


def test_it_is_the_same_every_time() -> None:
    samples = world(lambda facts: facts["tokens"] < 500, seed=5, number=800)
    first, again = (
        [(when_of(region.terms), region.mask, region.worth) for region in search(samples, 3)]
        for _ in range(2)
    )
    assert first == again


def test_a_region_is_the_samples_that_its_terms_meet() -> None:
    samples = world(lambda facts: facts["intent"] == "faq" and facts["code"], seed=6)
    for region in search(samples, 3):
        meeting = [all(term.test(s.readings) is True for term in region.terms) for s in samples]
        assert [bool(region.mask >> place & 1) for place in range(len(samples))] == meeting


def test_a_budget_that_cannot_be_shown_is_still_searched_for() -> None:
    """With so few pairs, nothing is certified: the guard will have more."""
    samples = world(lambda facts: facts["intent"] == "faq", number=300)
    [best] = search(samples)
    assert when_of(best.terms)["intent"] == "faq"
