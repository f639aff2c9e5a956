"""How much a policy regrets on the recorded traffic, and how much more than another.

Every interval here holds for any number of pairs (``sampled_mean``, ``propensity_mean``). Requests
that go down and of which nothing is known count as no regrets at one end, and as regrets at the
other.

Where it is known how the judge errs, all estimates are of the regret itself (``correction``): a
third of the error each goes to what it says and to both of its rates. These are taken to be the
same whatever decided. In the worst case, pairs without scores then count for more than a regret
each, as if the judge had said so.
"""

import math
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from stepdown.quality.correction import JudgeErrors, corrected
from stepdown.quality.intervals import each_of
from stepdown.quality.offline.paired_log import ModelOf, PairedLog
from stepdown.quality.offline.propensity_mean import propensity_mean
from stepdown.quality.offline.recorded import shuffled_by
from stepdown.quality.offline.sampled_mean import ONE_GROUP, Draw, Mean, effective, sampled_mean
from stepdown.quality.offline.support import Support
from stepdown.quality.offline.tally import Cell, Group
from stepdown.quality.pairs import Pair

BY_CHANCE = 4.0
"""Standard deviations."""
Method = Literal["inverse propensity", "self-normalised", "doubly robust"]


class Estimate(Struct, frozen=True):
    """By one method. ``value`` is None without pairs; the interval is valid, not approximate."""

    method: Method
    value: float | None
    low: float
    high: float


class Regret(Struct, frozen=True):
    """Of what a policy sends down, the share that the last rung answers better.

    ``requests`` go down, nothing is known of ``unknown`` of them. ``effective`` pairs of one weight
    would tell as much as the ``pairs`` do; ``unscored`` ones are not among them. ``found`` is how
    many requests the pairs stand for, over how many there are: 1 but for chance where every sampled
    request became a scored pair. ``lost``: it is less than by chance, so that the
    inverse-propensity estimate, and it alone, is too small. The last of the estimates is the one to
    go by. ``said`` is the same as the judge says it, where the estimates are corrected for its
    errors.
    """

    requests: int
    unknown: int
    pairs: int
    effective: float
    unscored: int
    found: float
    lost: bool
    estimates: tuple[Estimate, ...]
    said: Estimate | None = None

    @property
    def best(self) -> Estimate:
        return self.estimates[-1]


class Difference(Struct, frozen=True):
    """The new policy's regrets less the recorded one's, per request of all, of the same requests.

    Those that both treat alike add nothing, and are known to. ``more`` requests are sent down by
    the new policy only, ``fewer`` by the recorded one only; ``unknown`` as in ``Regret``.
    """

    more: int
    fewer: int
    unknown: int
    pairs: int
    effective: float
    estimates: tuple[Estimate, ...]

    @property
    def best(self) -> Estimate:
        return self.estimates[-1]


def regret(
    log: PairedLog,
    found: Support,
    model_of: ModelOf,
    confidence: float,
    *,
    undecided: int = 0,
    judge: JudgeErrors | None = None,
) -> Regret:
    """Of the requests that ``model_of`` sends down; ``undecided`` further ones may go down or not.
    ``judge``: how the judge errs, where that is known.

    Raises ValueError.
    """
    sample = _Sample(log)
    for cell in _ordered(found.known):
        sample.add(cell, model_of(cell))
    known, unknown = sample.requests, undecided + _count(log, found.bare)
    whole = known + unknown
    said = sample.estimates(confidence, of=known, whole=whole, worse=unknown)
    return Regret(
        whole,
        unknown,
        len(sample.draws),
        effective(sample.draws),
        sum(log.unscored(cell, model_of(cell)) for cell in found.known),
        *sample.found(),
        said
        if judge is None
        else sample.estimates(confidence, judge, of=known, whole=whole, worse=unknown),
        None if judge is None else said[-1],
    )


def difference(
    log: PairedLog,
    then: Support,
    now: Support,
    confidence: float,
    *,
    undecided: int = 0,
    judge: JudgeErrors | None = None,
) -> Difference:
    """``then`` and ``now`` are what is known of the recorded and of the new policy."""
    sample, total = _Sample(log, low=-1.0), log.tally.requests
    more = now.known - then.known - then.bare
    fewer = then.known - now.known - now.bare
    for cell in _ordered(more):
        sample.add(cell, cell.model)
    for cell in _ordered(fewer):
        sample.add(cell, cell.served, sign=-1.0)
    # A pair compares one cheaper rung: of two cheaper ones, nothing says which regrets more.
    moved = (now.known | now.bare) & (then.known | then.bare)
    unsure = undecided + _count(log, (cell for cell in moved if cell.model != cell.served))
    worse = unsure + _count(log, now.bare - then.known - then.bare)
    better = unsure + _count(log, then.bare - now.known - now.bare)
    return Difference(
        _count(log, more),
        _count(log, fewer),
        worse + better - unsure,
        len(sample.draws),
        effective(sample.draws),
        sample.estimates(confidence, judge, of=total, whole=total, worse=worse, better=better),
    )


