"""How the route did: on all rows, and by rule, rung, tag and length of the prompt.

What is counted is defined at ``report.Group``. An interval is read off as if it were the only one;
with twenty rules, one of twenty 95 % intervals is expected to miss. So the error of a grouping is
split over its groups (Bonferroni), each quantity for itself: over the groups that have any trial of
it.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from stepdown.evals.order import shuffled
from stepdown.evals.report import By, Group, Grouping, Mean
from stepdown.evals.rows import Row
from stepdown.quality.intervals import each_of
from stepdown.quality.means import mean_interval
from stepdown.quality.shares import share

OVERALL = "overall"
BANDS = ((0, "0–99"), (100, "100–499"), (500, "500–1999"), (2000, "2000+"))
"""Tokens of a prompt: from where on, and what the band is called."""


def groups_of(
    rows: Sequence[Row], margin: float, confidence: float
) -> tuple[Group, tuple[Grouping, ...]]:
    """The group of all rows, and the groupings by rule, rung, tag and length.

    A row with several tags is in several groups, one without tags in none. A grouping without
    groups is left out. Rungs and lengths are in their own order, rules and tags by their rows, most
    first.
    """
    rows = shuffled(rows)  # the interval of a mean needs it, see quality.means
    overall = _group(OVERALL, _tally(rows, margin), _Confidence.alone(confidence))
    parted: Mapping[By, Mapping[str, Sequence[Row]]] = {
        "rule": _most_first(_parts(rows, lambda row: [row.decision])),
        "rung": _rungs(rows),
        "tag": _most_first(_parts(rows, lambda row: dict.fromkeys(row.tags))),
        "length": _lengths(rows),
    }
    return overall, tuple(
        _grouping(by, parts, margin, confidence) for by, parts in parted.items() if parts
    )


def _grouping(
    by: By, parts: Mapping[str, Sequence[Row]], margin: float, confidence: float
) -> Grouping:
    tallies = {name: _tally(rows, margin) for name, rows in parts.items()}
    split = _Confidence.split(confidence, list(tallies.values()))
    groups = tuple(_group(name, tally, split) for name, tally in tallies.items())
    return Grouping(by, groups, split.regret)


# ── Parting ──────────────────────────────────────────────────────────────────────────────────


def _parts(
    rows: Sequence[Row], names_of: Callable[[Row], Iterable[str]]
) -> dict[str, Sequence[Row]]:
    parts: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for name in names_of(row):
            parts[name].append(row)
    return dict(parts)


def _most_first(parts: Mapping[str, Sequence[Row]]) -> dict[str, Sequence[Row]]:
    return dict(sorted(parts.items(), key=lambda part: (-len(part[1]), part[0])))


def _rungs(rows: Sequence[Row]) -> dict[str, Sequence[Row]]:
    parts = _parts(rows, lambda row: [row.served.model])
    return dict(sorted(parts.items(), key=lambda part: part[1][0].rung))


def _lengths(rows: Sequence[Row]) -> dict[str, Sequence[Row]]:
    parts = _parts(rows, lambda row: [band_of(row.tokens)])
    return {name: parts[name] for _, name in BANDS if name in parts}


def band_of(tokens: int) -> str:
    """The length band of a prompt of so many tokens."""
    return next(name for start, name in reversed(BANDS) if tokens >= start)


# ── Counting ─────────────────────────────────────────────────────────────────────────────────


class _Tally(Struct):
    rows: int = 0
    down: int = 0
    scored: int = 0
    """Of those sent down."""
    regrets: int = 0
    kept: int = 0
    """At the last rung, with a score of every rung."""
    wasted: int = 0
    risked: int = 0
    deltas: list[float] = []
    unpriced: int = 0
    cost: Decimal = Decimal(0)
    reference_cost: Decimal = Decimal(0)


def _tally(rows: Sequence[Row], margin: float) -> _Tally:
    tally = _Tally()
    for row in rows:
        tally.rows += 1
        _count_money(tally, row)
        if (lead := row.lead()) is not None:
            tally.deltas.append(-lead)
        if row.downgraded:
            _count_downgrade(tally, row, margin)
        else:
            _count_kept(tally, row, margin)
    return tally


def _count_money(tally: _Tally, row: Row) -> None:
    if row.cost is None or row.reference_cost is None:
        tally.unpriced += 1
    else:
        tally.cost += row.cost
        tally.reference_cost += row.reference_cost


def _count_downgrade(tally: _Tally, row: Row, margin: float) -> None:
    tally.down += 1
    regretted = row.regretted(margin)
    if regretted is not None:
        tally.scored += 1
        tally.regrets += regretted


def _count_kept(tally: _Tally, row: Row, margin: float) -> None:
    cheaper = [row.regretted(margin, rung) for rung in range(len(row.rungs) - 1)]
    if cheaper and None not in cheaper:
        tally.kept += 1
        tally.wasted += not all(cheaper)
        tally.risked += bool(cheaper[0])


# ── Intervals ────────────────────────────────────────────────────────────────────────────────


class _Confidence(Struct, frozen=True):
    """That of one group's interval, by quantity."""

    regret: float
    worst: float
    kept: float
    delta: float

    @classmethod
    def alone(cls, confidence: float) -> "_Confidence":
        return cls(confidence, confidence, confidence, confidence)

    @classmethod
    def split(cls, confidence: float, tallies: Sequence[_Tally]) -> "_Confidence":
        def over(trials: Iterable[int]) -> float:
            return each_of(confidence, max(1, sum(map(bool, trials))))

        return cls(
            over(tally.scored for tally in tallies),
            over(tally.down for tally in tallies),
            over(tally.kept for tally in tallies),
            over(len(tally.deltas) for tally in tallies),
        )


def _group(name: str, tally: _Tally, confidence: _Confidence) -> Group:
    unscored = tally.down - tally.scored
    priced = tally.unpriced < tally.rows
    return Group(
        name,
        tally.rows,
        tally.down,
        share(tally.regrets, tally.scored, confidence.regret),
        unscored,
        share(tally.regrets + unscored, tally.down, confidence.worst),
        share(tally.wasted, tally.kept, confidence.kept),
        share(tally.risked, tally.kept, confidence.kept),
        _mean(tally.deltas, confidence.delta),
        tally.cost if priced else None,
        tally.reference_cost if priced else None,
        tally.unpriced,
    )


def _mean(deltas: Sequence[float], confidence: float) -> Mean | None:
    if not deltas:
        return None
    low, high = mean_interval(deltas, -1.0, 1.0, confidence)
    return Mean(math.fsum(deltas) / len(deltas), low, high, len(deltas))
