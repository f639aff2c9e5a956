"""Replays validators over large models' recorded answers: ``cascade_replay.py --help``.

The sets hold, question by question, what a cheap and a strong model answered and whether each was
right. They are third-party data that does not come with Stepdown: ``--data DIR`` says where they
lie, and a set that is missing is skipped. Every validator that can be run on a set's answers is, by
the code that a gateway runs, and stands beside the controls: the weak model alone, the strong one
alone, climbing as often at random, a random router of the same cost, and the oracle.

Costs are list prices for the tokens of the question and of the recorded answers. The examples and
instructions that had stood before each question were not recorded, so costs are understated, more
so the strong model's. Answers are replayed whole: nothing is dropped early here.
"""

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from checkable import figures, outcomes
from checkable.cascades import Checks, Missing, validators
from checkable.curve import cross_fitted, halves
from checkable.figures import Estimate, Outcome, Row
from checkable.outcomes import SETS, Recorded, Set
from checkable.tables import percent, points
from stepdown.cascade.plan import Cascade
from stepdown.cascade.replay import Recorded as Reply
from stepdown.cascade.replay import replay
from stepdown.pricing.book import PriceBook
from stepdown.pricing.price import TokenPrice
from stepdown.types import Choice, Message, Prompt, Request

DATA = Path(__file__).parents[2] / "shared" / "data"
LENGTH = "length: fit on the other half"
CLEAR = 2.0
"""Standard errors from zero, from which on a lead is called one."""

console = Console(width=None if sys.stdout.isatty() else 140)


class Line(Struct, frozen=True):
    """One cascade on one set. ``accepted_right`` and ``rejected_right``: the weak answers' share
    of right ones among those; NaN where there are none."""

    row: Row
    accepted: float
    accepted_right: Estimate
    rejected_right: Estimate

    @property
    def verdict(self) -> str:
        """What the check can tell here, in words."""
        if self.row.strong_calls == 0:
            return "Rejects nothing, so it cannot tell right from wrong here"
        climb, router = _sign(self.row.over_climb), _sign(self.row.over_router)
        if climb == 0:
            return f"No lead over random climbing shown (within {CLEAR:g} standard errors)"
        if climb < 0:
            return "Worse than random climbing: it turns the better answers down"
        if router > 0:
            return "Better than random climbing, and than a random router of its cost"
        return "Better than random climbing, but not than a random router of its cost"


class Report(Struct, frozen=True):
    """One set's figures."""

    title: str
    weak: str
    strong: str
    controls: list[Row]
    lines: list[Line]
    left_out: list[str]


def main() -> None:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--data", type=Path, default=DATA, metavar="DIR")
    made.add_argument("--json", type=Path, metavar="F", help="write every figure")
    options = made.parse_args()
    prices = list_prices()
    reports: list[Report] = []
    for one in SETS:
        if not (options.data / one.file).is_file():
            console.print(f"{one.title}: skipped, no {one.file} in {options.data}.\n")
            continue
        rows = outcomes.read(one, options.data, prices)
        reports.append(report(one, rows))
        show(reports[-1], one, prices)
    if options.json is not None:
        options.json.write_text(json.dumps(msgspec.to_builtins(reports), indent=1) + "\n")


def _sign(lead: Estimate | None) -> int:
    """1 or -1 where the lead is clear of zero."""
    if lead is None or not abs(lead.value) >= CLEAR * lead.error or not lead.value:
        return 0
    return 1 if lead.value > 0 else -1


def list_prices() -> dict[str, TokenPrice]:
    """List prices by the name they are listed under."""
    book = PriceBook()
    names = {name for one in SETS for name in (one.weak_priced_as, one.strong_priced_as)}
    found = {name: book.price(name) for name in names}
    return {name: price for name, price in found.items() if price is not None}


def report(one: Set, rows: Sequence[Recorded]) -> Report:
    """Every check of the set, replayed over its rows."""
    checks: dict[str, Callable[[int], Checks]] = {
        name: _of_row(made, rows) for name, made in one.checks.items()
    }
    checks[LENGTH] = fitted_length(rows)
    lines: list[Line] = []
    left_out = [one.left_out]
    for name, of in checks.items():
        try:
            lines.append(line(name, rows, of))
        except Missing as error:
            left_out.append(f"{name}: {error}")
    cases = [row.case for row in rows]
    return Report(one.title, one.weak, one.strong, figures.controls(cases), lines, left_out)


