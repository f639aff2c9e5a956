"""The mean of bounded values that are known of a sample only, each seen with a known propensity.

**How.** A draw of weight w (1 / propensity) stands for w requests. With u = w / the greatest weight
possible, ``u (value - mean)`` is 0 on average over the draws, whatever propensity and value have to
do with each other. So bets against a mean are fair if it is the true one, and a mean is refused
once a gambler has become rich by betting against it (``quality.means`` explains the bets). Only the
ratio of propensities counts: where some of the sampled requests are lost by chance, nothing
changes. With one group this is the self-normalised estimate, sum of w value / sum of w.

**Doubly robust.** Where requests fall in groups of known shares, a model's prediction for the
draw's group is taken off, and the mean of its predictions over all requests is added: 0 on average,
however wrong the model; and where it is right, what is left varies less. The model has learnt from
the draws before only, so that no draw is predicted from itself.

**What is assumed.** The draws stand in an order that has nothing to do with what they are, such as
that of a hash.

Source: Hájek 1971, comment in "Foundations of Statistical Inference"; Dudík, Langford & Li 2011,
"Doubly robust policy evaluation and learning", ICML; Waudby-Smith & Ramdas 2023, JRSS-B, arXiv
2010.09686; Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro 2024, "Anytime-valid off-policy
inference for contextual bandits", ACM/IMS Journal of Data Science 1 (3), arXiv 2210.10768.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from stepdown.quality.intervals import error_of
from stepdown.quality.means import BOLDEST

ONE_GROUP: Mapping[int, float] = {0: 1.0}
LENT = 5.0
"""Draws' worth of the mean of all that a group's own mean begins with."""
_PATIENCE = 1.1
"""The model is fitted anew when there are so many times as many draws as at the last time."""
_HALVINGS = 30
"""An end is found to a billionth of the bounds' distance, and rounded outwards."""


class Draw(Struct, frozen=True, gc=False):
    """One sampled request: its value, 1 / its propensity, and its group."""

    value: float
    weight: float
    group: int = 0


class Mean(Struct, frozen=True):
    """The mean, None without draws, and where it is; its value is inside."""

    value: float | None
    low: float
    high: float


class Model(Protocol):
    """Predicts a draw's value from its group."""

    def learn(self, draw: Draw) -> None: ...

    def predicted(self, group: int) -> float: ...


class GroupMeans:
    """Each group's mean so far, drawn to the mean of all while there are few draws."""

    def __init__(self) -> None:
        self._values: dict[int, float] = defaultdict(float)
        self._weights: dict[int, float] = defaultdict(float)
        self._value = self._weight = 0.0
        self._draws = 0

    def learn(self, draw: Draw) -> None:
        worth = draw.weight * draw.value
        self._values[draw.group] += worth
        self._weights[draw.group] += draw.weight
        self._value += worth
        self._weight += draw.weight
        self._draws += 1

    def predicted(self, group: int) -> float:
        if not self._draws:
            return 0.0
        lent = LENT * self._weight / self._draws
        mean = self._value / self._weight
        value = self._values.get(group, 0.0) + lent * mean
        return value / (self._weights.get(group, 0.0) + lent)


def sampled_mean(
    draws: Sequence[Draw],
    low: float,
    high: float,
    confidence: float,
    *,
    heaviest: float,
    shares: Mapping[int, float] = ONE_GROUP,
    model: Model | None = None,
) -> Mean:
    """The mean of values in ``low..high``, from draws in random order.

    ``heaviest`` is the greatest weight that a draw could have had, whether or not one has it: of
    requests that are seldom sampled there may be none. ``shares`` are the groups' shares of all
    requests and add up to 1. Without a model it is ``GroupMeans``. Raises ValueError for a value or
    a weight out of bounds, or a group without a share.
    """
    error = error_of(confidence)
    if not draws:
        return Mean(None, low, high)
    _check(draws, low, high, heaviest, shares)
    bets = _Bets(2.0 * math.log(2.0 / error) / len(draws), low, high)
    steps = _steps(draws, (low, high), heaviest, bets, shares, model or GroupMeans())
    total = math.fsum(step.size for step in steps)
    value = math.fsum(step.size * step.value for step in steps) / total
    value = min(max(value, low), high)
    rich = 2.0 / error
    upside_down = [
        Step(size, -value, -most, -least, bet) for size, value, least, most, bet in steps
    ]
    least = _least(steps, low, value, rich)
    most = -_least(upside_down, -high, -value, rich)
    return Mean(value, least, most)


