"""The guard over recorded outcomes: ``python benchmarks/guard_outcomes.py DATA_DIRECTORY``.

The data is third parties' and no part of the project: per prompt, which of two models was right.
Each set is a stream in random order, in which every request that a candidate claims is shadowed,
so that its pair is known at once. Candidates are the rules of the preset ``standard`` that send
down, and rules by length for what no rule claims; all begin under observation, and share one error
of 5 %. What the guard certified is set against its true regret on the whole set, and against what
a validation set of a fifth of the rows would have chosen: every candidate whose Clopper-Pearson
bound there is within the budget (the whole error to each, as is commonly done, and looked at once).

Figures are means over random orders: certified ever, of those with a true regret above the budget
(so that certifying them was wrong), and the share of all requests that were answered by the cheap
model, with the regret among these.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

from msgspec import Struct
from rich.console import Console

from evals_outcomes import SETS, Set
from stepdown.cli.eval.options import Options, evaluated
from stepdown.evals.rows import Row
from stepdown.quality.evidence import Counts
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.transitions import step
from stepdown.quality.intervals import upper

BANDS = (50, 100, 200, 400)
"""Tokens: candidates by length are "below 50", "50 to 99" and so on."""
BUDGETS = (0.05, 0.1, 0.2)
CONFIDENCE = 0.95
VALIDATION = 0.2
waiting = Console(stderr=True)


class Claimed(Struct, frozen=True):
    """One request, the candidate that claims it, and whether its downgrade is a regret."""

    candidate: str | None
    regret: bool


class Outcome(Struct, frozen=True):
    """What one way of choosing did on one stream."""

    chosen: int
    wrong: int
    down: float
    regret: float | None


def main() -> None:
    options = parser().parse_args()
    print(
        "| data (requests) | budget | candidates within | guard: certified | of those bad |", end=""
    )
    print(" sent down | regret | validation set: chosen | of those bad | sent down | regret |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for each in SETS:
        path = options.directory / f"{each.file}.jsonl.gz"
        if not path.exists():
            sys.exit(f"{path}: not there")
        waiting.print(each.title)
        stream = claimed(each, path)
        for budget in BUDGETS:
            print(line(each.title, stream, budget, options.orders), flush=True)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("directory", type=Path, help="where the .jsonl.gz files are")
    made.add_argument("--orders", type=int, default=20, metavar="N", help="random orders of each")
    return made


def claimed(of: Set, path: Path) -> list[Claimed]:
    """The rows that both models have a score for."""
    report = evaluated(
        Options(outcomes=path, ladder=of.ladder, score_range=of.score_range, quiet=True)
    )
    made: list[Claimed] = []
    for row in report.rows:
        regret = row.regretted(report.margin, 0)
        if regret is not None:
            made.append(Claimed(candidate(row), regret))
    return made


def candidate(row: Row) -> str | None:
    """The rule that sends the row down, or its length where no rule claims it."""
    if row.downgraded:
        return row.decision
    if row.decision != "default":
        return None
    above = [band for band in BANDS if row.tokens < band]
    return f"below {above[0]}" if above else f"{BANDS[-1]} or more"


def line(title: str, stream: Sequence[Claimed], budget: float, orders: int) -> str:
    true = regrets(stream)
    within = sum(rate <= budget for rate in true.values())
    guards: list[Outcome] = []
    fixed: list[Outcome] = []
    for seed in range(orders):
        order = Random(seed).sample(stream, len(stream))
        guards.append(guarded(order, true, budget))
        fixed.append(validated(order, true, budget))
    cells = [f"{title} ({len(stream):,})", f"{budget:.0%}", f"{within} of {len(true)}"]
    return "| " + " | ".join([*cells, *told(guards), *told(fixed)]) + " |"


def regrets(stream: Sequence[Claimed]) -> dict[str, float]:
    """Each candidate's true regret on the whole set."""
    counts: dict[str, list[int]] = {}
    for each in stream:
        if each.candidate is not None:
            seen = counts.setdefault(each.candidate, [0, 0])
            seen[0] += each.regret
            seen[1] += 1
    return {name: found / seen for name, (found, seen) in counts.items()}


def guarded(order: Sequence[Claimed], true: Mapping[str, float], budget: float) -> Outcome:
    """The guard, which looks after every pair."""
    terms = Terms(budget, 1.0, CONFIDENCE, family=len(true), probation=None)
    standings = {name: Standing(name) for name in true}
    counts = dict.fromkeys(true, (0, 0))
    certified: set[str] = set()
    served: list[bool] = []
    for each in order:
        name = each.candidate
        if name is None:
            continue
        if standings[name].state == "active":
            served.append(each.regret)
        found, seen = counts[name]
        counts[name] = found + each.regret, seen + 1
        change = step(standings[name], Counts({1.0: counts[name]}), terms)
        if change is not None:
            standings[name], counts[name] = change.after, (0, 0)
            if change.cause == "certified":
                certified.add(name)
    return outcome(certified, true, budget, served, len(order))


def validated(order: Sequence[Claimed], true: Mapping[str, float], budget: float) -> Outcome:
    """What a validation set at the stream's beginning would choose, once and for all."""
    cut = round(VALIDATION * len(order))
    seen = regrets_of(order[:cut])
    chosen = {name for name, (found, of) in seen.items() if upper(found, of, CONFIDENCE) <= budget}
    served = [each.regret for each in order[cut:] if each.candidate in chosen]
    return outcome(chosen, true, budget, served, len(order))


def regrets_of(stream: Sequence[Claimed]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for each in stream:
        if each.candidate is not None:
            found, of = counts.get(each.candidate, (0, 0))
            counts[each.candidate] = found + each.regret, of + 1
    return counts


def outcome(
    chosen: set[str], true: Mapping[str, float], budget: float, served: Sequence[bool], of: int
) -> Outcome:
    wrong = sum(true[name] > budget for name in chosen)
    regret = sum(served) / len(served) if served else None
    return Outcome(len(chosen), wrong, len(served) / of, regret)


def told(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Means over the orders; the regret over those in which anything was sent down."""
    count = len(outcomes)
    known = [each.regret for each in outcomes if each.regret is not None]
    yield f"{sum(each.chosen for each in outcomes) / count:.1f}"
    yield f"{sum(each.wrong for each in outcomes) / count:.2f}"
    yield f"{sum(each.down for each in outcomes) / count:.1%}"
    yield f"{sum(known) / len(known):.1%}" if known else "–"


if __name__ == "__main__":
    main()
