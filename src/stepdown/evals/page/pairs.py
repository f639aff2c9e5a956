"""The page's list of the worst downgrades: what was asked, served, and said by the reference."""

import json
from collections.abc import Callable, Iterable, Sequence

from stepdown.evals.page.markup import Html, el
from stepdown.evals.report import Report
from stepdown.evals.rows import TEXT_SHOWN, Row, Rung
from stepdown.pricing.amounts import dollars

MOST_PAIRS = 200


def worst_of(report: Report) -> list[Row]:
    """The regretted downgrades, the greatest lead of the reference first."""
    regretted = [row for row in report.rows if row.downgraded and row.regretted(report.margin)]
    return sorted(regretted, key=lambda row: (-(row.lead() or 0.0), row.line))


def pairs_section(report: Report) -> Html:
    """A list that works without scripts; with them, one can filter it and step through it."""
    worst = worst_of(report)
    shown = worst[:MOST_PAIRS]
    return el(
        "section",
        el("h2", "The worst downgrades", id="worst"),
        el("p", _told(report, len(worst))),
        _controls(shown) if shown else None,
        el("ol", [_pair(place, row) for place, row in enumerate(shown, 1)], class_="pairs")
        if shown
        else None,
        aria_labelledby="worst",
    )


def _told(report: Report, regretted: int) -> str:
    if not report.overall.regret.trials:
        return "No downgrade is scored."
    if not regretted:
        return "None of the scored downgrades is a regret."
    told = f"{regretted:,} of the scored downgrades are regrets, the greatest difference first."
    if regretted > MOST_PAIRS:
        told += f" The first {MOST_PAIRS} are shown."
    return f"{told} Texts are cut at {TEXT_SHOWN:,} characters."


def _controls(shown: Sequence[Row]) -> Html:
    """Hidden until the script shows it."""
    return el(
        "form",
        _choice("rule", shown, lambda row: [row.decision]),
        _choice("tag", shown, lambda row: row.tags),
        el("button", "← Previous", type="button", data_step="-1"),
        el("button", "Next →", type="button", data_step="1"),
        el("output", f"{len(shown)} shown"),
        class_="controls",
        hidden=True,
    )


def _choice(
    name: str, shown: Sequence[Row], names_of: Callable[[Row], Iterable[str]]
) -> Html | None:
    names = sorted({each for row in shown for each in names_of(row)})
    if not names:
        return None
    options = [el("option", f"every {name}", value="")]
    # The index stands for the name: a name may be empty, or hold anything.
    options += [el("option", each, value=place, data_name=each) for place, each in enumerate(names)]
    return el("label", name, " ", el("select", options, name=name))


def _pair(place: int, row: Row) -> Html:
    lead = row.lead() or 0.0
    return el(
        "li",
        el(
            "details",
            el(
                "summary",
                el("b", f"{place}. {row.id}", dir="auto"),
                el("span", f"line {row.line} · {row.decision} · behind by {lead:.3g}"),
            ),
            el("h3", "Asked"),
            el("pre", row.prompt, dir="auto", tabindex="0"),
            el(
                "div",
                _answer("Served", row.served),
                _answer("Reference", row.reference),
                class_="pair",
            ),
            _settled(row),
            open=place == 1,
        ),
        data_rule=row.decision,
        data_tags=json.dumps(row.tags),
    )


def _answer(role: str, rung: Rung) -> Html:
    score = "" if rung.score is None else f" · score {rung.score:.3g}"
    cost = "" if rung.cost is None else f" · {dollars(rung.cost)}"
    kept = rung.answer is not None
    return el(
        "div",
        el("h3", role, el("span", f"{rung.model}{score}{cost}")),
        el("pre", rung.answer, dir="auto", tabindex="0")
        if kept
        else el("p", rung.error or "The answer's text is not known.", class_="note"),
    )


def _settled(row: Row) -> Html | None:
    """Who scored it, and what is known of the row besides."""
    known = [
        f"scored by {row.scorer}" * bool(row.scorer),
        f"tags: {', '.join(row.tags)}" * bool(row.tags),
        f"intent: {row.intent}" * bool(row.intent),
        "the judge contradicted itself" * bool(row.flips),
    ]
    told = " · ".join(each for each in known if each)
    return el("p", told, class_="note") if told else None
