"""The bets that gather evidence on a regret: how much is staked on which alternative.

**A bet.** To show that a regret is below a limit b, bet that it is p = m b, with a multiple m below
1: the stake is multiplied by p / b at a regret and by (1 - p) / (1 - b) at none. Were the regret b
or more, this would be fair or worse, so the stake is expected not to grow. That is the likelihood
ratio, and the bet by which the stake grows fastest if the regret is p. The boldest, m = 0, loses
all at the first regret, and is the fastest where there is none. To show that a regret is above the
limit is the same with m above 1.

**Propensities.** A pair that was sampled with propensity π stands for 1 / π requests. With q the
least propensity possible, a pair has size r = q / π, at most 1, and its bet is for r times the
gain: 1 + r (p / b - 1) at a regret and 1 + r ((1 - p) / (1 - b) - 1) at none. What is gained is
proportional to (regret - b) / π, which has mean 0 at b however propensity and regret depend on each
other.

**The mixtures.** The capital is split over bets once and for all; what the parts are worth together
is expected not to grow either. The splits were tuned once, by the exact distribution of the pairs
that it takes at limits of 1, 2 and 5 % (``benchmarks/guard_simulation.py``): a quarter on the
boldest bet brings a rule without any regret through fast, the weight around ½ and 2 is for regrets
of half and of twice the limit, and the tail towards 1 keeps intervals narrow where there are
many pairs. They are multiples, not regrets, so that evidence against a limit only grows with the
distance from it: what refutes a limit refutes every limit beyond.

Source: Robbins 1970, "Statistical methods related to the law of the iterated logarithm", Annals of
Mathematical Statistics 41 (mixtures); Waudby-Smith & Ramdas 2023, "Estimating means of bounded
random variables by betting", JRSS-B, arXiv 2010.09686 (bets against a mean, and their mixtures).
"""

import math
from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

CACHED = 1_024

BELOW = (
    (0.0, 0.25),
    (0.2, 0.15),
    (0.4, 0.20),
    (0.6, 0.15),
    (0.8, 0.10),
    (0.9, 0.06),
    (0.95, 0.04),
    (0.98, 0.03),
    (0.99, 0.02),
)
"""How the capital is split that is bet on a regret below the limit: (multiple, share)."""

ABOVE = (
    (1.02, 0.03),
    (1.05, 0.04),
    (1.1, 0.06),
    (1.25, 0.10),
    (1.5, 0.20),
    (2.0, 0.25),
    (3.0, 0.16),
    (5.0, 0.08),
    (10.0, 0.05),
    (30.0, 0.03),
)
"""How the capital is split that is bet on a regret above the limit: (multiple, share)."""

BOLDEST_ABOVE = 0.9
"""The part of its stake that a pair that is no regret takes at most from a bet on more of them.
Multiples that would take more, up to those that would be above 1, are less bold instead."""


class Bet(Struct, frozen=True):
    """A part of the capital, and what a pair of size 1 adds to each unit of it.

    ``regret`` and ``none`` are -1 or more: what is gained where the pair is a regret, and where it
    is none.
    """

    share: float
    regret: float
    none: float

    def log_growth(self, regrets: float, others: float, size: float) -> float:
        """The logarithm of what so many pairs of this size multiply the stake by.

        Numbers of pairs may be fractions, as expected ones are. -inf: all is lost.
        """
        return _times(regrets, size * self.regret) + _times(others, size * self.none)


@lru_cache(CACHED)
def bets_below(limit: float) -> tuple[Bet, ...]:
    """On a regret below ``limit``, which is in 0..1 without 1. Raises ValueError."""
    if not 0.0 <= limit < 1.0:
        raise ValueError(f"limit: expected 0 or more and less than 1, got {limit}")
    odds = limit / (1.0 - limit)
    return tuple(Bet(share, times - 1.0, (1.0 - times) * odds) for times, share in BELOW)


@lru_cache(CACHED)
def bets_above(limit: float) -> tuple[Bet, ...]:
    """On a regret above ``limit``, which is in 0..1. Raises ValueError."""
    if not 0.0 <= limit <= 1.0:
        raise ValueError(f"limit: expected 0 to 1, got {limit}")
    return tuple(_above(times - 1.0, limit, share) for times, share in ABOVE)


def log_sum(logarithms: Iterable[float]) -> float:
    """The logarithm of the sum of numbers that are given by theirs. -inf stands for 0."""
    terms = list(logarithms)
    largest = max(terms, default=-math.inf)
    if math.isinf(largest):
        return largest
    return largest + math.log(math.fsum(math.exp(term - largest) for term in terms))


def _above(more: float, limit: float, share: float) -> Bet:
    rest = 1.0 - limit
    if more * limit <= BOLDEST_ABOVE * rest:
        return Bet(share, more, -more * limit / rest)
    return Bet(share, BOLDEST_ABOVE * rest / limit, -BOLDEST_ABOVE)


def _times(pairs: float, gain: float) -> float:
    if not pairs or not gain:
        return 0.0
    return pairs * math.log1p(gain) if gain > -1.0 else -math.inf