class _Sample:
    """The requests of some cells, and the pairs that tell of them, in random order."""

    def __init__(self, log: PairedLog, *, low: float = 0.0) -> None:
        self.requests = 0
        self._signs = 0.0
        self._log = log
        self._low = low
        self._heaviest = 1.0
        self._groups: dict[tuple[Group, str, str], int] = {}
        self._sizes: dict[int, int] = {}
        self._drawn: list[tuple[bytes, Draw]] = []

    @property
    def draws(self) -> list[Draw]:
        return [draw for _, draw in sorted(self._drawn, key=lambda each: each[0])]

    def add(self, cell: Cell, model: str, *, sign: float = 1.0) -> None:
        """``sign``: what a regret counts."""
        log = self._log
        group = self._groups.setdefault((cell.group, cell.rule, model), len(self._groups))
        self._sizes[group] = self._sizes.get(group, 0) + log.requests(cell)
        self.requests += log.requests(cell)
        self._signs += sign * log.requests(cell)
        self._heaviest = max(self._heaviest, log.sampling(cell, model).heaviest)
        for pair in log.told(cell, model):
            draw = Draw(sign * _regretted(pair), 1.0 / pair.propensity, group)
            self._drawn.append((shuffled_by(pair.id, "replay"), draw))

    def found(self) -> tuple[float, bool]:
        """How many requests the draws stand for, over how many there are, and whether that is less
        than the chance of being sampled explains."""
        if not self.requests:
            return 1.0, False
        weights = [draw.weight for _, draw in self._drawn]
        missing = self.requests - math.fsum(weights)
        off = math.sqrt(math.fsum(weight * (weight - 1.0) for weight in weights))
        return 1.0 - missing / self.requests, missing > BY_CHANCE * off + self._heaviest

    def estimates(
        self,
        confidence: float,
        judge: JudgeErrors | None = None,
        *,
        of: int,
        whole: int,
        worse: int,
        better: int = 0,
    ) -> tuple[Estimate, ...]:
        """Values per request ``of`` so many, and their intervals per request of the ``whole``, in
        which so many unknown ones may add a regret, or take one away."""
        if not whole:
            return (Estimate("doubly robust", 0.0, 0.0, 0.0),)
        return tuple(
            Estimate(
                method,
                None if mean.value is None or not of else mean.value * self.requests / of,
                (mean.low * self.requests - better) / whole,
                (mean.high * self.requests + worse) / whole,
            )
            for method, mean in self._true_means(confidence, judge).items()
        )

    def _true_means(self, confidence: float, judge: JudgeErrors | None) -> dict[Method, Mean]:
        """Of regrets, where it is known how the judge errs; else of what it says."""
        if judge is None or not self.requests:
            return self._means(confidence)
        each, balance = each_of(confidence, 3), self._signs / self.requests
        return {
            method: Mean(
                *corrected((mean.value, mean.low, mean.high), judge, each, balance=balance)
            )
            for method, mean in self._means(each).items()
        }

    def _means(self, confidence: float) -> dict[Method, Mean]:
        if not self.requests:
            return {"doubly robust": Mean(0.0, 0.0, 0.0)}
        draws, bounds, heaviest = self.draws, (self._low, 1.0), self._heaviest
        alike = [Draw(draw.value, draw.weight) for draw in draws]
        shares = {group: size / self.requests for group, size in self._sizes.items()}
        return {
            "inverse propensity": propensity_mean(
                draws, *bounds, confidence, heaviest=heaviest, requests=self.requests
            ),
            "self-normalised": sampled_mean(
                alike, *bounds, confidence, heaviest=heaviest, shares=ONE_GROUP
            ),
            "doubly robust": sampled_mean(
                draws, *bounds, confidence, heaviest=heaviest, shares=shares
            ),
        }


def _regretted(pair: Pair) -> float:
    """One that was not scored is here in the worst case only."""
    return 0.0 if pair.regret is False else 1.0


def _ordered(cells: Iterable[Cell]) -> list[Cell]:
    """In the same order every time."""
    return sorted(cells, key=str)


def _count(log: PairedLog, cells: Iterable[Cell]) -> int:
    return sum(log.requests(cell) for cell in cells)
