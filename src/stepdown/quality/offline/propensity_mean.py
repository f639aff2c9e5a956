"""The inverse-propensity estimate: every sampled value counts as the requests that it stands for.

A request that was not sampled counts 0, a sampled one its value / its propensity: on average that
is the value, so the mean over all requests is the mean sought (Horvitz & Thompson 1952, "A
generalization of sampling without replacement from a finite universe", JASA 47). It takes every
sampled request to have become a pair: where some were lost, it is too near to 0 by their share.

The terms are bounded by the greatest weight, so that bets on them give an interval that holds for
every number of them (``quality.means``, where the source is). Nearly all terms are 0, and those
between two draws are gone through at once: for as long, the bet stays what it was.
"""

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from stepdown.quality.intervals import error_of
from stepdown.quality.means import BOLDEST
from stepdown.quality.offline.sampled_mean import Draw, Mean

_SEED = 1952
_HALVINGS = 40


def propensity_mean(
    draws: Sequence[Draw],
    low: float,
    high: float,
    confidence: float,
    *,
    heaviest: float,
    requests: int,
) -> Mean:
    """The mean over so many requests of values in ``low..high``, of which these draws are known.

    0 is within the bounds. ``heaviest`` and the draws' order as in ``sampled_mean``. Takes time in
    proportion to the draws. Raises ValueError.
    """
    error = error_of(confidence)
    if not len(draws) <= requests:
        raise ValueError(f"requests: expected {len(draws)} or more, the draws, got {requests}")
    if not low <= 0.0 < high:
        raise ValueError(f"low: expected bounds around 0, got {low} and {high}")
    if not draws:
        return Mean(None, low, high)
    span = (high - low) * heaviest
    rest = -low / (high - low)
    shares = [draw.weight * draw.value / span + rest for draw in draws]
    if not all(0.0 <= share <= 1.0 for share in shares):
        raise ValueError(f"draws: expected {low} to {high}, and weights up to {heaviest}")
    steps = _steps(shares, rest, requests, 2.0 * math.log(2.0 / error) / requests)
    value = math.fsum(draw.weight * draw.value for draw in draws) / requests
    mean, rich = value / span + rest, 2.0 / error
    upside_down = [Step(zeros, 1.0 - share, bet) for zeros, share, bet in steps]
    least = _least(steps, rest, mean, rich)
    most = 1.0 - _least(upside_down, 1.0 - rest, 1.0 - mean, rich)
    ends = value, span * (least - rest), span * (most - rest)
    return Mean(*(min(max(end, low), high) for end in ends))


class Step(NamedTuple):
    """So many zeros, then a term, as a share of the bounds' distance, and the bet on each one."""

    zeros: int
    share: float
    bet: float


def _steps(shares: Sequence[float], rest: float, requests: int, aim: float) -> list[Step]:
    """The requests in random order: a zero is ``rest``. Each bet is from those before only."""
    places = sorted(Random(_SEED).sample(range(requests), len(shares)))
    if places[-1] != requests - 1:
        places, shares = [*places, requests - 1], [*shares, rest]
    steps: list[Step] = []
    total, squares, seen = 0.5, 0.25, 0
    for place, share in zip(places, shares, strict=True):
        zeros = place - seen
        steps.append(Step(zeros, share, math.sqrt(aim * (seen + 1) / squares)))
        seen = place + 1
        total += zeros * rest + share
        mean = total / (seen + 1)
        squares += zeros * (rest - mean) ** 2 + (share - mean) ** 2
    return steps


def _least(steps: Sequence[Step], rest: float, kept: float, rich: float) -> float:
    """The least mean that is not refused as too low."""
    refused = 0.0
    for _ in range(_HALVINGS):
        middle = (refused + kept) / 2.0
        if _becomes_rich(steps, rest, middle, rich):
            refused = middle
        else:
            kept = middle
    return refused


def _becomes_rich(steps: Sequence[Step], rest: float, mean: float, rich: float) -> bool:
    """Whether betting that the mean is above this one makes rich. The capital is a logarithm."""
    boldest = BOLDEST / mean if mean else math.inf
    capital, enough, off = 0.0, math.log(rich), rest - mean
    for zeros, share, bet in steps:
        stake = min(bet, boldest)
        capital += zeros * math.log1p(stake * off)
        if capital >= enough:
            return True
        capital += math.log1p(stake * (share - mean))
        if capital >= enough:
            return True
    return False
