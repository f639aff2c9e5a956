"""How many trials more it takes until a rate is likely to be shown within a limit, or above it.

``quality.sample_size`` says at how many trials a rate of just so much is shown. Those who collect
just as many fail about every other time, as the next trials scatter. The numbers here give a
chance of ``CHANCE`` that the trials at hand and those to come show it, should the rate of those to
come be the one at hand.
"""

import math
from statistics import NormalDist

from stepdown.binomial import lower_tail
from stepdown.quality.intervals import error_of
from stepdown.quality.sample_size import MOST_TRIALS, least

CHANCE = 0.8


def more_to_pass(events: int, trials: int, limit: float, confidence: float) -> int | None:
    """So many more trials, and the upper bound (``intervals.upper``) is likely at most ``limit``.

    None where the rate at hand is not below the limit, or too close to it for MOST_TRIALS.
    """
    error, rate = error_of(confidence), events / trials
    if rate >= limit:
        return None

    def likely(more: int) -> bool:
        spare = _most_that_pass(trials + more, limit, error) - events
        return spare >= 0 and lower_tail(spare, more, rate) >= CHANCE

    return least(likely)


def more_to_fail(events: int, trials: int, limit: float, confidence: float) -> int | None:
    """So many more trials, and the lower bound (``intervals.lower``) is likely above ``limit``.

    None where the rate at hand is not above the limit, or too close to it for MOST_TRIALS.
    """
    error, rate = error_of(confidence), events / trials
    if rate <= limit:
        return None

    def likely(more: int) -> bool:
        total = trials + more
        # A bound from below on what happens is one from above on what does not.
        spare = _most_that_pass(total, 1.0 - limit, error) - (trials - events)
        return spare >= 0 and lower_tail(spare, more, 1.0 - rate) >= CHANCE

    return least(likely)


def more_to_tell(rows: int, wide: float, away: float, confidence: float) -> int | None:
    """So many more rows, and a mean is likely told from a limit that is ``away`` from it.

    ``wide`` is how far its one-sided bound is away with ``rows``; bounds and means are taken to
    come nearer with the root of the rows. None where that is more than MOST_TRIALS.
    ``confidence`` is above 0.5.
    """
    bound, scatter = NormalDist().inv_cdf(confidence), NormalDist().inv_cdf(CHANCE)
    times = (wide / away * (1.0 + scatter / bound)) ** 2 if away else math.inf
    more = (times - 1.0) * rows
    return math.ceil(more) if more <= MOST_TRIALS else None


def _most_that_pass(trials: int, limit: float, error: float) -> int:
    """The most events whose upper bound is at most the limit; -1 where not even none passes."""
    passing, failing = -1, int(trials * limit) + 1
    while failing - passing > 1:
        middle = (passing + failing) // 2
        if lower_tail(middle, trials, limit) <= error:
            passing = middle
        else:
            failing = middle
    return passing
