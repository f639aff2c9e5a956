"""What a policy comes to over many prompts: accuracy, cost and time, each with standard errors.

A policy answers every prompt either with the cheap model or, after that, with the strong one. All
standard errors are over the prompts (what another sample of prompts would have given): delete-one
jackknife, which for a mean is the usual s/√n and for a difference is paired.
Source: Efron & Stein, The jackknife estimate of variance, Annals of Statistics 9 (1981).
"""

import math
import random
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct

SEED = 20_240_601
DRAWS = 1_000


class Case(Struct, frozen=True):
    """One prompt on both rungs: whether each was right (1 or 0), US dollars, seconds."""

    weak: float
    strong: float
    weak_cost: float
    strong_cost: float
    weak_seconds: float = 0.0
    strong_seconds: float = 0.0

    @property
    def gain(self) -> float:
        """What the strong answer is better by: 1, 0 or -1."""
        return self.strong - self.weak


class Outcome(Struct, frozen=True):
    """What a policy made of one prompt. ``early``: dropped before its end; None: not known."""

    right: float
    climbed: bool
    cost: float
    seconds: float = 0.0
    early: bool | None = False
    reason: str = ""


class Estimate(NamedTuple):
    value: float
    error: float


class Row(Struct, frozen=True):
    """A policy's figures. Shares are 0..1, ``cost`` US dollars and ``seconds`` a prompt.

    ``over_climb`` is the accuracy above that of climbing as often, but at random: the covariance
    of climbing with the strong model's gain, so 0 for whoever cannot tell right from wrong.
    ``over_router`` is that above a random router of the same cost, which never pays for both
    models and can therefore ask the strong one a little more often. ``spread`` is the standard
    deviation between the draws of a random policy.
    """

    policy: str
    prompts: int
    accuracy: Estimate
    strong_calls: int
    early_drops: int | None
    cost: float
    seconds: float
    over_climb: Estimate | None = None
    over_router: Estimate | None = None
    spread: float | None = None


Sums = tuple[float, ...]


def jackknife(rows: Sequence[Sums], of: Callable[[Sums, int], float]) -> Estimate:
    """``of`` the column sums and their count, with its delete-one standard error."""
    n = len(rows)
    if n == 0:
        return Estimate(math.nan, math.nan)
    total = tuple(map(sum, zip(*rows, strict=True)))
    value = of(total, n)
    if n == 1:
        return Estimate(value, math.nan)
    without = [of(tuple(t - x for t, x in zip(total, row, strict=True)), n - 1) for row in rows]
    middle = statistics.fmean(without)
    return Estimate(value, math.sqrt((n - 1) / n * sum((x - middle) ** 2 for x in without)))


def mean(values: Sequence[float]) -> Estimate:
    """The mean and its standard error."""
    return jackknife([(value,) for value in values], lambda sums, n: sums[0] / n)


# ── Policies ─────────────────────────────────────────────────────────────────────────────────


def always_weak(case: Case) -> Outcome:
    return Outcome(case.weak, False, case.weak_cost, case.weak_seconds)


def always_strong(case: Case) -> Outcome:
    """Straight to the strong model: the weak one is not asked."""
    return Outcome(case.strong, True, case.strong_cost, case.strong_seconds)


def climbing(case: Case, *, climbed: bool, reason: str = "") -> Outcome:
    """The weak answer is paid for, and where it is turned down the strong one too."""
    if not climbed:
        return always_weak(case)
    return Outcome(
        case.strong,
        True,
        case.weak_cost + case.strong_cost,
        case.weak_seconds + case.strong_seconds,
        reason=reason,
    )


def oracle(case: Case) -> Outcome:
    """Climbs where it helps and nowhere else: no validator can do better."""
    return climbing(case, climbed=case.gain > 0)


# ── Their figures ────────────────────────────────────────────────────────────────────────────


def row(policy: str, cases: Sequence[Case], outcomes: Sequence[Outcome], *, leads: bool) -> Row:
    """The figures of one policy; ``leads``: compare it with the random ones too."""
    over_climb = over_router = None
    if leads:
        over_climb = jackknife(_columns(cases, outcomes), _over_climb)
        over_router = jackknife(_columns(cases, outcomes), _over_router)
    return Row(
        policy,
        len(cases),
        mean([outcome.right for outcome in outcomes]),
        sum(outcome.climbed for outcome in outcomes),
        _count([outcome.early for outcome in outcomes]),
        statistics.fmean(outcome.cost for outcome in outcomes),
        statistics.fmean(outcome.seconds for outcome in outcomes),
        over_climb,
        over_router,
    )


def controls(cases: Sequence[Case]) -> list[Row]:
    """All to the weak model, all to the strong one, and the best that climbing could do."""
    policies = {"weak alone": always_weak, "strong alone": always_strong, "oracle climb": oracle}
    return [
        row(name, cases, [policy(case) for case in cases], leads=False)
        for name, policy in policies.items()
    ]


def random_climb(cases: Sequence[Case], climbs: int, draws: int = DRAWS, seed: int = SEED) -> Row:
    """So many of the prompts climb, drawn at random: the mean over the draws."""
    dice = random.Random(seed)
    picked = [set(dice.sample(range(len(cases)), climbs)) for _ in range(draws)]
    drawn = [
        [climbing(case, climbed=index in those) for index, case in enumerate(cases)]
        for those in picked
    ]
    scores = [statistics.fmean(outcome.right for outcome in draw) for draw in drawn]
    share = climbs / len(cases)
    return Row(
        "random climb, as often",
        len(cases),
        Estimate(
            statistics.fmean(scores),
            mean([case.weak + share * case.gain for case in cases]).error,
        ),
        climbs,
        0,
        statistics.fmean(outcome.cost for draw in drawn for outcome in draw),
        statistics.fmean(outcome.seconds for draw in drawn for outcome in draw),
        spread=statistics.stdev(scores),
    )


def _count(told: Sequence[bool | None]) -> int | None:
    return None if None in told else sum(map(bool, told))


def _columns(cases: Sequence[Case], outcomes: Sequence[Outcome]) -> list[Sums]:
    return [
        (o.right, float(o.climbed), o.cost, c.weak, c.strong, c.weak_cost, c.strong_cost)
        for c, o in zip(cases, outcomes, strict=True)
    ]


def _over_climb(sums: Sums, n: int) -> float:
    right, climbed, _, weak, strong, _, _ = (x / n for x in sums)
    return right - (weak + climbed * (strong - weak))


def _over_router(sums: Sums, n: int) -> float:
    right, _, cost, weak, strong, weak_cost, strong_cost = (x / n for x in sums)
    share = (cost - weak_cost) / (strong_cost - weak_cost)
    return right - (weak + min(1.0, share) * (strong - weak))
