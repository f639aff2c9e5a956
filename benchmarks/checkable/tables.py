"""Prints figures as tables for a terminal."""

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from checkable.curve import Curve
from checkable.figures import Estimate, Row

COLUMNS = (
    "policy",
    "right %",
    "strong calls",
    "dropped early",
    "$ / 1,000",
    "s / prompt",
    "over random climb",
    "over random router",
)
TENTHS = 10


def table(title: str, rows: Sequence[Row]) -> Table:
    """One line a policy; leads are in percentage points, all with standard errors."""
    made = Table(title=title, title_justify="left")
    for column in COLUMNS:
        first = column == "policy"
        made.add_column(column, justify="left" if first else "right", no_wrap=first)
    for row in rows:
        made.add_row(
            row.policy,
            percent(row.accuracy),
            f"{row.strong_calls} ({row.strong_calls / row.prompts:.0%})",
            "" if row.early_drops is None else str(row.early_drops),
            f"{row.cost * 1000:.4f}",
            f"{row.seconds:.2f}",
            points(row.over_climb),
            points(row.over_router),
        )
    return made


def curve(console: Console, made: Curve) -> None:
    """The sweep over all thresholds, at every tenth of climbs, and what lies below it."""
    shown = Table(title="Every logprob threshold", title_justify="left")
    for column in ("climbs", "below", "right %", "random climb %", "$ / 1,000"):
        shown.add_column(column, justify="right")
    last = len(made.points) - 1
    for tenth in range(TENTHS + 1):
        point = made.points[round(tenth * last / TENTHS)]
        shown.add_row(
            f"{point.climbed:.0%}",
            f"{point.threshold:.3f}",
            f"{point.accuracy:.1%}",
            f"{point.random_accuracy:.1%}",
            f"{point.cost * 1000:.4f}",
        )
    console.print(shown)
    console.print(
        f"Area between the curve and the random line: {points(made.area)} points; gap recovered "
        f"on average {plain(made.recovered)} (random 0.5); AUC {plain(made.auc)}.",
        highlight=False,
    )


def percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f}±{100 * estimate.error:.1f}"


def points(estimate: Estimate | None) -> str:
    if estimate is None or math.isnan(estimate.value):
        return ""
    return f"{100 * estimate.value:+.1f}±{100 * estimate.error:.1f}"


def plain(estimate: Estimate) -> str:
    return f"{estimate.value:.3f}±{estimate.error:.3f}"
