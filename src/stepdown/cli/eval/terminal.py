"""Shows a report on the terminal: what was found in sentences, then the tables, then the doubts."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stepdown.cli.tables import console
from stepdown.evals.report import Curve, Group, Grouping, Policy, Report
from stepdown.evals.words import (
    FEW,
    TITLES,
    UNKNOWN,
    bad_lines,
    cost_of_thousand,
    gap_line,
    grouping_line,
    headline,
    interval,
    judge_lines,
    percent,
    signed,
    simulated_line,
    spent_line,
    unscored_lines,
)
from stepdown.quality.shares import Share

MOST_GROUPS = 20
"""Of one grouping; how many are left out is said."""


def show(report: Report, *, worst_case: bool = False) -> None:
    """Print a report. ``worst_case``: what regret is if every unscored downgrade is one, too."""
    out = console()
    if report.stopped is not None:
        _say(out, [f"Not the whole set: {report.stopped}"], style="bold yellow")
    if (made_up := simulated_line(report)) is not None:
        _say(out, [made_up], style="bold yellow")
    first, second, *more = headline(report)
    _say(out, [first])
    _say(out, [second], style="bold")
    _say(out, more)
    for grouping in report.groupings:
        _say_grouping(out, grouping, report.confidence, worst_case=worst_case)
    if report.policies:
        out.print(_policies(report.policies))
    if report.curves:
        out.print(_curves(report.curves))
        _say(out, [gap] if (gap := gap_line(report.curves)) else [])
    _say(out, judge_lines(report))
    _say(out, unscored_lines(report, worst_case=worst_case))
    _say(out, bad_lines(report))
    _say(out, [spent_line(report)])


def _say(out: Console, lines: Sequence[str], style: str = "") -> None:
    for line in lines:
        out.print(Text(_printable(line), style), soft_wrap=True)


def _printable(text: str) -> str:
    """Without control characters: names and errors come from outside, and a terminal obeys."""
    return "".join(each if each.isprintable() else " " for each in text)


# ── Groups ───────────────────────────────────────────────────────────────────────────────────


def _say_grouping(out: Console, grouping: Grouping, confidence: float, *, worst_case: bool) -> None:
    headings = ["", "sent down", "regret", "interval", *["worst case"] * worst_case]
    table = _table(TITLES[grouping.by], [*headings, "wasted", "score change", "saved"])
    for group in grouping.groups[:MOST_GROUPS]:
        table.add_row(*_group(group, worst_case=worst_case))
    out.print(table)
    left = len(grouping.groups) - MOST_GROUPS
    _say(out, [f"{left:,} smaller ones are not shown."] if left > 0 else [])
    _say(out, [grouping_line(grouping.each, confidence, grouping.groups)])


def _group(group: Group, *, worst_case: bool) -> list[str | Text]:
    return [
        Text(_printable(group.name)),
        f"{group.down:,} of {group.rows:,}",
        _share(group.regret),
        interval(group.regret),
        *[interval(group.worst) if group.unscored else UNKNOWN] * worst_case,
        _share(group.wasted),
        signed(group.delta.value) if group.down and group.delta else UNKNOWN,
        percent(group.share_saved),
    ]


def _share(share: Share) -> str:
    """``14.4 % of 313``; of few only their number."""
    if not share.trials:
        return UNKNOWN
    few = share.trials < FEW
    return f"{f'{share.events:,}' if few else percent(share.value)} of {share.trials:,}"


# ── Policies and curves ──────────────────────────────────────────────────────────────────────


def _policies(policies: Sequence[Policy]) -> Table:
    headings = ["policy", "sent down", "mean score", "regret", "cost of 1,000 rows"]
    table = _table("Beside what any router has to beat", headings)
    for policy in policies:
        spread = "" if policy.spread is None else f" ± {policy.spread:.3f}"
        table.add_row(
            policy.name,
            percent(policy.down),
            f"{policy.quality:.3f}{spread}",
            percent(policy.regret),
            cost_of_thousand(policy.cost),
        )
    return table


def _curves(curves: Sequence[Curve]) -> Table:
    shares = list(curves[0].at)
    at = [f"score at {100 * float(share):g} % strong" for share in shares]
    table = _table("Ranked, from all cheap to all strong", ["by", "APGR", "CPT 50", "CPT 80", *at])
    for curve in curves:
        table.add_row(
            curve.name,
            UNKNOWN if curve.apgr is None else f"{curve.apgr:.3f}",
            *(UNKNOWN if cpt is None else f"{cpt:.1f} %" for cpt in (curve.cpt50, curve.cpt80)),
            *(f"{curve.at[share]:.3f}" for share in shares),
        )
    return table


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title)
    name, *numbers = headings
    table.add_column(name, overflow="fold")
    for heading in numbers:
        longest = max(map(len, heading.split()))
        table.add_column(heading, justify="right", min_width=longest)
    return table
