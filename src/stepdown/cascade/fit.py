"""Chooses how confident a cheap answer must be to be served, from labelled outcomes.

**What is chosen.** An answer is accepted where its score is at least the threshold. The risk is
the share of accepted answers that are regretted: the cheap one was wrong and the strong one right
(where the strong one is not known: the cheap one was wrong). The loosest threshold is chosen that
a test certifies: its risk is at most ``risk``.

**How.** Learn then test (Angelopoulos, Bates, Candès, Jordan & Lei 2021, arXiv 2110.01052).
Thresholds are tested from strict to loose, each by the exact binomial test: it is certified where
the Clopper-Pearson bound (1934) of its regrets is at most ``risk``. A chain of tests ends at the
first that fails. So that bad luck among the first few answers does not end everything, there are
``STARTS`` chains, each with an equal part of the error 1 - confidence; a chain that reaches the
next one's start takes its error along (the fallback procedure, Wiens & Dmitrienko 2005). The
sequence is fixed by the number of accepted answers, never by their labels.

**What is guaranteed.** The outcomes being independent draws from the population that the threshold
will meet, and no score more trustworthy than a higher one, the probability that the chosen
threshold's true risk is above ``risk`` is at most 1 - confidence. The probability is over the
draw of the outcomes: it says how often such a fit misleads, not how sure this one is, and it
says nothing of traffic that has changed since. Where trust does not grow with the score, the
thresholds, which are scores of the outcomes, make the error approximate; the tests simulate one
such population.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from msgspec import Struct

from stepdown.binomial import lower_tail, upper_bound
from stepdown.cascade.outcomes import Outcome

STARTS = 4
GRID = 200
"""Thresholds that are tested at most."""


class Point(Struct, frozen=True):
    """A threshold on the outcomes. ``upper`` bounds the risk with the error of its test."""

    threshold: float
    accepted: int
    regrets: int
    upper: float

    @property
    def risk(self) -> float:
        return self.regrets / self.accepted


class Policy(Struct, frozen=True):
    """What a way of choosing comes to, per request.

    ``accepted`` is the share of cheap answers served, ``risk`` the share of those and ``regret``
    the share of all requests that are regretted, ``right`` how right the served answers are
    (None where the strong model's are not known), ``cost`` in US dollars.
    """

    name: str
    accepted: float
    risk: float | None
    regret: float
    right: float | None
    cost: float | None


class Fit(Struct, frozen=True):
    """``chosen`` is None where no threshold is certified; ``closest`` then came nearest to it.

    ``policies``: the chosen threshold, and what it has to be compared with. ``saving`` is the share
    of the strong model's cost that it saves; ``break_even`` the share of requests that may climb
    before a cascade costs more than the strong model alone.
    """

    rows: int
    risk: float
    confidence: float
    least_accepted: int
    """Fewer accepted answers than these can never certify the risk."""
    chosen: Point | None
    closest: Point | None
    policies: tuple[Policy, ...]
    saving: float | None
    break_even: float | None


def fit(
    outcomes: Sequence[Outcome], risk: float, confidence: float = 0.95, *, right: float = 0.5
) -> Fit:
    """The loosest certified threshold. ``risk`` and ``confidence`` are between 0 and 1.

    A graded answer counts as right from ``right`` on.
    """
    ranked = sorted(outcomes, key=lambda outcome: outcome.score, reverse=True)
    regretted = [_regretted(outcome, right) for outcome in ranked]
    regrets = [0, *accumulate(regretted)]
    error = 1.0 - confidence
    fewest = math.ceil(math.log(error / STARTS) / math.log1p(-risk))
    counts = _counts([outcome.score for outcome in ranked], fewest)
    certified = _certified(counts, regrets, risk, error)
    chosen = None if certified is None else _point(ranked, regrets, *certified)
    closest = None
    if chosen is None and counts:
        nearest = min(counts, key=lambda count: lower_tail(regrets[count], count, risk))
        closest = _point(ranked, regrets, nearest, error / STARTS)
    accepting = chosen.accepted if chosen else 0
    policies = _policies(ranked, regretted, accepting)
    return Fit(
        len(ranked),
        risk,
        confidence,
        fewest,
        chosen,
        closest,
        policies,
        _saving(policies) if chosen else None,
        _left(_mean(ranked, "cheap_cost"), _mean(ranked, "strong_cost")),
    )


def _regretted(outcome: Outcome, right: float) -> bool:
    strong = 1.0 if outcome.strong is None else outcome.strong
    return outcome.cheap < right <= strong


# ── Testing ──────────────────────────────────────────────────────────────────────────────────


def _counts(scores: Sequence[float], fewest: int) -> list[int]:
    """How many answers each tested threshold accepts, rising; equal scores stay together."""
    rising = [-score for score in scores]
    places = {math.ceil(len(scores) * step / GRID) for step in range(1, GRID + 1)}
    counts = {bisect_right(rising, rising[place - 1]) for place in places}
    return sorted(count for count in counts if count >= fewest)


def _certified(
    counts: Sequence[int], regrets: Sequence[int], risk: float, error: float
) -> tuple[int, float] | None:
    """The largest count that is certified, with the error of its test."""
    starts = _starts(counts)
    found: tuple[int, float] | None = None
    level = 0.0
    for index, count in enumerate(counts):
        level += error * starts.count(index) / STARTS
        if level and lower_tail(regrets[count], count, risk) <= level:
            found = count, level
        else:
            level = 0.0
    return found


def _starts(counts: Sequence[int]) -> list[int]:
    """Where the chains begin: at counts that rise by equal factors from the first."""
    if not counts:
        return []
    first, growth = counts[0], counts[-1] / counts[0]
    places: list[int] = []
    for chain in range(STARTS):
        wanted = first * growth ** (chain / STARTS)
        places.append(next(at for at, count in enumerate(counts) if count >= wanted - 0.5))
    return places


def _point(ranked: Sequence[Outcome], regrets: Sequence[int], count: int, error: float) -> Point:
    bound = upper_bound(regrets[count], count, error)
    return Point(ranked[count - 1].score, count, regrets[count], bound)


# ── What it comes to ─────────────────────────────────────────────────────────────────────────


def _policies(
    ranked: Sequence[Outcome], regretted: Sequence[bool], accepted: int
) -> tuple[Policy, ...]:
    """The threshold and chance at its accept rate, either model alone, and perfect foresight."""
    rows = len(ranked)
    cheap = _policy("all cheap", ranked, regretted, [True] * rows)
    strong = Policy(
        "all strong", 0.0, None, 0.0, _mean(ranked, "strong"), _mean(ranked, "strong_cost")
    )
    foresight = _policy("foresight", ranked, regretted, [not regret for regret in regretted])
    if not accepted:
        return cheap, strong, foresight
    served = [place < accepted for place in range(rows)]
    threshold = _policy("threshold", ranked, regretted, served)
    share = accepted / rows
    chance = Policy(
        "chance",
        share,
        cheap.risk,
        share * cheap.regret,
        _plus(_times(share, cheap.right), _times(1.0 - share, strong.right)),
        _plus(cheap.cost, _times(1.0 - share, strong.cost)),
    )
    return threshold, chance, cheap, strong, foresight


def _policy(
    name: str, ranked: Sequence[Outcome], regretted: Sequence[bool], served: Sequence[bool]
) -> Policy:
    """A cascade that serves these cheap answers: all are paid for, and the strong ones besides."""
    rows, accepted = len(ranked), sum(served)
    regrets = sum(regret and kept for regret, kept in zip(regretted, served, strict=True))
    climbed = [row for row, kept in zip(ranked, served, strict=True) if not kept]
    right = math.fsum(row.cheap for row, kept in zip(ranked, served, strict=True) if kept) / rows
    above = len(climbed) / rows
    return Policy(
        name,
        accepted / rows,
        regrets / accepted if accepted else None,
        regrets / rows,
        _plus(right, _times(above, _mean(climbed, "strong"))) if climbed else right,
        _plus(_mean(ranked, "cheap_cost"), _times(above, _mean(climbed, "strong_cost")))
        if climbed
        else _mean(ranked, "cheap_cost"),
    )


def _saving(policies: Sequence[Policy]) -> float | None:
    costs = {policy.name: policy.cost for policy in policies}
    return _left(costs.get("threshold"), costs.get("all strong"))


def _left(part: float | None, whole: float | None) -> float | None:
    """What a part leaves of the whole, as a share of it."""
    return None if part is None or not whole else 1.0 - part / whole


def _mean(outcomes: Sequence[Outcome], field: str) -> float | None:
    """The mean of a field, or None where it is not known."""
    values = [value for each in outcomes if (value := getattr(each, field)) is not None]
    return math.fsum(values) / len(values) if values else None


def _plus(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second


def _times(share: float, value: float | None) -> float | None:
    return None if value is None else share * value
