"""The exact binomial tail, and the bounds on a rate that follow from it."""

import math

_NEGLIGIBLE = 1e-17
_HALVINGS = 60


def lower_tail(events: int, trials: int, rate: float) -> float:
    """The probability of at most ``events`` in ``trials``, each with probability ``rate``.

    Relative error below 1e-6 for up to a million trials. Sums from the largest term downwards, so
    takes some multiples of the square root of ``trials`` steps at most where the tail is small.
    """
    if events >= trials or rate <= 0.0:
        return 1.0
    if events < 0 or rate >= 1.0:
        return 0.0
    largest = min(events, int((trials + 1) * rate))
    odds = rate / (1.0 - rate)
    total = term = 1.0
    for count in range(largest, 0, -1):
        term *= count / ((trials - count + 1) * odds)
        total += term
        if term < _NEGLIGIBLE * total:
            break
    term = 1.0
    for count in range(largest, events):
        term *= (trials - count) * odds / (count + 1)
        total += term
        if term < _NEGLIGIBLE * total:
            break
    return min(1.0, total * math.exp(_log_probability(largest, trials, rate)))


def upper_bound(events: int, trials: int, error: float) -> float:
    """The one-sided upper bound on a rate, wrong with probability ``error`` at most.

    Source: Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the
    case of the binomial", Biometrika 26 (4).
    """
    if events >= trials:
        return 1.0
    low, high = events / trials, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if lower_tail(events, trials, middle) > error:
            low = middle
        else:
            high = middle
    return high


def lower_bound(events: int, trials: int, error: float) -> float:
    """The one-sided lower bound on a rate, wrong with probability ``error`` at most.

    The upper bound on what did not happen, from the other side; source as there.
    """
    return 1.0 - upper_bound(trials - events, trials, error)


def _log_probability(events: int, trials: int, rate: float) -> float:
    ways = math.lgamma(trials + 1) - math.lgamma(events + 1) - math.lgamma(trials - events + 1)
    return ways + events * math.log(rate) + (trials - events) * math.log1p(-rate)
