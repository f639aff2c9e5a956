"""What sampled pairs say of a regret, at whatever moment they are looked at.

**What is estimated.** R, the share of regrets among all requests, of which each was sampled with a
known propensity. Pairs are counted by it, and counts are all that is needed: those of several
replicas add up.

**How.** A gambler bets against "R is b or more", with bets that do not pay if it is (``betting``).
The capital, 1 at first, is then a nonnegative supermartingale, and the probability that it ever
reaches 1 / error is ``error`` at most (Ville's inequality). So the capital, called e-value, may be
looked at after every pair, and one may stop when one likes. All limits that are not refuted make an
interval, which is wrong at some moment ever with no more than its error: a confidence sequence.

**What is assumed.** The regret is R for every request, whatever came before (a stationary stream),
or at least on the side that is tested: the evidence against "R is b or more" also holds where R
varies but never is below b. Whether a request is sampled depends on nothing but its propensity. The
least propensity is known beforehand. Pairs are counted in an order that does not depend on what
comes out.

Source: Ville 1939, "Étude critique de la notion de collectif"; Howard, Ramdas, McAuliffe & Sekhon
2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49;
for the bets see ``betting``. The estimate: Hájek 1971, comment in "Foundations of Statistical
Inference".
"""

import math
from collections.abc import Callable, Mapping

from msgspec import Struct

from stepdown.quality.betting import Bet, bets_above, bets_below, log_sum
from stepdown.quality.intervals import error_of

_HALVINGS = 50
_ROUNDING = 1e-9
"""A propensity this near to the least one is that one, whatever it was computed from."""


class Counts(Struct, frozen=True):
    """Pairs by the propensity, above 0 to 1, with which their requests were sampled.

    Each propensity has (regrets, pairs). Raises ValueError.
    """

    by_propensity: Mapping[float, tuple[int, int]] = {}

    def __post_init__(self) -> None:
        for propensity, (regrets, pairs) in self.by_propensity.items():
            if not 0.0 < propensity <= 1.0:
                raise ValueError(f"propensity: expected above 0 to 1, got {propensity}")
            if not 0 <= regrets <= pairs:
                raise ValueError(f"regrets: expected 0 to {pairs}, the pairs, got {regrets}")

    def __add__(self, other: "Counts") -> "Counts":
        total = dict(self.by_propensity)
        for propensity, (regrets, pairs) in other.by_propensity.items():
            before = total.get(propensity, (0, 0))
            total[propensity] = before[0] + regrets, before[1] + pairs
        return Counts(total)

    @property
    def regrets(self) -> int:
        return sum(regrets for regrets, _ in self.by_propensity.values())

    @property
    def pairs(self) -> int:
        return sum(pairs for _, pairs in self.by_propensity.values())

    def sizes(self, least: float) -> list[tuple[float, int, int]]:
        """(size, regrets, pairs) of each propensity; a pair of the least one has size 1.

        Raises ValueError where a propensity is below the least one: its pairs would stand for more
        requests than the bets have reckoned with.
        """
        if not 0.0 < least <= 1.0:
            raise ValueError(f"least: expected a propensity above 0 to 1, got {least}")
        for propensity in self.by_propensity:
            if propensity < least * (1.0 - _ROUNDING):
                raise ValueError(f"propensity: expected {least}, the least, or more: {propensity}")
        return [
            (min(least / propensity, 1.0), regrets, pairs)
            for propensity, (regrets, pairs) in self.by_propensity.items()
        ]


def against_at_least(counts: Counts, limit: float, least: float) -> float:
    """The logarithm of the e-value against "the regret is ``limit`` or more".

    ``least`` is the smallest propensity that the configuration allows for these requests, set
    before any is counted. Raises ValueError.
    """
    return log_capital(counts, least, bets_below(limit))


def against_at_most(counts: Counts, limit: float, least: float) -> float:
    """The logarithm of the e-value against "the regret is ``limit`` or less". Raises ValueError."""
    return log_capital(counts, least, bets_above(limit))


def log_capital(counts: Counts, least: float, bets: tuple[Bet, ...]) -> float:
    """The logarithm of what a capital of 1, split over these bets, is worth after these pairs."""
    sizes = counts.sizes(least)
    return log_sum(
        math.log(bet.share)
        + sum(bet.log_growth(regrets, pairs - regrets, size) for size, regrets, pairs in sizes)
        for bet in bets
    )


def estimate(counts: Counts) -> float | None:
    """The regret found, every pair weighted by the requests that it stands for. None without pairs.

    It is inside of every interval here.
    """
    if not counts.pairs:
        return None
    total = found = 0.0
    for propensity, (regrets, pairs) in counts.by_propensity.items():
        found += regrets / propensity
        total += pairs / propensity
    return found / total


def bounds(counts: Counts, confidence: float, least: float) -> tuple[float, float]:
    """Where the regret is, (low, high) in 0..1; each end is wrong with half the error at most.

    Nothing is known without pairs: (0.0, 1.0). Raises ValueError.
    """
    each = 1.0 - error_of(confidence) / 2.0
    return lower(counts, each, least), upper(counts, each, least)


def upper(counts: Counts, confidence: float, least: float) -> float:
    """What the regret is at most, in 0..1. One-sided. Raises ValueError."""
    enough = -math.log(error_of(confidence))
    if counts.regrets == counts.pairs:
        return 1.0
    return _edge(lambda limit: against_at_least(counts, limit, least) >= enough)[1]


def lower(counts: Counts, confidence: float, least: float) -> float:
    """What the regret is at least, in 0..1. One-sided. Raises ValueError."""
    enough = -math.log(error_of(confidence))
    if not counts.regrets:
        return 0.0
    return _edge(lambda limit: against_at_most(counts, limit, least) < enough)[0]


def _edge(beyond: Callable[[float], bool]) -> tuple[float, float]:
    """Two numbers hardly apart, of which only the greater one is beyond. 0 is not, and 1 is."""
    within, out = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (within + out) / 2.0
        if beyond(middle):
            out = middle
        else:
            within = middle
    return within, out