def line(name: str, rows: Sequence[Recorded], checks: Callable[[int], Checks]) -> Line:
    """One cascade over all rows. Raises Missing."""
    cascades: dict[str, Cascade] = {}
    made: list[Outcome] = []
    for index, row in enumerate(rows):
        wanted = checks(index)
        key = json.dumps(wanted, sort_keys=True)
        if key not in cascades:
            cascades[key] = Cascade(validators=validators(wanted), early_drop=False)
        made.append(_replayed(row, cascades[key]))
    weak = [(row.case.weak, outcome.climbed) for row, outcome in zip(rows, made, strict=True)]
    return Line(
        figures.row(name, [row.case for row in rows], made, leads=True),
        1 - statistics.fmean(climbed for _, climbed in weak),
        figures.mean([right for right, climbed in weak if not climbed]),
        figures.mean([right for right, climbed in weak if climbed]),
    )


def fitted_length(rows: Sequence[Recorded]) -> Callable[[int], Checks]:
    """No check of format: a long answer goes up. Each half's limit is fit on the other half."""
    half = halves([""] * len(rows))
    shortness = [-float(len(row.answer)) for row in rows]
    limits = cross_fitted([row.case for row in rows], shortness, half)
    return lambda index: [{"length": {"max": max(0, math.floor(-limits[half[index]]))}}]


def _of_row(
    made: Callable[[Recorded], Checks], rows: Sequence[Recorded]
) -> Callable[[int], Checks]:
    return lambda index: made(rows[index])


def _replayed(row: Recorded, cascade: Cascade) -> Outcome:
    prompt = Prompt("auto", [Message("user", row.prompt)])
    result = replay(
        cascade,
        Request("recorded", prompt, {}),
        {0: Reply((Choice(row.answer),)), 1: Reply((Choice(),))},
    )
    reason = result.tried[0].verdict if result.tried else ""
    return figures.climbing(row.case, climbed=result.served.rung == 1, reason=reason)


def show(made: Report, one: Set, prices: Mapping[str, TokenPrice]) -> None:
    """A line for each control and each check, and in words what the check can tell."""
    priced = ", ".join(
        f"{model} ${prices[name].input * 1_000_000:.3f} / ${prices[name].output * 1_000_000:.2f}"
        + ("" if model == name else f" ({name})")
        for model, name in (
            (one.weak, one.weak_priced_as),
            (one.strong, one.strong_priced_as),
        )
    )
    prompts = made.controls[0].prompts
    table = Table(
        title=f"{made.title}: {prompts:,} questions; {priced} per million tokens in / out",
        title_justify="left",
    )
    for column in (
        "policy",
        "accepted",
        "of those right %",
        "of the others",
        "right %",
        "random climb %",
        "over it",
        "over router",
        "strong calls",
        "$ / 1,000",
    ):
        first = column == "policy"
        table.add_column(column, justify="left" if first else "right", no_wrap=first)
    for row in made.controls:
        table.add_row(row.policy, "", "", "", percent(row.accuracy), *[""] * 3, *_spent(row))
    for each in made.lines:
        row = each.row
        lead = row.over_climb.value if row.over_climb is not None else math.nan
        table.add_row(
            row.policy,
            f"{each.accepted:.1%}",
            _share(each.accepted_right),
            _share(each.rejected_right),
            percent(row.accuracy),
            f"{100 * (row.accuracy.value - lead):.1f}",
            points(row.over_climb),
            points(row.over_router),
            *_spent(row),
        )
    console.print(table)
    for verdict in dict.fromkeys(each.verdict for each in made.lines):
        names = [each.row.policy for each in made.lines if each.verdict == verdict]
        console.print(f"{verdict}: {'; '.join(names)}.", highlight=False)
    for text in made.left_out:
        console.print(f"Left out: {text}", highlight=False)
    console.print()


def _spent(row: Row) -> tuple[str, str]:
    return f"{row.strong_calls:,}", f"{row.cost * 1000:.4f}"


def _share(estimate: Estimate) -> str:
    return "" if math.isnan(estimate.value) else f"{100 * estimate.value:.1f}"


if __name__ == "__main__":
    main()
