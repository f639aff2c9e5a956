"""A cascade on one number: every threshold's accuracy and cost, and a threshold fit on others."""

import math
import random
import statistics
from collections.abc import Callable, Sequence

from msgspec import Struct

from checkable.figures import SEED, Case, Estimate

NOTHING_BELOW = -1e6
"""A threshold for want of any prompt to fit one on."""


class Point(Struct, frozen=True):
    """Climbing where the confidence is below ``threshold``. Cost is US dollars a prompt."""

    threshold: float
    climbed: float
    accuracy: float
    random_accuracy: float
    cost: float


class Curve(Struct, frozen=True):
    """All thresholds at once.

    ``area`` lies between the curve and the line of random climbs, over the share that climbs:
    accuracy won on average over all thresholds. ``recovered`` is the same as a share of the gap
    between the models (random: 0.5). ``auc`` is the chance that a right weak answer is more
    confident than a wrong one.
    """

    points: list[Point]
    area: Estimate
    recovered: Estimate
    auc: Estimate


def sweep(cases: Sequence[Case], confidence: Sequence[float]) -> Curve:
    """Every threshold from one that nothing is below to one that everything is below."""
    order = sorted(range(len(cases)), key=lambda index: confidence[index])
    n = len(order)
    weak = sum(case.weak for case in cases)
    gap = sum(case.gain for case in cases)
    right, cost = weak, sum(case.weak_cost for case in cases)
    points: list[Point] = []
    for climbed in range(n + 1):
        points.append(
            Point(
                _between(order, confidence, climbed),
                climbed / n,
                right / n,
                (weak + climbed / n * gap) / n,
                cost / n,
            )
        )
        if climbed < n:
            case = cases[order[climbed]]
            right += case.gain
            cost += case.strong_cost
    return Curve(
        points,
        _with_error(cases, confidence, area),
        _with_error(cases, confidence, recovered),
        _with_error(cases, confidence, auc),
    )


def area(cases: Sequence[Case], confidence: Sequence[float]) -> float:
    """Between the curve and the random line, by trapezoids."""
    order = sorted(range(len(cases)), key=lambda index: confidence[index])
    n = len(order)
    mean_gain = sum(case.gain for case in cases) / n
    lead = total = 0.0
    for index in order:
        before = lead
        lead += (cases[index].gain - mean_gain) / n
        total += (before + lead) / 2 / n
    return total


def recovered(cases: Sequence[Case], confidence: Sequence[float]) -> float:
    """The area under the curve as a share of the gap (APGR of arXiv 2406.18665)."""
    gap = sum(case.gain for case in cases) / len(cases)
    return 0.5 + area(cases, confidence) / gap if gap else math.nan


def auc(cases: Sequence[Case], confidence: Sequence[float]) -> float:
    """By ranks, ties counting half."""
    right = [c for case, c in zip(cases, confidence, strict=True) if case.weak]
    wrong = [c for case, c in zip(cases, confidence, strict=True) if not case.weak]
    if not right or not wrong:
        return math.nan
    won = sum((r > w) + (r == w) / 2 for r in right for w in wrong)
    return won / (len(right) * len(wrong))


def best_threshold(cases: Sequence[Case], confidence: Sequence[float]) -> float:
    """The threshold that leads random climbing by most on these prompts; fewer climbs on a tie."""
    if not cases:
        return NOTHING_BELOW
    order = sorted(range(len(cases)), key=lambda index: confidence[index])
    mean_gain = sum(case.gain for case in cases) / len(cases)
    lead, best, threshold = 0.0, 0.0, _between(order, confidence, 0)
    for climbed, index in enumerate(order, 1):
        lead += cases[index].gain - mean_gain
        tied = climbed < len(order) and confidence[order[climbed]] == confidence[index]
        if lead > best + 1e-12 and not tied:
            best, threshold = lead, _between(order, confidence, climbed)
    return threshold


def halves(groups: Sequence[str], seed: int = SEED) -> list[int]:
    """0 or 1 for each prompt: two halves by chance, each with half of every group."""
    dice = random.Random(seed)
    half = [0] * len(groups)
    turn = 0
    for group in dict.fromkeys(groups):
        members = [index for index, name in enumerate(groups) if name == group]
        dice.shuffle(members)
        for index in members:
            half[index] = turn
            turn = 1 - turn
    return half


def cross_fitted(
    cases: Sequence[Case], confidence: Sequence[float], half: Sequence[int]
) -> tuple[float, float]:
    """The threshold for each half, fit on the other one alone."""
    fitted: list[float] = []
    for reported in (0, 1):
        fit = [index for index, one in enumerate(half) if one != reported]
        fitted.append(best_threshold([cases[i] for i in fit], [confidence[i] for i in fit]))
    return fitted[0], fitted[1]


def _between(order: Sequence[int], confidence: Sequence[float], climbed: int) -> float:
    """A threshold with exactly the first ``climbed`` below it."""
    if climbed == 0:
        return confidence[order[0]] - 1.0
    if climbed == len(order):
        return min(0.0, confidence[order[-1]] + 1.0)
    return (confidence[order[climbed - 1]] + confidence[order[climbed]]) / 2


def _with_error(
    cases: Sequence[Case],
    confidence: Sequence[float],
    of: Callable[[Sequence[Case], Sequence[float]], float],
) -> Estimate:
    """The statistic with its delete-one standard error over the prompts."""
    n = len(cases)
    without = [
        of([*cases[:i], *cases[i + 1 :]], [*confidence[:i], *confidence[i + 1 :]]) for i in range(n)
    ]
    middle = statistics.fmean(without)
    error = math.sqrt((n - 1) / n * sum((value - middle) ** 2 for value in without))
    return Estimate(of(cases, confidence), error)
