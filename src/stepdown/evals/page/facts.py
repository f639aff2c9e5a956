"""The page's plain facts: the headline, the judge, what is left out, and how it was made."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
import yaml

from stepdown.evals.page.markup import Child, Html, el
from stepdown.evals.report import Corrected, Report
from stepdown.evals.words import (
    FEW,
    UNKNOWN,
    bad_lines,
    headline,
    interval,
    judge_lines,
    level,
    percent,
    rate,
    signed,
    signed_interval,
    simulated_line,
    spent_line,
    strong,
    unscored_lines,
)
from stepdown.quality.shares import Share


def header(report: Report) -> Html:
    """What was evaluated, the figures that matter, and the same in sentences."""
    return el(
        "header",
        el("p", "Stepdown evaluation", class_="kind"),
        el("h1", report.route, " on ", report.source.name, dir="auto"),
        el("p", " → ".join(report.ladder), class_="ladder"),
        el("p", el("strong", "Not the whole set: "), report.stopped, class_="warning")
        if report.stopped
        else None,
        el("p", simulated_line(report) or "", class_="warning") if report.simulated else None,
        el("dl", _tiles(report), class_="tiles"),
        el("div", [el("p", sentence) for sentence in headline(report)], class_="told"),
    )


def _tiles(report: Report) -> list[Html | None]:
    overall, confidence = report.overall, level(report.confidence)
    regret, delta = overall.regret, overall.delta
    return [
        _tile("Downgrade regret", *_regret(regret, confidence), main=True),
        _corrected(report.corrected),
        _tile(
            "Sent down",
            percent(overall.down / overall.rows) if overall.rows else UNKNOWN,
            f"{overall.down:,} of {overall.rows:,} rows",
        ),
        _tile(
            "Saved",
            percent(overall.share_saved),
            "a cost is unknown"
            if overall.share_saved is None
            else f"beside {strong(report)} alone",
        ),
        _tile(
            "Score change",
            UNKNOWN if delta is None else signed(delta.value),
            "nothing is scored" if delta is None else f"{confidence}: {signed_interval(delta)}",
        ),
    ]


def _regret(regret: Share, confidence: str) -> tuple[str, str]:
    if not regret.trials:
        return UNKNOWN, "no scored downgrade"
    counts = f"{regret.events:,} of {regret.trials:,}"
    if regret.trials < FEW:
        return "too few to say", f"{counts}; {confidence}: {interval(regret)}"
    return rate(regret), f"{confidence}: {interval(regret)}; {counts}"


def _corrected(corrected: Corrected | None) -> Html | None:
    if corrected is None:
        return None
    known = interval(Share(0, 1, corrected.low, corrected.high))
    more = f"{known}; by {corrected.labelled:,} labelled pairs"
    return _tile("Without the judge's errors", percent(corrected.value), more)


def _tile(name: str, value: str, more: str, *, main: bool = False) -> Html:
    return el(
        "div",
        el("dt", name),
        el("dd", value, class_="value"),
        el("dd", more),
        class_="main" if main else None,
    )


# ── What is not sure ─────────────────────────────────────────────────────────────────────────


def doubts_section(report: Report) -> Html:
    """The judge's errors, the unscored rows with the worst case, and the rows left out."""
    parts = [
        _lines("The judge", judge_lines(report)),
        _lines("Not scored", unscored_lines(report)),
        _lines("Left out", bad_lines(report)),
    ]
    told: list[Child] = [part for part in parts if part is not None]
    if not told:
        told = [el("p", "Every row could be used and is scored, and no judge was asked.")]
    return el("section", el("h2", "What is not sure", id="doubts"), told, aria_labelledby="doubts")


def _lines(title: str, lines: Sequence[str]) -> Html | None:
    if not lines:
        return None
    return el("div", el("h3", title), [el("p", line, dir="auto") for line in lines])


# ── How it was made ──────────────────────────────────────────────────────────────────────────


def footer(report: Report) -> Html:
    """What one needs to make the report again."""
    scorers = ", ".join(f"{name}: {count:,}" for name, count in report.scorers.items())
    facts = {
        "made": datetime.fromtimestamp(report.time, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "data": f"{report.source.name} ({report.source.format}), {report.source.rows:,} rows",
        "SHA-256": report.source.digest or UNKNOWN,
        "margin": f"{report.margin:g}",
        "confidence": level(report.confidence),
        "policy": report.policy,
        "scored by": scorers or UNKNOWN,
        "the run": spent_line(report),
    }
    return el(
        "footer",
        el("h2", "How it was made"),
        el("dl", _pairs(facts.items()), class_="facts"),
        el("details", el("summary", "The route's rules"), el("pre", _rules(report), tabindex="0")),
    )


def _pairs(facts: Iterable[tuple[str, str]]) -> list[Html]:
    return [part for name, fact in facts for part in (el("dt", name), el("dd", fact, dir="auto"))]


def _rules(report: Report) -> str:
    """As the configuration would write them: a preset's name, or YAML."""
    if isinstance(report.rules, str):
        return report.rules
    plain = msgspec.to_builtins(report.rules, str_keys=True)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
