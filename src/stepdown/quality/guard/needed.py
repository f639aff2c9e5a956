"""About how many more pairs it takes until something is certified, if its regret stays.

**How.** So many regrets more, and it takes so many pairs to outweigh them: it can be certified at
these numbers of pairs only. From one to the next, the distribution of the regrets is carried along
by binomial steps, less those with which it would have been certified. The median is where half of
them are. That is exact where all pairs have the same propensity. Otherwise the pairs to come are
taken to be mixed like those that came, and each like all of them together.

The pairs to which the *expected* regrets lead are no substitute: they are a quarter too many at
half of the budget, and more where something is known already.
"""

import math
from collections.abc import Sequence

from msgspec import Struct

from stepdown.quality.betting import bets_below, log_sum
from stepdown.quality.evidence import Counts
from stepdown.quality.guard.hypotheses import enough, too_much
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Terms

MOST_PAIRS = 1_000_000
_CHECKS = 200
"""About so many numbers of pairs are tried. Where there are more, near the budget, some are left
out; the answer is then too large by a few per cent."""
_NEGLIGIBLE = 1e-12
_UNDERFLOW = 1e-250


def needed(standing: Standing, counts: Counts, terms: Terms, rate: float) -> int | None:
    """The median number of pairs until it is certified, at a regret of ``rate`` from now on.

    0 where it is certified. None where it is not being observed, where the rate is not below the
    limit that is tested, and where more than MOST_PAIRS are likely. ``rate``, in 0..1, is what the
    judge says where the terms have one. Raises ValueError.
    """
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"rate: expected 0 to 1, got {rate}")
    if standing.certificate is not None:
        return 0
    if standing.state != "observing":
        return None
    bad = too_much(terms, standing.epoch)
    course = _course(counts, bad.limit, terms.least, enough(bad.alpha))
    at_most = course.expected(rate)
    if at_most is None:
        return None
    return _median(course, rate, at_most)


class _Course(Struct, frozen=True):
    """Of each bet, the logarithm of its worth now and of what a pair multiplies it by."""

    worth: Sequence[float]
    regret: Sequence[float]
    none: Sequence[float]
    enough: float

    def expected(self, rate: float) -> int | None:
        """So many pairs are enough for some bet if regrets come at this rate, evenly."""
        growths = (
            (1.0 - rate) * none + (rate * regret if rate else 0.0)
            for regret, none in zip(self.regret, self.none, strict=True)
        )
        pairs = [
            max(0.0, self.enough - worth) / growth
            for worth, growth in zip(self.worth, growths, strict=True)
            if growth > 0.0 and not math.isinf(worth)
        ]
        least = min(pairs, default=math.inf)
        return math.ceil(least) if least <= MOST_PAIRS else None

    def outweighing(self, regrets: int) -> int:
        """The fewest pairs, so many of them regrets, after which it is certified."""
        after = [
            worth + (regrets * regret if regrets else 0.0)
            for worth, regret in zip(self.worth, self.regret, strict=True)
        ]
        above = math.ceil(
            min(
                max(0.0, self.enough - worth) / none
                for worth, none in zip(after, self.none, strict=True)
            )
        )
        below = -1
        while above - below > 1:
            middle = (below + above) // 2
            worths = (w + middle * none for w, none in zip(after, self.none, strict=True))
            if log_sum(worths) >= self.enough:
                above = middle
            else:
                below = middle
        return regrets + above


def _course(counts: Counts, limit: float, least: float, enough: float) -> _Course:
    sizes = counts.sizes(least)
    mixed = [(size, pairs / counts.pairs) for size, _, pairs in sizes if pairs] or [(1.0, 1.0)]
    bets = bets_below(limit)
    return _Course(
        [
            math.log(bet.share)
            + sum(bet.log_growth(regrets, pairs - regrets, size) for size, regrets, pairs in sizes)
            for bet in bets
        ],
        [sum(bet.log_growth(part, 0.0, size) for size, part in mixed) for bet in bets],
        [sum(bet.log_growth(0.0, part, size) for size, part in mixed) for bet in bets],
        enough,
    )


def _median(course: _Course, rate: float, at_most: int) -> int | None:
    stride = math.ceil((rate * at_most + 1.0) / _CHECKS)
    uncertified, certified = [1.0], 0.0
    """By the number of regrets from ``first`` on."""
    first = pairs = regrets = 0
    while certified < 0.5 and uncertified:
        now = max(pairs, course.outweighing(regrets))
        if now > MOST_PAIRS:
            return None
        uncertified = _convolved(uncertified, _binomial(now - pairs, rate))
        through = max(0, regrets + 1 - first)
        certified += math.fsum(uncertified[:through])
        uncertified = uncertified[through:]
        first += through
        pairs = now
        regrets += stride
    return pairs


def _binomial(trials: int, rate: float) -> list[float]:
    """The probabilities of 0, 1, … events, up to where they are negligible."""
    if rate >= 1.0:
        return [0.0] * trials + [1.0]
    term = math.exp(trials * math.log1p(-rate))
    if term < _UNDERFLOW:
        return _convolved(_binomial(trials // 2, rate), _binomial(trials - trials // 2, rate))
    terms = [term]
    for count in range(1, trials + 1):
        term *= (trials - count + 1) / count * rate / (1.0 - rate)
        if term < _NEGLIGIBLE and count > trials * rate:
            break
        terms.append(term)
    return terms


def _convolved(one: Sequence[float], other: Sequence[float]) -> list[float]:
    sums = [0.0] * (len(one) + len(other) - 1)
    for place, weight in enumerate(one):
        for more, probability in enumerate(other, place):
            sums[more] += weight * probability
    while sums and sums[-1] < _NEGLIGIBLE:
        sums.pop()
    return sums
