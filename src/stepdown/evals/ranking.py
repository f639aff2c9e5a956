"""What a ranking of the rows gives: the foremost answered by the first rung, the rest by the last.

How many are foremost is a dial, from all cheap to all strong. Rows of equal rank move together, in
a random order: what is said of a place among them is the expectation, which is a straight line.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Self

from msgspec import Struct

from stepdown.evals.rows import Row


def complete(rows: Iterable[Row]) -> list[Row]:
    """The rows in which every rung has a score: those that any policy can be judged on."""
    return [row for row in rows if all(rung.score is not None for rung in row.rungs)]


def lead_of(row: Row, rung: int) -> float:
    """The reference's lead over a rung of a complete row."""
    lead = row.lead(rung)
    assert lead is not None
    return lead


class Ends(Struct, frozen=True):
    """The rows with all of them at the first rung, and what changes as each goes to the last.

    ``quality`` is the mean score and ``cost`` US dollars a row, all cheap. ``gains`` are in score,
    ``extras`` in US dollars (None where a cost is unknown), ``regretted`` says which cheap answers
    are regrets; each in the order of the rows.
    """

    quality: float
    cost: float | None
    gains: Sequence[float]
    extras: Sequence[float] | None
    regretted: Sequence[bool]

    @classmethod
    def of(cls, rows: Sequence[Row], margin: float) -> Self:
        """``rows`` are complete, and there is at least one."""
        gains = [lead_of(row, 0) for row in rows]
        strong = math.fsum(row.reference.score or 0.0 for row in rows)
        pairs = [(row.rungs[0].cost, row.reference_cost) for row in rows]
        known = [(float(a), float(b)) for a, b in pairs if a is not None and b is not None]
        priced = len(known) == len(rows)
        return cls(
            (strong - math.fsum(gains)) / len(rows),
            math.fsum(cheap for cheap, _ in known) / len(rows) if priced else None,
            gains,
            [strong - cheap for cheap, strong in known] if priced else None,
            [bool(row.regretted(margin, 0)) for row in rows],
        )


class Path(Struct, frozen=True):
    """From all cheap to all strong: vertices with straight lines between them.

    A place on it is a number: 1.5 is half-way between the second and the third vertex. ``strong``
    is the share of rows at the last rung, ``quality`` the mean score, ``cost`` US dollars a row,
    ``regrets`` the share of rows that are answered cheaply and regretted.
    """

    strong: Sequence[float]
    quality: Sequence[float]
    cost: Sequence[float] | None
    regrets: Sequence[float]

    @property
    def recovered(self) -> list[float] | None:
        """The performance gap recovered at each vertex; None where there is no gap to recover."""
        cheap, gap = self.quality[0], self.quality[-1] - self.quality[0]
        return [(quality - cheap) / gap for quality in self.quality] if gap > _NOTHING else None


_NOTHING = 1e-12
"""A gap this small is rounding."""


def path_of(ends: Ends, preference: Sequence[float]) -> Path:
    """The path on which the rows of the highest preference are the last to leave the first rung."""
    order = sorted(range(len(preference)), key=preference.__getitem__)
    blocks = groupby(order, key=preference.__getitem__)
    return _path(ends, order, [0, *accumulate(sum(1 for _ in block) for _, block in blocks)])


def path_in_order(ends: Ends, order: Sequence[int]) -> Path:
    """The path on which the rows go to the last rung one by one, in this order of their places."""
    return _path(ends, order, range(len(order) + 1))


def _path(ends: Ends, order: Sequence[int], vertices: Sequence[int]) -> Path:
    rows = len(order)

    def means(total: float, changes: Iterable[float]) -> list[float]:
        totals = list(accumulate(changes, initial=total))
        return [totals[vertex] / rows for vertex in vertices]

    cost = None
    if ends.cost is not None and ends.extras is not None:
        cost = means(ends.cost * rows, map(ends.extras.__getitem__, order))
    return Path(
        [vertex / rows for vertex in vertices],
        means(ends.quality * rows, map(ends.gains.__getitem__, order)),
        cost,
        means(sum(ends.regretted), (-ends.regretted[place] for place in order)),
    )


def place_at(values: Sequence[float], wanted: float) -> float:
    """The first place at which the values are as wanted; the nearer end where they never are."""
    for place, (before, after) in enumerate(pairwise(values)):
        if before <= wanted <= after or after <= wanted <= before:
            return place if before == after else place + (wanted - before) / (after - before)
    nearer_start = abs(values[0] - wanted) <= abs(values[-1] - wanted)
    return 0.0 if nearer_start else len(values) - 1.0


def value_at(values: Sequence[float], place: float) -> float:
    """What the values are at a place."""
    before = min(int(place), len(values) - 1)
    after = min(before + 1, len(values) - 1)
    return values[before] + (place - before) * (values[after] - values[before])
