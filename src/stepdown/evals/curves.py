"""Cost-quality curves: how good the answers are as more of the rows go to the last rung.

Every curve ranks the rows by how gladly a policy sends them down, and says nothing of where its
dial stands. Definitions at ``report.Curve``; source: RouteLLM, arXiv 2406.18665, section 3.
A random ranking recovers half of the gap on average, at any set of rows: an average performance gap
recovered of 0.5, with 50 and 80 % of strong calls for 50 and 80 % of the gap. It is measured here
all the same, over shuffles, so that the figures beside it are known to be made alike.
"""

import math
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

from stepdown.evals.ranking import Ends, Path, lead_of, path_in_order, path_of, place_at, value_at
from stepdown.evals.report import Curve, Point
from stepdown.evals.rows import Row
from stepdown.routing.rules import DEFAULT

MOST_POINTS = 201
SHUFFLES = 100
SEED = 20240626
SHARES = (0.2, 0.5, 0.8)
"""Shares of strong calls at which the quality is told."""


def curves_of(rows: Sequence[Row], margin: float) -> tuple[Curve, ...]:
    """``route``, ``prompt length``, ``random`` and ``oracle``; none where there is no row.

    ``rows`` are complete (``ranking.complete``).
    """
    if not rows:
        return ()
    ends = Ends.of(rows, margin)
    return (
        curve("route", ends, [willingness(row) for row in rows]),
        curve("prompt length", ends, [-row.tokens for row in rows]),
        random_curve(ends),
        curve("oracle", ends, [-lead_of(row, 0) for row in rows]),
    )


def curve(name: str, ends: Ends, preference: Sequence[float]) -> Curve:
    """The curve of a ranking: the higher a row's preference, the longer it stays at the first rung.

    Rows of equal preference go in a random order, of which this is the expectation.
    """
    path = path_of(ends, preference)
    apgr, cpt50, cpt80 = _summary(path)
    return Curve(name, _points(path), apgr, cpt50, cpt80, _at(path))


def random_curve(ends: Ends, shuffles: int = SHUFFLES, seed: int = SEED) -> Curve:
    """The mean of the curves of so many shuffles of the rows, and of their figures."""
    rng = random.Random(seed)
    order = list(range(len(ends.gains)))
    curves: list[Curve] = []
    for _ in range(shuffles):
        rng.shuffle(order)
        path = path_in_order(ends, order)
        curves.append(Curve("random", _points(path), *_summary(path), _at(path)))
    return Curve(
        "random",
        tuple(map(_mean_point, zip(*(each.points for each in curves), strict=True))),
        _mean([each.apgr for each in curves]),
        _mean([each.cpt50 for each in curves]),
        _mean([each.cpt80 for each in curves]),
        {key: math.fsum(each.at[key] for each in curves) / shuffles for key in curves[0].at},
    )


def willingness(row: Row) -> float:
    """How gladly the route sends a row down: most gladly those that it did, the cheapest first.

    Then those that it kept because nothing spoke for another rung, or not clearly; last those that
    a rule, a session or a failed check holds at the last rung.
    """
    if row.downgraded:
        return float(len(row.rungs) - row.rung)
    unclaimed = row.decided == row.rung and (row.ambiguous or row.decision == DEFAULT)
    return 0.5 if unclaimed else 0.0


def _summary(path: Path) -> tuple[float | None, float | None, float | None]:
    """The average performance gap recovered, and the percentages of calls for 50 and 80 %."""
    recovered = path.recovered
    if recovered is None:
        return None, None, None
    area = math.fsum(
        (right - left) * (low + high) / 2
        for (left, right), (low, high) in zip(
            pairwise(path.strong), pairwise(recovered), strict=True
        )
    )
    half, most = (100 * value_at(path.strong, place_at(recovered, wanted)) for wanted in (0.5, 0.8))
    return area, half, most


def _at(path: Path) -> Mapping[str, float]:
    return {str(share): value_at(path.quality, place_at(path.strong, share)) for share in SHARES}


def _points(path: Path) -> tuple[Point, ...]:
    vertices = len(path.strong)
    most = min(vertices, MOST_POINTS)
    places = [place * (vertices - 1) // (most - 1) for place in range(most)]
    costs = path.cost
    return tuple(
        Point(path.strong[place], path.quality[place], None if costs is None else costs[place])
        for place in places
    )


def _mean_point(points: Sequence[Point]) -> Point:
    costs = [point.cost for point in points]
    return Point(points[0].strong, _known_mean([point.quality for point in points]), _mean(costs))


def _mean(values: Sequence[float | None]) -> float | None:
    """None where one is unknown: none of them is, or all are."""
    known = [value for value in values if value is not None]
    return _known_mean(known) if len(known) == len(values) else None


def _known_mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
