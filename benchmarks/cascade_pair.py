"""Measures cascades over two real models: ``python benchmarks/cascade_pair.py --help``.

The demo's models (or any two upstreams) answer prompts whose answers can be checked
(``data/checkable.jsonl``), through a gateway and with the official OpenAI client: the weak one
alone, the strong one alone. Both replies are recorded as they streamed, with log probabilities.
Each cascade is then replayed over them by the code that a gateway runs: what it would have
served, when it would have dropped the weak answer, what that costs at the list prices of
gpt-4o-mini and gpt-4o, and how long the recorded calls took. ``--live`` asks routes with these
cascades as well.

Without ``--constrained``, what an extraction has to look like stands in its prompt alone, and the
route's ``json_schema`` validator holds the schema: this shows what validators catch. With it the
schema is sent as ``response_format`` and the upstream's grammar forces every answer into it, so
a check of the format passes nearly everything: this shows that a forced format proves nothing.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import track

from checkable import pair, recording, tables, tasks
from checkable.analysis import (
    BOTH,
    FORMAT,
    LOGPROB,
    Analysis,
    analyse,
    asked_of,
    rows_of,
    sections_of,
)
from checkable.analysis import policies as planned_for
from checkable.cascades import Asked
from checkable.figures import Outcome, Row
from checkable.recording import Recording, StaleRecording
from checkable.tasks import Task, is_right
from stepdown.demo import places
from stepdown.demo.errors import DemoError
from stepdown.demo.run import PRICED_AS
from stepdown.demo.weights import PAIR
from stepdown.pricing.price import TokenPrice

console = Console(width=None if sys.stdout.isatty() else 130)
waiting = Console(stderr=True)


def main() -> None:
    options = parser().parse_args()
    chosen = tasks.load()[:: options.every]
    prices = pair.prices()
    try:
        if options.replay is None:
            recorded = record(options, chosen)
        else:
            recorded = recording.read(options.replay)
        asked = asked_of(recorded, chosen, prices)
        analysis = analyse(recorded, asked, prices)
        show(analysis, prices)
        lived = live(options, asked, recorded.constrained) if options.live else {}
    except (DemoError, StaleRecording, OSError, msgspec.MsgspecError) as error:
        sys.exit(str(error))
    for name, rows in lived.items():
        console.print(tables.table(f"Live: {name}", rows))
    if options.json is not None:
        told = {"analysis": msgspec.to_builtins(analysis), "live": msgspec.to_builtins(lived)}
        options.json.write_text(json.dumps(told, indent=1) + "\n")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--weak", metavar="URL", help="an upstream in place of the demo's weak model")
    made.add_argument("--strong", metavar="URL", help="the same for the strong one")
    made.add_argument("--threads", type=int, help="of each model; default: every processor")
    made.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth prompt")
    made.add_argument("--constrained", action="store_true", help="force the schema by grammar")
    made.add_argument("--record", type=Path, metavar="F", help="keep both models' replies")
    made.add_argument("--replay", type=Path, metavar="F", help="use such a file: ask nobody")
    made.add_argument("--live", action="store_true", help="ask routes with the cascades as well")
    made.add_argument("--json", type=Path, metavar="F", help="write every figure")
    return made


# ── Asking ───────────────────────────────────────────────────────────────────────────────────


def record(options: argparse.Namespace, chosen: Sequence[Task]) -> Recording:
    """Both models' replies, one model after the other, one prompt at a time."""
    directory = places.new_run_directory()
    replies: dict[str, dict[str, recording.Reply]] = {}
    with (
        pair.upstreams(options.weak, options.strong, directory, options.threads) as urls,
        pair.gateway(urls, directory) as client,
    ):
        for model in ("weak", "strong"):
            pair.ask_alone(client, model, chosen[0], constrained=False)  # it is warm after that
            replies[model] = {
                task.id: pair.ask_alone(client, model, task, constrained=options.constrained)
                for task in track(chosen, f"{model} alone", console=waiting)
            }
    made = Recording(
        options.constrained,
        {
            name: options.__dict__[name] or weights.title  # a URL that was given, or our model
            for name, weights in PAIR.items()
        },
        machine(options.threads),
        recording.prompts_sha256(),
        recording.merged(replies["weak"], replies["strong"], chosen),
    )
    if options.record is not None:
        made.save(options.record)
    return made


def live(
    options: argparse.Namespace, asked: Sequence[Asked], constrained: bool
) -> dict[str, list[Row]]:
    """The cascades on routes of their own, one for each set of checks."""
    planned = planned_for(asked, constrained=constrained).checks
    routes: dict[str, object] = {}
    of: dict[str, list[str]] = {}
    for policy in (FORMAT, LOGPROB, BOTH):
        names: dict[str, str] = {}
        of[policy] = []
        for checks in planned[policy]:
            key = json.dumps(checks, sort_keys=True)
            names.setdefault(key, f"route-{len(routes)}")
            routes[names[key]] = pair.route(checks)
            of[policy].append(names[key])
    directory = places.new_run_directory()
    outcomes: dict[str, list[Outcome]] = {}
    with (
        pair.upstreams(options.weak, options.strong, directory, options.threads) as urls,
        pair.gateway(urls, directory, routes) as client,
    ):
        for policy, names_in_order in of.items():
            outcomes[policy] = [
                _lived(pair.ask_route(client, name, each.task, constrained=constrained), each.task)
                for each, name in track(
                    list(zip(asked, names_in_order, strict=True)), policy, console=waiting
                )
            ]
    return {name: rows_of(name, asked, outcomes) for name in sections_of(asked)}


def _lived(served: pair.Served, task: Task) -> Outcome:
    right = float(is_right(served.text, task))
    return Outcome(right, served.model == "strong", served.cost, served.seconds, early=None)


def machine(threads: int | None) -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"Python {platform.python_version()}, {platform.machine()}, {cores} processors, "
        f"{threads or cores} threads a model"
    )


# ── Telling ──────────────────────────────────────────────────────────────────────────────────


def show(analysis: Analysis, prices: Mapping[str, TokenPrice]) -> None:
    """Every section's table, and how to read it."""
    how = "schema forced by grammar" if analysis.constrained else "schema in the prompt alone"
    console.print(
        f"{analysis.models['weak']} → {analysis.models['strong']}; {how}; {analysis.machine}.\n"
        f"Priced as {PRICED_AS['weak']} and {PRICED_AS['strong']}: "
        + ", ".join(
            f"{name} ${price.input * 1_000_000:.2f} in / ${price.output * 1_000_000:.2f} out"
            for name, price in prices.items()
        )
        + " per million tokens. ± is one standard error over the prompts.\n"
        "Each prompt's cross-fitted logprob threshold was chosen on the other half of the prompts "
        "of its kind alone (the one with the greatest lead over random climbing there): "
        + "; ".join(f"{kind} {a:.3f}, {b:.3f}" for kind, (a, b) in analysis.thresholds.items())
        + ".",
        highlight=False,
    )
    for section in analysis.sections:
        console.print(tables.table(section.name, section.rows))
        tables.curve(console, section.curve)
    for policy, counts in analysis.rejections.items():
        said = ", ".join(f"{name} {count}" for name, count in counts.items()) or "nothing"
        console.print(f"{policy} turned down: {said}", highlight=False)
    for line in analysis.missing:
        console.print(f"Left out: {line}", highlight=False)


if __name__ == "__main__":
    main()
