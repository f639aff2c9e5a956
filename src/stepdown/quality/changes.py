"""Says when a series of evaluations of the same items changed.

**The test.** For each way of splitting the runs into an earlier and a later part: were nothing
changed, an item's outcomes would be in any order with the same probability. Given how often it was
True, how often in the later part is then hypergeometric, whatever the item's own rate; the sum over
the items, which are independent, has a distribution that is computed exactly. So easy items, hard
items and items that are missing from some runs compare like with like. p is twice the lesser tail.
Source: the exact conditional test of stratified tables, Mehta, Patel & Gray 1985, "Computing an
exact confidence interval for the common odds ratio in several 2 x 2 contingency tables", JASA 80.
For two runs it is McNemar's exact test.

**What it may be asked.** After every new run. The split with the largest deviation is tested, at
the price of having tested all (Bonferroni over the splits). The k-th look, the first of which is at
two runs, spends error / (k (k + 1)); these sum to the error over all looks ever.

**What is guaranteed.** Where nothing changes, the probability that any look finds a change is at
most the error. Chance that moves many items of one run together (a judge in a bad mood, an outage)
is a change to this test.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import mul

from msgspec import Struct

LONGEST = 30
"""Runs that are compared, the last ones; older ones still count as looks."""
_NEGLIGIBLE = 1e-20
"""Probabilities below are cut off the ends of a distribution; what is cut off is added to p."""

Stratum = tuple[int, int, int]
"""Items are alike that were seen so often before, so often after, and were True so often."""


class Change(Struct, frozen=True):
    """A series that changed.

    ``at`` is the index of the first run of the later part. ``before`` and ``after`` are the shares
    of True outcomes of the items seen in both parts. ``p`` is adjusted for the splits; it is at
    most ``look_error``, what this look may spend.
    """

    at: int
    before: float
    after: float
    p: float
    look_error: float


def change_point(runs: Sequence[Mapping[str, bool]], error: float) -> Change | None:
    """The change that these runs show, or None.

    ``runs`` are all runs so far, oldest first: the outcome of each item by its id, items without an
    outcome left out. Called with every prefix of a series, it finds a change where there is none
    with probability ``error`` at most. Raises ValueError.
    """
    if not 0.0 < error < 1.0:
        raise ValueError(f"error: expected between 0 and 1, got {error}")
    look = len(runs) - 1
    if look < 1:
        return None
    look_error = error / (look * (look + 1))
    recent = runs[-LONGEST:]
    splits = _splits(recent)
    split = max(splits, key=_Split.deviation)
    p = min(1.0, _probability(split) * len(splits))
    if p > look_error:
        return None
    before, after = _rates(recent, split.at)
    return Change(len(runs) - len(recent) + split.at, before, after, p, look_error)


# ── The splits ───────────────────────────────────────────────────────────────────────────────


class _Split(Struct):
    """The first ``at`` runs against the others, over the items whose outcome varies.

    ``later`` of the True outcomes are in the later part.
    """

    at: int
    strata: Counter[Stratum]
    later: int = 0

    def deviation(self) -> float:
        """How far ``later`` is from what is expected, in standard deviations."""
        expected = variance = 0.0
        for (before, after, true), items in self.strata.items():
            seen = before + after
            expected += items * after * true / seen
            spread = before * after * true * (seen - true) / (seen * seen * (seen - 1))
            variance += items * spread
        return abs(self.later - expected) / math.sqrt(variance) if variance else 0.0


def _splits(runs: Sequence[Mapping[str, bool]]) -> list[_Split]:
    splits = [_Split(at, Counter()) for at in range(1, len(runs))]
    for item in dict.fromkeys(chain.from_iterable(runs)):
        outcomes = [run.get(item) for run in runs]
        true, seen = outcomes.count(True), len(runs) - outcomes.count(None)
        if true in (0, seen):
            continue
        before, later = 0, true
        for split, outcome in zip(splits, outcomes, strict=False):
            before += outcome is not None
            later -= outcome is True
            split.strata[before, seen - before, true] += 1
            split.later += later
    return splits


def _rates(runs: Sequence[Mapping[str, bool]], at: int) -> tuple[float, float]:
    """The shares of True outcomes in either part, of the items seen in both."""
    parts = runs[:at], runs[at:]
    both = set(chain.from_iterable(parts[0])) & set(chain.from_iterable(parts[1]))
    before, after = (
        [outcome for run in part for item, outcome in run.items() if item in both] for part in parts
    )
    return sum(before) / len(before), sum(after) / len(after)


# ── The exact distribution ───────────────────────────────────────────────────────────────────


class _Distribution(Struct, frozen=True):
    """The probabilities of ``start``, ``start`` + 1, …; ``cut`` is what was cut off the ends."""

    start: int
    probabilities: list[float]
    cut: float = 0.0


def _probability(split: _Split) -> float:
    """Of a ``later`` at least as far out on its side, twice."""
    sums = [_hypergeometric(*stratum) for stratum in split.strata.elements()]
    if not sums:
        return 1.0
    while len(sums) > 1:
        # In pairs, so that most sums are of two short distributions.
        pairs = zip(sums[::2], sums[1::2], strict=False)
        sums = [_plus(*pair) for pair in pairs] + sums[len(sums) & ~1 :]
    (total,) = sums
    place = min(max(split.later - total.start, -1), len(total.probabilities))
    fewer = math.fsum(total.probabilities[: place + 1])
    more = math.fsum(total.probabilities[max(place, 0) :])
    return min(1.0, 2.0 * (min(fewer, more) + total.cut))


@lru_cache(4_096)
def _hypergeometric(before: int, after: int, true: int) -> _Distribution:
    """Of how many of ``true`` fall into the last ``after`` of all, every order being as likely."""
    fewest, most = max(0, true - before), min(after, true)
    ways = [math.comb(after, k) * math.comb(before, true - k) for k in range(fewest, most + 1)]
    total = sum(ways)
    return _Distribution(fewest, [way / total for way in ways])


def _plus(one: _Distribution, other: _Distribution) -> _Distribution:
    """The distribution of the sum of two that are independent."""
    short, long = sorted((one.probabilities, other.probabilities), key=len)
    short = short[::-1]
    margin = [0.0] * (len(short) - 1)
    padded = margin + long + margin
    width = len(short)
    sums = [
        sum(map(mul, padded[place : place + width], short))
        for place in range(len(long) + width - 1)
    ]
    first, last = 0, len(sums)
    while sums[first] < _NEGLIGIBLE:
        first += 1
    while sums[last - 1] < _NEGLIGIBLE:
        last -= 1
    cut = one.cut + other.cut + math.fsum(sums[:first]) + math.fsum(sums[last:])
    return _Distribution(one.start + other.start + first, sums[first:last], cut)