def effective(draws: Sequence[Draw]) -> float:
    """How many draws of one weight would tell as much.

    Source: Kish 1965, "Survey Sampling" (the design effect of unequal weights).
    """
    squares = math.fsum(draw.weight**2 for draw in draws)
    return math.fsum(draw.weight for draw in draws) ** 2 / squares if squares else 0.0


def _check(
    draws: Sequence[Draw], low: float, high: float, heaviest: float, shares: Mapping[int, float]
) -> None:
    if not low < high:
        raise ValueError(f"low: expected a number below high, {high}, got {low}")
    for place, draw in enumerate(draws):
        if not low <= draw.value <= high:
            raise ValueError(f"draw {place}: expected {low} to {high}, got {draw.value}")
        if not 0.0 < draw.weight <= heaviest:
            raise ValueError(
                f"draw {place}: expected a weight above 0 to {heaviest}, got {draw.weight}"
            )
        if draw.group not in shares:
            raise ValueError(f"draw {place}: expected a group with a share, got {draw.group}")


class Step(NamedTuple):
    """What a draw is worth in a bet: its ``size`` in 0..1, its value without what the model told,
    which is in ``least..most``, and how much is bet on it."""

    size: float
    value: float
    least: float
    most: float
    bet: float


def _steps(
    draws: Sequence[Draw],
    bounds: tuple[float, float],
    heaviest: float,
    bets: "_Bets",
    shares: Mapping[int, float],
    model: Model,
) -> list[Step]:
    """Each from the draws before it only."""
    low, high = bounds
    moves = dict.fromkeys(shares, 0.0)
    due = 1.0
    steps: list[Step] = []
    for seen, draw in enumerate(draws):
        if seen >= due:
            moves, due = _moves(shares, model), seen * _PATIENCE
        size, value = draw.weight / heaviest, draw.value + moves[draw.group]
        spread = moves.values()
        steps.append(Step(size, value, low + min(spread), high + max(spread), bets.next()))
        bets.learn(size, value)
        model.learn(draw)
    return steps


def _moves(shares: Mapping[int, float], model: Model) -> dict[int, float]:
    """By how much each group's values are moved: their mean over all requests is 0."""
    predicted = {group: model.predicted(group) for group in shares}
    mean = math.fsum(share * predicted[group] for group, share in shares.items())
    return {group: mean - value for group, value in predicted.items()}


class _Bets:
    """How much to bet: the more, the less the gains have varied so far."""

    def __init__(self, aim: float, low: float, high: float) -> None:
        self._aim = aim
        self._first = ((high - low) / 2.0) ** 2
        """The variance that is reckoned with as long as nothing is known: the greatest possible."""
        self._weight = self._value = 1e-300
        self._sizes = self._squares = 0.0
        self._seen = 0

    def next(self) -> float:
        size = self._sizes / self._seen if self._seen else 1.0
        variance = (self._first * size + self._squares) / (self._seen + 1)
        return math.sqrt(self._aim / variance)

    def learn(self, size: float, value: float) -> None:
        self._seen += 1
        self._weight += size
        self._value += size * value
        self._sizes += size * size
        self._squares += (size * (value - self._value / self._weight)) ** 2


def _least(steps: Sequence[Step], refused: float, kept: float, rich: float) -> float:
    """The least mean that is not refused as too low, between one that is and one that is not."""
    for _ in range(_HALVINGS):
        middle = (refused + kept) / 2.0
        if _becomes_rich(steps, middle, rich):
            refused = middle
        else:
            kept = middle
    return refused


def _becomes_rich(steps: Sequence[Step], mean: float, rich: float) -> bool:
    """Whether betting that the mean is above this one makes rich.

    The capital falls with the mean, so that the means refused are those up to some point.
    """
    capital = 1.0
    for size, value, least, _, bet in steps:
        room = mean - least
        stake = bet if bet * room < BOLDEST else BOLDEST / room
        capital *= 1.0 + stake * size * (value - mean)
        if capital >= rich:
            return True
    return False
