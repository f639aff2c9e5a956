"""Searches conjunctions of a few terms for where the cheapest model is hardly regretted.

**What is sought.** The saving times the chance that the region is certified on the held-out pairs,
were its regret as it looks. A region that is too small can not be certified, one that is too wide
regrets too much. A further term has to be worth it: it costs a tenth.

**How.** A region is a set of bits, one for each sample, so that putting terms together is one
operation on whole numbers. All single terms and all pairs are gone through, and the best pairs with
every third term. Regions are taken one after the other, each for what it adds to those before.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

from msgspec import Struct

from stepdown.binomial import lower_tail
from stepdown.quality.mining.samples import Sample
from stepdown.quality.mining.terms import Term

MOST_TERMS = 3
BEAM = 40
WORTH = 0.1
"""In logarithms: what a further term has to add."""
_BITS = 10
_NOTHING = -math.inf


class Region(Struct, frozen=True):
    """The samples that meet every one of some terms, and how much that is worth (a logarithm)."""

    terms: tuple[Term, ...]
    mask: int
    worth: float


class Goal(Struct, frozen=True):
    """A regret of at most ``budget`` is to be shown, with an error of at most ``error``, by
    ``times`` as many pairs as are searched."""

    budget: float
    error: float
    times: float = 1.0


def regions(
    samples: Sequence[Sample], terms: Sequence[Term], goal: Goal, most: int
) -> list[Region]:
    """At most so many, the best first. Each looks as if it were within the budget."""
    search = _Search(samples, terms, goal)
    found: list[Region] = []
    left = (1 << len(samples)) - 1
    while len(found) < most:
        best = search.best(left)
        if best is None:
            break
        found.append(best)
        left &= ~best.mask
    return found


class _Search:
    def __init__(self, samples: Sequence[Sample], terms: Sequence[Term], goal: Goal) -> None:
        self._goal = goal
        self._regrets = _mask([sample.regret for sample in samples])
        weights = [sample.weight for sample in samples]
        self._weights = [
            (weight, _mask([each == weight for each in weights])) for weight in sorted(set(weights))
        ]
        saved = [sample.weight * sample.saved for sample in samples]
        self._gains = _planes(saved, 1.0) + _planes(saved, -1.0)
        self._single = _distinct(
            [((term,), _mask([term.test(s.readings) is True for s in samples])) for term in terms]
        )

    def best(self, left: int) -> Region | None:
        """The best region, by what it adds among the samples that are ``left``."""
        singles = [self._region(terms, mask, left) for terms, mask in self._single]
        pairs = [
            self._region((*one.terms, *other.terms), one.mask & other.mask, left)
            for one, other in combinations(singles, 2)
            if _go_together(one.terms, other.terms[0])
        ]
        foremost = sorted(pairs, key=_rank)[:BEAM]
        triples = [
            self._region((*pair.terms, *single.terms), pair.mask & single.mask, left)
            for pair in foremost
            for single in singles
            if _go_together(pair.terms, single.terms[0])
        ]
        every = sorted((*singles, *pairs, *triples), key=_rank)
        return next((region for region in every if self._is_within(region, left)), None)

    def _region(self, terms: tuple[Term, ...], mask: int, left: int) -> Region:
        added = mask & left
        gain = self._gain(added)
        if gain <= 0.0:
            return Region(terms, mask, _NOTHING)
        chance = self._chance(mask)
        if added != mask:
            chance = min(chance, self._chance(added))
        return Region(terms, mask, math.log(gain) + chance - WORTH * (len(terms) - 1))

    def _is_within(self, region: Region, left: int) -> bool:
        if region.worth == _NOTHING:
            return False
        budget = self._goal.budget
        return all(self._regret(mask)[1] <= budget for mask in (region.mask, region.mask & left))

    def _chance(self, mask: int) -> float:
        """The logarithm of the chance that these samples' like are certified."""
        count, rate = self._regret(mask)
        return _chance(round(count * self._goal.times), rate, self._goal)

    def _regret(self, mask: int) -> tuple[float, float]:
        """How many samples of one weight would tell as much, and their regret: with few of them a
        little more than the share that was regretted."""
        total = squares = regretted = 0.0
        for weight, having in self._weights:
            having &= mask
            total += weight * having.bit_count()
            squares += weight * weight * having.bit_count()
            regretted += weight * (having & self._regrets).bit_count()
        if not total:
            return 0.0, 1.0
        count = total * total / squares
        return count, (regretted / total * count + 0.5) / (count + 1.0)

    def _gain(self, mask: int) -> float:
        return sum(value * (mask & plane).bit_count() for value, plane in self._gains)


def _rank(region: Region) -> tuple[float, int]:
    return -region.worth, len(region.terms)


def _go_together(terms: Sequence[Term], other: Term) -> bool:
    """Of one signal there are at most two terms, a lower bound and an upper one, say."""
    same = [term for term in terms if term.signal == other.signal]
    return len(same) < 2 and all(term.operator != other.operator for term in same)


def _distinct(masks: Sequence[tuple[tuple[Term, ...], int]]) -> list[tuple[tuple[Term, ...], int]]:
    """Of terms that say the same of every sample, the first; without those that say nothing."""
    first: dict[int, tuple[tuple[Term, ...], int]] = {}
    for terms, mask in masks:
        if mask:
            first.setdefault(mask, (terms, mask))
    return list(first.values())


def _mask(flags: Sequence[bool]) -> int:
    return int("".join("1" if flag else "0" for flag in reversed(flags)) or "0", 2)


def _planes(values: Sequence[float], sign: float) -> list[tuple[float, int]]:
    """The values of this sign in binary digits: what a digit is worth, and which values have it."""
    sizes = [max(sign * value, 0.0) for value in values]
    greatest = max(sizes, default=0.0)
    if not greatest:
        return []
    unit = greatest / (2**_BITS - 1)
    whole = [round(size / unit) for size in sizes]
    return [
        (sign * unit * 2**bit, _mask([bool(each >> bit & 1) for each in whole]))
        for bit in range(_BITS)
    ]


@lru_cache(65_536)
def _chance(pairs: int, rate: float, goal: Goal) -> float:
    """The logarithm of the chance that so many pairs show a regret within the budget."""
    events = _most_events(pairs, goal)
    if events is None:
        # With so few it cannot be shown: the nearer to enough, the better.
        return -50.0 + math.log1p(pairs) + pairs * math.log1p(-min(rate, 0.999))
    return math.log(max(lower_tail(events, pairs, rate), 1e-300))


@lru_cache(16_384)
def _most_events(pairs: int, goal: Goal) -> int | None:
    """The most regrets with which the upper bound is within the budget; None where none is few
    enough."""
    if lower_tail(0, pairs, goal.budget) > goal.error:
        return None
    low, high = 0, pairs
    while high - low > 1:
        middle = (low + high) // 2
        if lower_tail(middle, pairs, goal.budget) <= goal.error:
            low = middle
        else:
            high = middle
    return low
