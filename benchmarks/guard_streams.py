"""Streams of pairs with a known regret, and what the guard makes of them, pair by pair."""

from collections.abc import Callable, Iterable
from importlib import import_module

import msgspec
import numpy as np
from numpy.typing import NDArray

from stepdown.quality.betting import Bet, bets_above, bets_below
from stepdown.quality.guard.drift import BLOCK
from stepdown.quality.guard.hypotheses import enough, too_much, within
from stepdown.quality.guard.terms import Terms

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]

POWER = 0.8


# ── Capitals, one a stream ───────────────────────────────────────────────────────────────────


class Capitals:
    """What is bet against one limit a stream, after each pair."""

    def __init__(self, bets: Callable[[float], tuple[Bet, ...]], limits: Floats) -> None:
        table = [bets(limit) for limit in limits.tolist()]
        self.start = np.log([bet.share for bet in table[0]])
        self.regret = np.array([[bet.regret for bet in row] for row in table])
        self.none = np.array([[bet.none for bet in row] for row in table])
        self.log_regret, self.log_none = np.log1p(self.regret), np.log1p(self.none)
        self.worth = np.tile(self.start, (len(table), 1))

    def pair(self, regret: Flags, size: Floats | None) -> None:
        """``size`` is None where all have size 1."""
        if size is None:
            self.worth += np.where(regret[:, None], self.log_regret, self.log_none)
        else:
            gain = np.where(regret[:, None], self.regret, self.none)
            self.worth += np.log1p(gain * size[:, None])

    def reached(self, enough: Floats) -> Flags:
        """Where the logarithm of the e-value is enough. Summed up only where it may be."""
        largest = self.worth.max(axis=1)
        reached: Flags = largest + np.log(self.worth.shape[1] + 1.0) >= enough
        if reached.any():
            reached[reached] = self.log_e(self.worth[reached]) >= enough[reached]
        return reached

    def log_e(self, worth: Floats) -> Floats:
        largest = worth.max(axis=1, keepdims=True)
        total: Floats = np.log(np.exp(worth - largest).sum(axis=1)) + largest[:, 0]
        return total

    def again(self, which: Flags) -> None:
        self.worth[which] = self.start

    def keep(self, which: Flags) -> None:
        self.regret, self.none = self.regret[which], self.none[which]
        self.log_regret, self.log_none = self.log_regret[which], self.log_none[which]
        self.worth = self.worth[which]


class Watches(Capitals):
    """``drift.Watch`` of each stream."""

    def __init__(self, limits: Floats) -> None:
        super().__init__(bets_above, limits)
        self.worth = np.full_like(self.worth, -np.inf)
        self.pairs = 0

    def pair(self, regret: Flags, size: Floats | None) -> None:
        if self.pairs % BLOCK == 0:
            block = self.pairs // BLOCK + 1
            self.worth = np.logaddexp(self.worth, self.start - np.log(block * (block + 1.0)))
        self.pairs += 1
        super().pair(regret, size)

    def log_e(self, worth: Floats) -> Floats:
        kept = -np.log((self.pairs - 1) // BLOCK + 2.0)
        both: Floats = np.logaddexp(super().log_e(worth), kept)
        return both


# ── Streams ──────────────────────────────────────────────────────────────────────────────────


class Traffic(msgspec.Struct, frozen=True):
    """Kinds of requests: each one's share of the requests, propensity and regret."""

    shares: tuple[float, ...]
    propensities: tuple[float, ...]
    regrets: tuple[float, ...]

    @property
    def regret(self) -> float:
        return sum(map(float.__mul__, self.shares, self.regrets))

    @property
    def least(self) -> float:
        return min(self.propensities)

    def pairs(self, random: np.random.Generator, streams: int) -> tuple[Flags, Floats | None]:
        """A pair of each stream: whether it is a regret, and its size, None where all have 1."""
        if len(self.shares) == 1:
            return random.random(streams) < self.regrets[0], None
        sampled = np.multiply(self.shares, self.propensities)
        kind = random.choice(len(sampled), streams, p=sampled / sampled.sum())
        size = self.least / np.array(self.propensities)
        return random.random(streams) < np.array(self.regrets)[kind], size[kind]


def even(regret: float) -> Traffic:
    return Traffic((1.0,), (1.0,), (regret,))


class Outcome(msgspec.Struct, frozen=True):
    """When each stream was certified and when it tripped, in pairs; 0 for never. ``regrets`` and
    ``epochs`` are those of the certification."""

    certified: Whole
    tripped: Whole
    regrets: Whole
    epochs: Whole


def observe(
    traffic: Traffic,
    terms: Iterable[Terms],
    longest: int,
    seed: int,
    *,
    again: bool = False,
    weighted: bool = True,
) -> Outcome:
    """Each stream, under its terms, until it is certified or trips; ``again``: tries again at once
    after a trip, in a new epoch. Not ``weighted`` ignores the propensities."""
    random = np.random.default_rng(seed)
    each = list(terms)
    bad, good = [too_much(one, 0) for one in each], [within(one) for one in each]
    below = Capitals(bets_below, np.array([test.limit for test in bad]))
    above = Capitals(bets_above, np.array([test.limit for test in good]))
    certify = np.array([enough(test.alpha) for test in bad])
    trip = np.array([enough(test.alpha) for test in good])
    row, epoch = np.arange(len(each)), np.ones(len(each), np.int64)
    regrets = np.zeros(len(each), np.int64)
    found = Outcome(*(np.zeros(len(each), np.int64) for _ in range(4)))
    for pairs in range(1, longest + 1):
        regret, size = traffic.pairs(random, len(row))
        regrets += regret
        below.pair(regret, size if weighted else None)
        above.pair(regret, size if weighted else None)
        trips = above.reached(trip[row])
        passes = ~trips & below.reached(certify[row] + epoch * np.log(2.0))
        if not (trips | passes).any():
            continue
        found.tripped[row[trips]] = pairs
        found.certified[row[passes]] = pairs
        found.regrets[row[passes]] = regrets[passes]
        found.epochs[row[passes]] = epoch[passes]
        if again:
            epoch[trips] += 1
            below.again(trips)
            above.again(trips)
        stay = ~passes if again else ~(passes | trips)
        row, epoch, regrets = row[stay], epoch[stay], regrets[stay]
        below.keep(stay)
        above.keep(stay)
        if not len(row):
            break
    return found


# ── Beside tests of a fixed size ─────────────────────────────────────────────────────────────


def fixed_to_certify(budget: float, regret: float, error: float) -> int:
    """The fewest pairs with which an exact binomial test has the power to show it is less."""
    pairs = 1
    while True:
        most = int(stats.binom.ppf(error, pairs, budget))
        if stats.binom.cdf(most, pairs, budget) > error:
            most -= 1
        if most >= 0 and stats.binom.cdf(most, pairs, regret) >= POWER:
            return pairs
        pairs += 1


def fixed_to_trip(budget: float, regret: float, error: float) -> int:
    pairs = 1
    while True:
        least = int(stats.binom.isf(error, pairs, budget)) + 1
        if stats.binom.sf(least - 1, pairs, regret) >= POWER:
            return pairs
        pairs += 1


def median(pairs: Whole) -> float | None:
    """Of the first times, never being the last of all; None where most are never."""
    times = np.where(pairs > 0, pairs, np.inf)
    middle = float(np.median(times))
    return middle if np.isfinite(middle) else None
