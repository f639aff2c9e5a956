"""How often a judge says regret where the regret is at a limit: what to test instead of the limit.

With regret R, a judge that finds regrets at rate t and makes them up at rate f says regret at rate
q = R t + (1 - R) f. Of t and f, lower and upper bounds are known. Then

- R of b or more makes q at least min(b t + (1 - b) f, t) with both rates at their lower ends: q is
  linear in R, so that it is least at b or at 1;
- R of b or less makes q at most max(b t + (1 - b) f, f) with both at their upper ends.

So to refute that q is beyond these is to refute that R is beyond b, but for the error of the bounds
of the rates. These are confidence sequences like all others here: pairs may go on being labelled,
and whatever has been labelled when the guard decides is good. What is assumed is that the judge
errs on the labelled pairs as it does on those that are guarded.
"""

from functools import lru_cache

from stepdown.quality.correction import JudgeErrors
from stepdown.quality.evidence import Counts, lower, upper

CACHED = 256


@lru_cache(CACHED)
def said_at_least(regret: float, judge: JudgeErrors, error: float) -> float:
    """The least rate at which the judge says regret where the regret is ``regret`` or more.

    Wrong with probability ``error`` at most. 0 where nobody knows that the judge finds regrets:
    then nothing it says can certify.
    """
    each = 1.0 - error / 2.0
    finds = 1.0 - upper(_missed(judge), each, 1.0)
    makes_up = lower(_made_up(judge), each, 1.0)
    return min(regret * finds + (1.0 - regret) * makes_up, finds)


@lru_cache(CACHED)
def said_at_most(regret: float, judge: JudgeErrors, error: float) -> float:
    """The greatest rate at which it says regret where the regret is ``regret`` or less.

    Wrong with probability ``error`` at most.
    """
    each = 1.0 - error / 2.0
    finds = 1.0 - lower(_missed(judge), each, 1.0)
    makes_up = upper(_made_up(judge), each, 1.0)
    return max(regret * finds + (1.0 - regret) * makes_up, makes_up)


def _missed(judge: JudgeErrors) -> Counts:
    return Counts({1.0: (judge.false_negatives, judge.positives)})


def _made_up(judge: JudgeErrors) -> Counts:
    return Counts({1.0: (judge.false_positives, judge.negatives)})
