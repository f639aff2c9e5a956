"""What the recorded traffic would have cost under a new policy.

A request that both policies answer with the same model cost what it cost. Of another one, the
tokens of the served answer are known, and so what they would have cost at the other model: a model
of the cost, wrong as far as the other model's answers are longer or shorter. Pairs tell what both
answers really cost. The doubly robust estimate corrects the first by the second, for each pair of
models by itself.

**These intervals are approximate.** A cost has no bound beforehand, so they take the estimates'
errors for normally distributed, with the variance that the pairs show. With few pairs, or a few
very expensive ones, they are too narrow.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from statistics import NormalDist
from typing import Literal

from msgspec import Struct

from stepdown.quality.intervals import error_of
from stepdown.quality.offline.regrets import Method
from stepdown.quality.offline.tally import ZERO, Seen, Tally

FEWEST = 2
"""Pairs that it takes to tell how much costs vary."""
_PLACES = Decimal(1).scaleb(-12)


class Amount(Struct, frozen=True):
    """US dollars, by one method. The interval is approximate, and None where there are no pairs."""

    method: Method
    value: Decimal
    low: Decimal | None
    high: Decimal | None
    interval: Literal["approximate"] = "approximate"


class Cost(Struct, frozen=True):
    """US dollars for the ``requests`` with every price known; ``unpriced`` are the others.

    ``then`` was spent. ``reference`` is all requests at the last rung, by the tokens of the served
    answers. ``moved`` requests change their model, and ``pairs`` tell what that costs; of
    ``unbacked`` ones there are too few pairs, so that the model of the cost stands alone. The last
    of the estimates ``now`` is the one to go by.
    """

    requests: int
    unpriced: int
    then: Decimal
    reference: Decimal
    moved: int
    unbacked: int
    pairs: int
    now: tuple[Amount, ...]

    @property
    def best(self) -> Amount:
        return self.now[-1]


class _Known(Struct, frozen=True):
    """A pair's weight, what the new model's answer cost, and what the model of the cost says."""

    weight: float
    cost: float
    modelled: float


class _Move(Struct):
    """The requests that go from one model to another."""

    requests: int = 0
    modelled: Decimal = ZERO
    known: list[_Known] = []

    @property
    def backed(self) -> bool:
        return len(self.known) >= FEWEST


class _Part(Struct, frozen=True):
    """What a move costs, and the variance of that."""

    value: float
    variance: float


def cost(tally: Tally, confidence: float) -> Cost:
    """Of all requests that the new policy decides. Raises ValueError."""
    moves: dict[tuple[str, str], _Move] = defaultdict(_Move)
    kept = then = reference = ZERO
    requests = priced = 0
    for cell, sums in tally.cells.items():
        requests, priced = requests + sums.requests, priced + sums.priced
        then, reference = then + sums.then, reference + sums.reference
        if cell.model == cell.served:
            kept += sums.now
            continue
        move = moves[cell.served, cell.model]
        move.requests += sums.priced
        move.modelled += sums.now
        move.known += _known(tally.pairs.get(cell, ()), cell.model)
    return Cost(
        requests,
        requests - priced,
        then,
        reference,
        sum(move.requests for move in moves.values()),
        sum(move.requests for move in moves.values() if not move.backed),
        sum(len(move.known) for move in moves.values()),
        _amounts(kept, list(moves.values()), confidence),
    )


def _known(seen: Sequence[Seen], model: str) -> list[_Known]:
    found: list[_Known] = []
    for each in seen:
        pair = each.pair
        costs = {
            pair.candidate_model: pair.candidate_cost,
            pair.reference_model: pair.reference_cost,
        }
        spent = costs.get(model)
        if spent is not None and each.now is not None:
            found.append(_Known(1.0 / pair.propensity, float(spent), float(each.now)))
    return found


def _amounts(kept: Decimal, moves: Sequence[_Move], confidence: float) -> tuple[Amount, ...]:
    reach = NormalDist().inv_cdf(1.0 - error_of(confidence) / 2.0)
    known = [move for move in moves if move.backed]
    fixed = kept + sum((move.modelled for move in moves if not move.backed), ZERO)
    told = bool(known) or not any(move.requests for move in moves)
    amounts: list[Amount] = []
    for method, way in _WAYS.items():
        parts = [way(move) for move in known]
        value = fixed + _dollars(math.fsum(part.value for part in parts))
        off = _dollars(reach * math.sqrt(math.fsum(part.variance for part in parts)))
        ends = (max(value - off, ZERO), value + off) if told else (None, None)
        amounts.append(Amount(method, value, *ends))
    return tuple(amounts)


def _inverse_propensity(move: _Move) -> _Part:
    """The variance is that of independent sampling, by the same weights."""
    known = move.known
    return _Part(
        math.fsum(each.weight * each.cost for each in known),
        math.fsum(each.weight * (each.weight - 1.0) * each.cost**2 for each in known),
    )


def _self_normalised(move: _Move) -> _Part:
    return _scaled(move.requests, [(each.weight, each.cost) for each in move.known])


def _doubly_robust(move: _Move) -> _Part:
    part = _scaled(move.requests, [(each.weight, each.cost - each.modelled) for each in move.known])
    return _Part(float(move.modelled) + part.value, part.variance)


def _scaled(requests: int, known: Sequence[tuple[float, float]]) -> _Part:
    """So many times the weighted mean, its variance by linearisation."""
    count, total = len(known), math.fsum(weight for weight, _ in known)
    mean = math.fsum(weight * value for weight, value in known) / total
    squares = math.fsum((weight * (value - mean)) ** 2 for weight, value in known)
    return _Part(requests * mean, (requests / total) ** 2 * squares * count / (count - 1))


def _dollars(amount: float) -> Decimal:
    return Decimal(repr(amount)).quantize(_PLACES)


_WAYS: Mapping[Method, Callable[[_Move], _Part]] = {
    "inverse propensity": _inverse_propensity,
    "self-normalised": _self_normalised,
    "doubly robust": _doubly_robust,
}
