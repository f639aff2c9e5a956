"""The route beside what any router has to beat: one model for all, chance, length, and foresight.

All are over the rows that every rung has a score for, so that they differ in the choice alone.
"""

import math
from collections.abc import Sequence
from decimal import Decimal

from stepdown.evals.ranking import Ends, Path, path_of, place_at, value_at
from stepdown.evals.report import Policy
from stepdown.evals.rows import Row

_NOBODY = 1e-9
"""A share this small is rounding."""


def policies_of(rows: Sequence[Row], margin: float) -> tuple[Policy, ...]:
    """``route``, ``all cheap``, ``all strong``, ``random``, ``prompt length``, ``oracle``.

    ``rows`` are complete (``ranking.complete``); without any there is no policy.
    ``random`` sends each row to the first rung with one probability, ``prompt length`` those up to
    one length (of those of just that length, a random part), the others to the last: as many as
    make the expected cost the route's. Where a cost is unknown, or the first rung costs as much as
    the last, as many as make the share of strong calls the route's; where the route costs more than
    all strong, or less than all cheap, as near to it as they come. ``oracle`` takes the cheapest
    rung, in the ladder's order, that is within the margin of the reference.
    """
    if not rows:
        return ()
    last = len(rows[0].rungs) - 1
    route = _route(rows, margin)
    ends = Ends.of(rows, margin)
    return (
        route,
        _chosen("all cheap", rows, [0] * len(rows), margin),
        _chosen("all strong", rows, [last] * len(rows), margin),
        _random(ends, route),
        _matched("prompt length", path_of(ends, [-row.tokens for row in rows]), route),
        _chosen("oracle", rows, [_foresight(row, margin) for row in rows], margin),
    )


def _route(rows: Sequence[Row], margin: float) -> Policy:
    """As the rungs served, at the cost of all that the route asked, rejected tries included."""
    served = _chosen("route", rows, [row.rung for row in rows], margin)
    cost = _mean_cost([row.cost for row in rows])
    return Policy(served.name, served.down, served.quality, served.regret, cost)


def _chosen(name: str, rows: Sequence[Row], rungs: Sequence[int], margin: float) -> Policy:
    """One rung for each row, that is asked alone."""
    answers = [row.rungs[rung] for row, rung in zip(rows, rungs, strict=True)]
    down = [(row, rung) for row, rung in zip(rows, rungs, strict=True) if rung < len(row.rungs) - 1]
    regrets = sum(bool(row.regretted(margin, rung)) for row, rung in down)
    return Policy(
        name,
        len(down) / len(rows),
        math.fsum(answer.score or 0.0 for answer in answers) / len(rows),
        regrets / len(down) if down else None,
        _mean_cost([answer.cost for answer in answers]),
    )


def _foresight(row: Row, margin: float) -> int:
    return next(rung for rung in range(len(row.rungs)) if not row.regretted(margin, rung))


# ── Matched to the route ─────────────────────────────────────────────────────────────────────


def _random(ends: Ends, route: Policy) -> Policy:
    """The rows' draws are independent, each a Bernoulli trial: the variances add up."""
    mean = _matched("random", path_of(ends, [0.0] * len(ends.gains)), route)
    variance = mean.down * (1.0 - mean.down) * math.fsum(gain * gain for gain in ends.gains)
    spread = math.sqrt(variance) / len(ends.gains)
    return Policy(mean.name, mean.down, mean.quality, mean.regret, mean.cost, spread)


def _matched(name: str, path: Path, route: Policy) -> Policy:
    """The place of the path that costs what the route costs."""
    if path.cost is None or route.cost is None or path.cost[0] == path.cost[-1]:
        place = place_at(path.strong, 1.0 - route.down)
    else:
        place = place_at(path.cost, route.cost)
    down = 1.0 - value_at(path.strong, place)
    if down < _NOBODY:
        down = 0.0
    return Policy(
        name,
        down,
        value_at(path.quality, place),
        value_at(path.regrets, place) / down if down > 0.0 else None,
        None if path.cost is None else value_at(path.cost, place),
    )


def _mean_cost(costs: Sequence[Decimal | None]) -> float | None:
    """US dollars a row; None where one is unknown."""
    known = [cost for cost in costs if cost is not None]
    return float(sum(known, Decimal(0)) / len(costs)) if len(known) == len(costs) else None
