"""The page's figure of the cost-quality curves, and its table of their figures."""

from collections.abc import Sequence

from msgspec import Struct

from stepdown.evals.page.markup import Html, el
from stepdown.evals.page.scale import Scale
from stepdown.evals.page.table import table
from stepdown.evals.report import Curve, Policy, Report
from stepdown.evals.words import A_THOUSAND, UNKNOWN, gap_line

MARKED = ("all cheap", "all strong", "route")
"""The policies that stand in the figure as points."""


class _Axis(Struct, frozen=True):
    """What goes to the right: a point's and a policy's value on it, and what it is called."""

    title: str
    cost: bool

    def of_point(self, strong: float, cost: float | None) -> float:
        return (cost or 0.0) * A_THOUSAND if self.cost else 100 * strong

    def of_policy(self, policy: Policy) -> float | None:
        if not self.cost:
            return 100 * (1.0 - policy.down)
        return None if policy.cost is None else policy.cost * A_THOUSAND


COST = _Axis("cost of 1,000 rows in US dollars", cost=True)
CALLS = _Axis("share of rows answered by the last rung, in percent", cost=False)


def curves_section(report: Report) -> Html | None:
    """The curves by cost where every cost is known, and by the share of strong calls."""
    if not report.curves:
        return None
    by_calls = _figure(report, CALLS)
    priced = all(point.cost is not None for curve in report.curves for point in curve.points)
    return el(
        "section",
        el("h2", "What quality costs", id="curves"),
        el(
            "p",
            "Each line ranks the rows by how gladly it would send them down, and turns a dial from "
            "all cheap to all strong. What does not rise above ",
            el("em", "random"),
            " is worth no more than chance; ",
            el("em", "oracle"),
            " ranks by the scores themselves, which nobody knows beforehand.",
        ),
        [_figure(report, COST), el("details", el("summary", "By share of strong calls"), by_calls)]
        if priced
        else by_calls,
        _figures(report.curves),
        aria_labelledby="curves",
    )


def _figure(report: Report, axis: _Axis) -> Html:
    points = [point for curve in report.curves for point in curve.points]
    marked = [
        (policy, value)
        for policy in report.policies
        if policy.name in MARKED and (value := axis.of_policy(policy)) is not None
    ]
    right = Scale.around(
        [axis.of_point(point.strong, point.cost) for point in points]
        + [value for _, value in marked]
    )
    up = Scale.around([point.quality for point in points] + [each.quality for each, _ in marked])
    drawing = el(
        "svg",
        _grid(right, up),
        el(
            "svg",
            [_line(curve, axis, right, up) for curve in reversed(report.curves)],
            viewBox="0 0 100 100",
            preserveAspectRatio="none",
            width="100%",
            height="100%",
        ),
        [
            _mark(policy, right.percent(value), up.percent(policy.quality))
            for policy, value in marked
        ],
        class_="plot",
        role="img",
        aria_label=_described(report, axis),
    )
    legend = [
        el(
            "li",
            el(
                "svg",
                el("line", x1="0", x2="100%", y1="50%", y2="50%", class_=_kind(curve)),
                class_="swatch",
                aria_hidden="true",
            ),
            curve.name,
        )
        for curve in report.curves
    ]
    return el(
        "figure",
        el("figcaption", "Mean score by ", axis.title),
        el("div", drawing, class_="room"),
        el("p", axis.title, " →", class_="axis"),
        el("ul", legend, class_="legend"),
    )


def _grid(right: Scale, up: Scale) -> list[Html]:
    lines = [
        part
        for value, text in up.ticks()
        for y in [f"{100 - up.percent(value):.2f}%"]
        for part in (
            el("line", x1="0", x2="100%", y1=y, y2=y, class_="grid"),
            el("text", text, x="-8", y=y, dy="0.35em", text_anchor="end"),
        )
    ]
    marks = [
        el(
            "text",
            text,
            x=f"{right.percent(value):.2f}%",
            y="100%",
            dy="1.4em",
            text_anchor="middle",
        )
        for value, text in right.ticks()
    ]
    base = el("line", x1="0", x2="100%", y1="100%", y2="100%", class_="base")
    return [*lines, *marks, base]


def _line(curve: Curve, axis: _Axis, right: Scale, up: Scale) -> Html:
    places = " ".join(
        f"{right.percent(axis.of_point(point.strong, point.cost)):.2f},"
        f"{100 - up.percent(point.quality):.2f}"
        for point in curve.points
    )
    return el("polyline", points=places, class_=_kind(curve))


def _mark(policy: Policy, right: float, up: float) -> Html:
    """A point with its name on the side that has room."""
    x, y = f"{right:.2f}%", f"{100 - up:.2f}%"
    anchor = "start" if right < 50 else "end"
    below = policy.name != "route"
    return el(
        "g",
        el("circle", cx=x, cy=y, r="5"),
        el(
            "text",
            policy.name,
            x=x,
            y=y,
            dx="0.6em" if anchor == "start" else "-0.6em",
            dy="1.3em" if below else "-0.7em",
            text_anchor=anchor,
        ),
        class_=f"mark {'other' if below else 'own'}",
    )


def _kind(curve: Curve) -> str:
    return f"curve {curve.name.replace(' ', '-')}"


def _described(report: Report, axis: _Axis) -> str:
    cheap, strong = report.curves[0].points[0], report.curves[0].points[-1]
    told = "; ".join(
        f"{curve.name} has {curve.at['0.5']:.3f} with half of the rows at the last rung"
        for curve in report.curves
        if "0.5" in curve.at
    )
    return (
        f"Line chart of the mean score by {axis.title}. It goes from {cheap.quality:.3f}, all "
        f"cheap, to {strong.quality:.3f}, all strong. {told}."
    )


# ── The table ────────────────────────────────────────────────────────────────────────────────


def _figures(curves: Sequence[Curve]) -> Html:
    shares = list(curves[0].at)
    heading = [
        "ranked by",
        "APGR",
        "CPT 50 %",
        "CPT 80 %",
        *(f"score at {100 * float(share):g} % strong" for share in shares),
    ]
    cells = [
        [
            curve.name,
            UNKNOWN if curve.apgr is None else f"{curve.apgr:.3f}",
            *(UNKNOWN if cpt is None else f"{cpt:.1f} %" for cpt in (curve.cpt50, curve.cpt80)),
            *(f"{curve.at[share]:.3f}" for share in shares),
        ]
        for curve in curves
    ]
    return el(
        "div",
        table("The curves in figures", heading, cells),
        el(
            "p",
            "APGR: the share of the gap between all cheap and all strong that is recovered, on "
            "average over the share of strong calls; .500 is chance. CPT: the percentage of strong "
            "calls that recovers 50 or 80 % of the gap. ",
            gap_line(curves),
            class_="note",
        ),
    )
