"""Rules that few pairs certify, and the pairs that count for them."""

from typing import Any

from stepdown.quality.guard.terms import Probation, Terms
from stepdown.quality.guard.wards import Ward
from support.pairs import NOON, make_pair, store_pairs

HOUR = 3600.0
BUDGET = 0.2


def loose_ward(rule: str = "easy", *, trusted: bool = False, **terms: Any) -> Ward:
    """A rule of the route ``auto`` that is sampled wholly: 22 good pairs certify it."""
    given = {"budget": BUDGET, "least": 1.0, "probation": Probation(seconds=HOUR), **terms}
    return Ward(f"key of {rule}", "auto", rule, Terms(**given), given["least"], trusted)


def add_pairs(
    url: str, ward: Ward, count: int, *, regrets: int = 0, stint: int = 1, at: float = NOON
) -> None:
    """Scored pairs of a ward's stint, some of them regrets, all at one moment."""
    pairs = [
        make_pair(time=at, key=ward.key, epoch=stint, propensity=1.0, regret=number < regrets)
        for number in range(count)
    ]
    store_pairs(url, *pairs)
