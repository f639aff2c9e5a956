"""Exact intervals for a rate: how often something happens, from how often it did.

For trials that are independent and alike, whatever the rate and however few the trials: no
approximation by a normal distribution, which fails where regrets are rare. Source: Clopper &
Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial",
Biometrika 26 (4).
"""

from functools import lru_cache

from stepdown.binomial import lower_bound, upper_bound

CACHED = 4_096


def exact_interval(events: int, trials: int, confidence: float) -> tuple[float, float]:
    """Where the rate is, (low, high) in 0..1; each end is wrong with half the error at most.

    Nothing is known without trials: (0.0, 1.0). Raises ValueError.
    """
    _check(events, trials)
    return _ends(events, trials, error_of(confidence) / 2.0)


def upper(events: int, trials: int, confidence: float) -> float:
    """What the rate is at most, in 0..1. One-sided. Raises ValueError."""
    _check(events, trials)
    return _ends(events, trials, error_of(confidence))[1]


def lower(events: int, trials: int, confidence: float) -> float:
    """What the rate is at least, in 0..1. One-sided. Raises ValueError."""
    _check(events, trials)
    return _ends(events, trials, error_of(confidence))[0]


def each_of(confidence: float, family: int) -> float:
    """The confidence that each of ``family`` intervals needs for all to hold at once.

    However the intervals depend on each other (Bonferroni). Raises ValueError.
    """
    if family < 1:
        raise ValueError(f"family: expected 1 or more intervals, got {family}")
    return 1.0 - error_of(confidence) / family


def error_of(confidence: float) -> float:
    """How often an interval of this confidence may be wrong. Raises ValueError."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence: expected between 0 and 1, got {confidence}")
    return 1.0 - confidence


def _check(events: int, trials: int) -> None:
    if trials < 0:
        raise ValueError(f"trials: expected 0 or more, got {trials}")
    if not 0 <= events <= trials:
        raise ValueError(f"events: expected 0 to {trials}, as there are trials, got {events}")


@lru_cache(CACHED)
def _ends(events: int, trials: int, error: float) -> tuple[float, float]:
    """Reports ask for the same few counts again and again."""
    return lower_bound(events, trials, error), upper_bound(events, trials, error)
