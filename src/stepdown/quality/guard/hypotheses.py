"""What the guard tests, with how much error, and what pairs say on it.

**Certifying.** "The regret is the budget or more" is tested in each epoch e with error_e = error
2^-e, which adds up to the error of the one thing guarded, over all epochs ever; those of a family
add up to 1 - confidence. So the probability that any of them is ever certified while its regret is
the budget or more is 1 - confidence at most. Each further attempt needs twice the e-value. The
promise is for a family that stays as it is: one that grows has spent parts of a larger error.

**Tripping.** "The regret is the budget or less" is tested from the beginning of each stint, while
observing as while active, with the whole error: a stint of something good ends by a false trip with
probability ``error`` at most. This is not spent over the epochs. A trip costs savings, not quality,
and one that took ever longer would cost quality.

**With a judge** whose errors are known by labelled pairs, a part of either error goes to the bounds
of its rates, and a limit on what it says is tested (see ``judged``).
"""

import math
from collections.abc import Callable

from msgspec import Struct

from stepdown.quality.evidence import (
    Counts,
    against_at_least,
    against_at_most,
    bounds,
    estimate,
)
from stepdown.quality.guard.judged import said_at_least, said_at_most
from stepdown.quality.guard.states import Evidence
from stepdown.quality.guard.terms import Terms

JUDGE_SHARE = 0.25
"""The part of an error that goes to the judge's rates. What is left lacks log(4/3) of the e-value's
logarithm, 14 pairs at a budget of 2 % where there is no regret."""


class Hypothesis(Struct, frozen=True):
    """What is to be refuted: that the rate is ``limit`` or beyond, with error ``alpha``."""

    limit: float
    alpha: float
    against: Callable[[Counts, float, float], float]

    def log_e(self, counts: Counts, terms: Terms) -> float:
        """The logarithm of the e-value against it. Raises ValueError (see ``Counts.sizes``)."""
        return self.against(counts, self.limit, terms.least)

    def refuted(self, log_e: float) -> bool:
        return log_e >= enough(self.alpha)


def enough(alpha: float) -> float:
    """The logarithm of the e-value that refutes with this error."""
    return -math.log(alpha) if alpha > 0.0 else math.inf


def too_much(terms: Terms, epoch: int) -> Hypothesis:
    """That the regret is the budget or more: refuted, it is certified."""
    limit, alpha = terms.budget, terms.error
    if terms.judge is not None:
        limit = said_at_least(limit, terms.judge, JUDGE_SHARE * alpha)
        alpha *= 1.0 - JUDGE_SHARE
    return Hypothesis(limit, math.ldexp(alpha, -epoch), against_at_least)


def within(terms: Terms) -> Hypothesis:
    """That the regret is the budget or less: refuted, it trips."""
    limit, alpha = terms.budget, terms.error
    if terms.judge is not None:
        limit = said_at_most(limit, terms.judge, JUDGE_SHARE * alpha)
        alpha *= 1.0 - JUDGE_SHARE
    return Hypothesis(limit, alpha, against_at_most)


def evidence(hypothesis: Hypothesis, counts: Counts, terms: Terms) -> Evidence:
    """What these pairs say against it."""
    return weighed(
        counts, terms, hypothesis.limit, hypothesis.alpha, hypothesis.log_e(counts, terms)
    )


def weighed(counts: Counts, terms: Terms, limit: float, alpha: float, log_e: float) -> Evidence:
    """The same, where the e-value is known."""
    low, high = bounds(counts, 1.0 - terms.error, terms.least)
    return Evidence(counts, estimate(counts), low, high, log_e, alpha, limit, terms)
