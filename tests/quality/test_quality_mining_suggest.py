"""Suggestions: planted regions are found and certified, and noise is not."""

import math
import random
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any

import msgspec
import pytest

from stepdown.quality.mining.samples import Pool, Sample
from stepdown.quality.mining.suggest import suggest, when_of
from stepdown.quality.mining.terms import Vocabulary
from stepdown.types import Reading

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

LUCK = 1e-5
Facts = dict[str, Any]


def pool_of(
    rate: Callable[[Facts], float], number: int, rng: random.Random, weight: float = 4.0
) -> Pool:
    """Samples whose regret is known; each stands for so many of the claimable requests, which are
    half of all."""
    samples: list[Sample] = []
    for _ in range(number):
        facts: Facts = {
            "tokens": int(rng.lognormvariate(6, 1)),
            "intent": rng.choice(["faq", "order"]),
            "code": rng.random() < 0.3,
        }
        readings = {name: Reading(value) for name, value in facts.items()}
        regret = rng.random() < rate(facts)
        samples.append(Sample(str(rng.random()), weight, regret, 0.01, readings))
    claimable = round(number * weight)
    return Pool(2 * claimable, claimable, samples, cost=Decimal(claimable) / 10)


def planted(facts: Facts) -> float:
    return 0.001 if facts["intent"] == "faq" and not facts["code"] else 0.3


def test_a_planted_region_is_suggested_and_certified() -> None:
    found = suggest(pool_of(planted, 3_000, random.Random(1)), budget=0.02)
    [rule] = found.rules
    assert rule.name == "suggested-1"
    assert rule.when == {"code": False, "intent": "faq"}
    assert rule.certified
    assert rule.held.high <= 0.02
    assert rule.share == pytest.approx(0.5 * 0.5 * 0.7, rel=0.1)
    assert float(rule.saving) == pytest.approx(0.01 * 12_000 * 0.35, rel=0.1)
    assert rule.saved == pytest.approx(0.35 * 0.1, rel=0.1)
    assert (found.requests, found.claimable) == (24_000, 12_000)
    assert found.signals == ("code", "intent", "tokens")


def test_planted_regions_are_found_nearly_always() -> None:
    rng = random.Random(2)
    logs = 30
    right = 0
    for _ in range(logs):
        found = suggest(pool_of(planted, 2_000, rng), budget=0.02)
        right += bool(found.rules) and found.rules[0].when.items() >= {"intent": "faq"}.items()
    assert right >= logs - 2


def test_with_few_pairs_a_region_is_suggested_and_not_certified() -> None:
    found = suggest(pool_of(planted, 300, random.Random(4)), budget=0.02)
    assert found.rules
    assert not any(rule.certified for rule in found.rules)
    each = 0.05 / found.tried
    assert found.pairs == math.ceil(math.log(each) / math.log(0.98))


@pytest.mark.parametrize("regret", [0.021, 0.035])
def test_noise_above_the_budget_is_hardly_ever_certified(regret: float) -> None:
    """By however many conditions it was searched; ``benchmarks/replay_simulation.py`` has more."""
    rng = random.Random(5)
    logs, confidence = 120, 0.9
    certified = 0
    for _ in range(logs):
        pool = pool_of(lambda facts: regret, 600, rng)
        found = suggest(pool, budget=0.02, confidence=confidence, most=3)
        certified += any(rule.certified for rule in found.rules)
    assert stats.binomtest(certified, logs, 1 - confidence, alternative="greater").pvalue > LUCK


def test_what_regrets_too_much_on_held_out_pairs_is_not_suggested() -> None:
    rng = random.Random(6)
    tried = kept = 0
    for _ in range(15):
        found = suggest(pool_of(lambda facts: 0.03, 500, rng), budget=0.02)
        tried += found.tried
        kept += len(found.rules)
        assert all((rule.held.regret or 0.0) <= 0.02 for rule in found.rules)
        assert found.each == pytest.approx(1 - 0.05 / max(1, found.tried))
    assert kept < tried


def test_names_that_are_taken() -> None:
    pool = pool_of(planted, 2_000, random.Random(1))
    taken = ("suggested-1", "suggested-2")
    assert suggest(pool, budget=0.02, taken=taken).rules[0].name == "suggested-3"


def test_an_empty_pool() -> None:
    found = suggest(Pool(), budget=0.02)
    assert (found.rules, found.tried, found.held_out, found.signals) == ((), 0, 0, ())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0.0}, r"budget: expected between 0 and 1, got 0.0"),
        ({"budget": 0.02, "confidence": 1.0}, r"confidence: expected between 0 and 1, got 1.0"),
    ],
)
def test_nonsense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        suggest(Pool(), **options)


def test_a_condition_is_written_as_a_user_would() -> None:
    vocabulary = Vocabulary()
    terms = [
        vocabulary.term("tokens", "gt", 100),
        vocabulary.term("intent", "eq", "faq"),
        vocabulary.term("tokens", "lt", 500),
    ]
    assert when_of([term for term in terms if term]) == {
        "intent": "faq",
        "tokens": {"gt": 100, "lt": 500},
    }


def test_what_is_found_can_be_written_as_json() -> None:
    told = msgspec.to_builtins(suggest(pool_of(planted, 2_000, random.Random(1)), budget=0.02))
    assert told["rules"][0]["when"] == {"code": False, "intent": "faq"}
    assert isinstance(told["rules"][0]["saving"], str)
