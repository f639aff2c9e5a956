"""The page's tables of the groups: regret with its interval drawn, and what else is known."""

from collections.abc import Sequence

from msgspec import Struct

from stepdown.evals.page.markup import Child, Html, el
from stepdown.evals.page.scale import round_up
from stepdown.evals.page.table import table
from stepdown.evals.report import Group, Grouping, Report
from stepdown.evals.words import (
    FEW,
    TITLES,
    UNKNOWN,
    grouping_line,
    interval,
    percent,
    rate,
    signed,
    signed_interval,
)
from stepdown.pricing.amounts import dollars
from stepdown.quality.shares import Share

MOST_GROUPS = 60
"""Of one grouping; the page says so where there are more."""
ROUND = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
"""Where the drawings may end: these, times a power of ten."""


class _Columns(Struct, frozen=True):
    """What is drawn and which columns are worth their room."""

    most: float
    """The share at the right end of the drawings."""
    overall: Share
    worst: bool
    money: bool


def groups_section(report: Report) -> Html:
    """A table for each grouping."""
    columns = _Columns(
        _most(report),
        report.overall.regret,
        any(group.unscored for grouping in report.groupings for group in grouping.groups),
        report.overall.saved is not None,
    )
    few = (
        f"Groups with fewer than {FEW} scored downgrades show no rate. Dashed: all rows."
        if report.overall.regret.trials
        else None
    )
    return el(
        "section",
        el("h2", "Where it hurts", id="groups"),
        el(
            "p",
            "Regret: of the scored downgrades of a group, the share on which the last rung was "
            f"better by more than {report.margin:g}. Wasted: of the rows kept at the last rung, "
            "the share on which a cheaper one was as good. Score change: served score less the "
            "last rung's. ",
            few,
        ),
        [_grouping(grouping, columns, report.confidence) for grouping in report.groupings],
        aria_labelledby="groups",
    )


def _grouping(grouping: Grouping, columns: _Columns, confidence: float) -> Html:
    shown = grouping.groups[:MOST_GROUPS]
    left = len(grouping.groups) - len(shown)
    note = grouping_line(grouping.each, confidence, grouping.groups)
    if left:
        note += f" The {len(shown)} largest are shown, {left:,} more are not."
    heading: list[Child] = ["", "sent down", "regret", _ends(columns)]
    heading += (
        ["worst case"] * columns.worst + ["wasted", "score change"] + ["saved"] * columns.money
    )
    cells = [_cells(group, columns) for group in shown]
    return table(TITLES[grouping.by], heading, cells, note)


def _cells(group: Group, columns: _Columns) -> Sequence[Child]:
    cells: list[Child] = [
        group.name,
        _with(percent(group.down / group.rows), f"{group.down:,} of {group.rows:,}"),
        _share(group.regret),
        _whisker(group.regret, columns),
    ]
    if columns.worst:
        cells.append(_share(group.worst) if group.unscored else UNKNOWN)
    cells.append(_share(group.wasted))
    known = group.down and group.delta
    cells.append(_with(signed(known.value), signed_interval(known)) if known else UNKNOWN)
    if columns.money:
        cells.append(_with(dollars(group.saved), percent(group.share_saved)))
    return cells


def _share(share: Share) -> Child:
    if not share.trials:
        return UNKNOWN
    counts = f"{share.events:,} of {share.trials:,}"
    return el(
        "span",
        el("b", rate(share) if share.trials >= FEW else counts),
        el("small", interval(share)),
        el("small", counts) if share.trials >= FEW else None,
        class_="stack",
    )


def _with(main: str, more: str) -> Html:
    return el("span", el("b", main), el("small", more), class_="stack")


# ── Drawing ──────────────────────────────────────────────────────────────────────────────────


def _most(report: Report) -> float:
    """Room for every interval that is not of few trials; those end at the edge."""
    regrets = [group.regret for grouping in report.groupings for group in grouping.groups]
    highs = [share.high for share in [report.overall.regret, *regrets] if share.trials >= FEW]
    return min(1.0, round_up(max(highs, default=1.0), ROUND))


def _ends(columns: _Columns, more: str = "") -> Html:
    """Where a drawing begins and ends."""
    most = f"{100 * columns.most:g} %"
    return el("span", el("span", "0"), el("span", most), class_=f"ends{more}")


def _whisker(share: Share, columns: _Columns) -> Child:
    """A dot with its interval; the numbers beside it say the same."""
    if not share.trials:
        return None
    low, high = (min(100.0, 100 * end / columns.most) for end in (share.low, share.high))
    parts = [
        el("line", x1=f"{low:.2f}%", x2=f"{high:.2f}%", y1="50%", y2="50%", class_="range"),
    ]
    if columns.overall.value is not None:
        at = f"{min(100.0, 100 * columns.overall.value / columns.most):.2f}%"
        parts.insert(0, el("line", x1=at, x2=at, y1="0", y2="100%", class_="all"))
    value = share.value
    if value is not None and share.trials >= FEW:
        parts.append(el("circle", cx=f"{100 * value / columns.most:.2f}%", cy="50%", r="4"))
    drawing = el("svg", parts, class_="whisker", aria_hidden="true")
    return el("span", drawing, _ends(columns, " narrow"))
