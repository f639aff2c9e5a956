"""How many trials it takes to show that a rate is within a limit, or above it.

Events are whole: at a rate of 2 %, 74 trials have 1 event and 75 have 2 (half rounds up), so that
one trial more can undo what was shown. The numbers given are those from which on this does not
happen any more.
"""

import math
from collections.abc import Callable

from stepdown.binomial import lower_tail
from stepdown.quality.intervals import error_of

MOST_TRIALS = 10_000_000
_UNEVEN = 200
"""So many trials without a setback, and what was shown stays."""


def rows_to_pass(rate: float, limit: float, confidence: float) -> int | None:
    """The fewest trials at which the upper bound of ``rate`` is at most ``limit``, and stays so.

    The bound is ``intervals.upper``, of the whole number of events nearest to the rate. None where
    the rate is not below the limit, or more than MOST_TRIALS are needed. Rates and limit are in
    0..1. Raises ValueError.
    """
    error = _checked(rate, limit, confidence)
    if rate >= limit:
        return None

    def passes(trials: int) -> bool:
        return lower_tail(_events(rate, trials), trials, limit) <= error

    def stays(trials: int) -> bool:
        # With the same events, more trials are better: what comes next that is worse has one more.
        return passes(trials) and passes(_first_with(_events(rate, trials) + 1, rate))

    return _least_for_good(stays)


def rows_to_fail(rate: float, limit: float, confidence: float) -> int | None:
    """The fewest trials at which the lower bound of ``rate`` is above ``limit``, and stays so.

    The bound is ``intervals.lower``; otherwise like ``rows_to_pass``. None where the rate is not
    above the limit.
    """
    error = _checked(rate, limit, confidence)
    if rate <= limit:
        return None

    def stays(trials: int) -> bool:
        # With the same events, more trials are worse: the last with these is the worst of them.
        events = _events(rate, trials)
        last = _first_with(events + 1, rate) - 1
        return lower_tail(last - events, last, 1.0 - limit) < error

    return _least_for_good(stays)


def _checked(rate: float, limit: float, confidence: float) -> float:
    """The error. Raises ValueError."""
    for name, value in (("rate", rate), ("limit", limit)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name}: expected 0 to 1, got {value}")
    return error_of(confidence)


def least(holds: Callable[[int], bool]) -> int | None:
    """A number that holds, the one below it not, by doubling and halving: the least, unless it
    holds and does not hold in turns. None where none up to MOST_TRIALS was found."""
    above = 1
    while not holds(above):
        if above == MOST_TRIALS:
            return None
        above = min(2 * above, MOST_TRIALS)
    below = above // 2
    while above - below > 1:
        middle = (below + above) // 2
        if holds(middle):
            above = middle
        else:
            below = middle
    return above


def _least_for_good(holds: Callable[[int], bool]) -> int | None:
    """The least number that holds as all above it do: a walk to the end of the stretch in which
    rounding makes it hold and not hold in turns."""
    above = least(holds)
    if above is None:
        return None
    trials = above
    while trials < above + _UNEVEN:
        if not holds(trials):
            above = trials + 1
        trials += 1
    return above


def _events(rate: float, trials: int) -> int:
    return math.floor(rate * trials + 0.5)


def _first_with(events: int, rate: float) -> int:
    """The fewest trials with so many events, or MOST_TRIALS + 1 where those are too few."""
    if _events(rate, MOST_TRIALS + 1) < events:
        return MOST_TRIALS + 1
    trials = math.ceil((events - 0.5) / rate)
    while _events(rate, trials) < events:
        trials += 1
    while _events(rate, trials - 1) >= events:
        trials -= 1
    return trials
