"""Measures what came of the rows: from answers and scores to a report. No I/O, no clock."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from stepdown.evals.curves import curves_of
from stepdown.evals.groups import groups_of
from stepdown.evals.policies import policies_of
from stepdown.evals.ranking import complete
from stepdown.evals.report import VERSION, Corrected, Report, Source, Spent
from stepdown.evals.rows import Row
from stepdown.routing.rules import Match


def measure(
    rows: Sequence[Row],
    *,
    margin: float,
    confidence: float,
    time: float,
    route: str,
    ladder: Sequence[str],
    rules: Any,
    policy: str,
    source: Source,
    corrected: Corrected | None = None,
    spent: Spent | None = None,
    stopped: str | None = None,
    match: Match = "all",
    setup: str = "",
    simulated: Sequence[str] = (),
) -> Report:
    """The report of these rows; what is not measured here is passed through. See ``Report``.

    ``margin`` is in score, 0..1; ``confidence`` is between 0 and 1. 14,000 rows take some seconds.
    """
    overall, groupings = groups_of(rows, margin, confidence)
    scored = complete(rows)
    return Report(
        VERSION,
        time,
        route,
        tuple(ladder),
        rules,
        policy,
        source,
        margin,
        confidence,
        overall,
        groupings,
        policies_of(scored, margin),
        curves_of(scored, margin),
        tuple(rows),
        Counter(row.scorer for row in rows if row.scorer),
        sum(row.flips for row in rows),
        sum(row.judged for row in rows),
        corrected,
        spent or Spent(),
        stopped,
        match,
        setup,
        tuple(simulated),
    )
