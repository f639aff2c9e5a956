"""An interval for the mean of bounded values that holds for every sample size.

**How.** A mean is refused where a gambler who bets against it, one value after the other, would
have become rich: were it the true mean, the bets would be fair, and capital 1 would ever grow to
1 / error with probability ``error`` at most (Ville's inequality). Two gamblers, one betting that
the mean is higher and one that it is lower, share the error. How much is bet on a value follows
from the values before it: the more alike those are, the more. So the interval is narrow where the
values hardly vary, whatever their distribution. Source: Waudby-Smith & Ramdas 2023, "Estimating
means of bounded random variables by betting", JRSS-B, arXiv 2010.09686 (the hedged capital process
with predictable plug-in bets for a fixed number of values).

**What is assumed.** The values are independent draws of one population, in an order that has
nothing to do with what they are. Values that are sorted, by topic say, have to be shuffled (by a
hash of their ids, so that the interval stays the same).
"""

import math
from collections.abc import Sequence

from stepdown.quality.intervals import error_of

BOLDEST = 0.75
"""The share of its capital that a gambler risks on one value at most."""
_PRECISION = 1e-12
"""Of either end, as a share of the bounds' distance; an end is rounded outwards."""


def mean_interval(
    values: Sequence[float], low: float, high: float, confidence: float
) -> tuple[float, float]:
    """Where the mean is, given that every value is in ``low..high``; (low, high) without values.

    The order of the values matters: see the module. The values' own mean is always inside. Takes
    time in proportion to their number. Raises ValueError, also for a value out of bounds.
    """
    error = error_of(confidence)
    if not (low < high and math.isfinite(high - low)):
        raise ValueError(f"low: expected a number below high, {high}, got {low}")
    for place, value in enumerate(values):
        if not low <= value <= high:
            raise ValueError(f"value {place}: expected {low} to {high}, got {value}")
    if not values:
        return low, high
    span = high - low
    shares = [(value - low) / span for value in values]
    bets = _bets(shares, error)
    rich = 2.0 / error
    least = _least(shares, bets, rich)
    most = 1.0 - _least([1.0 - share for share in shares], bets, rich)
    return low + span * least, min(low + span * most, high)


def _bets(shares: Sequence[float], error: float) -> list[float]:
    """What to bet on each value, from those before it only."""
    aim = 2.0 * math.log(2.0 / error) / len(shares)
    bets: list[float] = []
    total, squares = 0.5, 0.25
    for seen, share in enumerate(shares, 1):
        bets.append(math.sqrt(aim * seen / squares))
        total += share
        squares += (share - total / (seen + 1)) ** 2
    return bets


def _least(shares: Sequence[float], bets: Sequence[float], rich: float) -> float:
    """The least mean that is not refused as too low, or the shares' mean where that is less."""
    refused, kept = 0.0, math.fsum(shares) / len(shares)
    while kept - refused > _PRECISION:
        middle = (refused + kept) / 2.0
        if _becomes_rich(shares, bets, middle, rich):
            refused = middle
        else:
            kept = middle
    return refused


def _becomes_rich(shares: Sequence[float], bets: Sequence[float], mean: float, rich: float) -> bool:
    """Whether betting that the mean is above this one makes rich.

    The capital falls with the mean, so that the means refused are those up to some point.
    """
    boldest = BOLDEST / mean
    capital = 1.0
    for share, bet in zip(shares, bets, strict=True):
        capital *= 1.0 + (bet if bet < boldest else boldest) * (share - mean)
        if capital >= rich:
            return True
    return False
