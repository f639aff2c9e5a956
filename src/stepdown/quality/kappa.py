"""Cohen's kappa: how far two raters agree beyond what their habits alone would give.

Source: Cohen 1960, "A coefficient of agreement for nominal scales", Educational and Psychological
Measurement 20 (1).
"""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

from msgspec import Struct

from stepdown.quality.intervals import exact_interval


class Kappa(Struct, frozen=True):
    """1: always the same; 0: as often as chance; below: less often. None where both raters always
    said one and the same thing, or nothing."""

    value: float | None = None
    low: float = -1.0
    high: float = 1.0


def kappa(counts: Sequence[Sequence[int]], confidence: float) -> Kappa:
    """From a square table: how often one rater said the row's thing, the other the column's.

    The interval is the hull of two. One is the large-sample one (Fleiss, Cohen & Everitt 1969,
    "Large sample standard errors of kappa and weighted kappa", Psychological Bulletin 72 (5)); by
    itself it is far too narrow where the raters nearly always agree, and a point where they always
    do. The other is the exact interval of the agreement, at the chance agreement that was found. By
    simulation the hull holds as often as stated, from 20 ratings on.

    Raises ValueError.
    """
    trials = sum(map(sum, counts))
    agreed = sum(row[place] for place, row in enumerate(counts))
    low, high = exact_interval(agreed, trials, confidence)
    if not trials:
        return Kappa()
    rows = [sum(row) / trials for row in counts]
    columns = [sum(column) / trials for column in zip(*counts, strict=True)]
    chance = sum(row * column for row, column in zip(rows, columns, strict=True))
    if chance == 1.0:
        return Kappa()
    value = (agreed / trials - chance) / (1.0 - chance)
    error = _standard_error(counts, rows, columns, chance)
    reach = NormalDist().inv_cdf((1.0 + confidence) / 2.0) * error
    return Kappa(
        value,
        max(-1.0, min(value - reach, (low - chance) / (1.0 - chance))),
        min(1.0, max(value + reach, (high - chance) / (1.0 - chance))),
    )


def _standard_error(
    counts: Sequence[Sequence[int]],
    rows: Sequence[float],
    columns: Sequence[float],
    chance: float,
) -> float:
    """By the delta method: from how much kappa moves with each cell's share."""
    trials = sum(map(sum, counts))
    agreement = sum(row[place] for place, row in enumerate(counts)) / trials
    mean = square = 0.0
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            slope = (agreement - 1.0) * (columns[i] + rows[j]) / (1.0 - chance) ** 2
            if i == j:
                slope += 1.0 / (1.0 - chance)
            mean += count / trials * slope
            square += count / trials * slope**2
    return sqrt(max(0.0, square - mean**2) / trials)
