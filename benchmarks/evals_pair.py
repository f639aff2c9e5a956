"""Evaluates a route over two real models: ``python benchmarks/evals_pair.py --directory DIR``.

The demo's models answer prompts whose answers are known (``data/checkable.jsonl``), by ``stepdown
eval``, as a user would run it:

1. ``eval run`` with the known answers: the true downgrade regret of the rules ``standard``.
2. The strong model judges the same pairs, in both orders: what regret would have been taken for
   without known answers.
3. Every second pair is labelled by the known answers, as people would label it, and ``eval
   judge-check`` measures the judge on them.
4. ``eval run`` over the other half with the judge and those labels: the corrected regret, beside
   the truth.

Everything is kept in the directory, so a run that was ended goes on where it was.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from checkable import pair, tasks
from checkable.tasks import Task
from stepdown.demo.processes import answers
from stepdown.demo.serve_models import serve_model
from stepdown.demo.weights import ensure_weights
from stepdown.evals.report import Report, Share, read

PORTS = {"weak": 18461, "strong": 18462}
"""Fixed: an answer is remembered by where it came from."""
told = Console(stderr=True)


def main() -> None:
    options = parser().parse_args()
    directory: Path = options.directory
    directory.mkdir(parents=True, exist_ok=True)
    chosen = tasks.load()[:: options.every]
    with ExitStack() as started:
        urls = {
            name: started.enter_context(
                serve_model(
                    ensure_weights("weak" if name == "weak" else "strong")[name],
                    port,
                    threads=options.threads,
                    log=directory / f"{name}.log",
                )
            )
            for name, port in PORTS.items()
        }
        wait_until_loaded()
        figures = measured(directory, chosen, urls)
    (directory / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--directory", type=Path, required=True, help="for data, answers, reports")
    made.add_argument("--threads", type=int, help="of each model; default: every processor")
    made.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth prompt")
    return made


def wait_until_loaded() -> None:
    """A model's server listens before it has loaded the model."""
    while not all(answers(port, "/health") for port in PORTS.values()):
        time.sleep(0.5)


def measured(directory: Path, chosen: Sequence[Task], urls: Mapping[str, str]) -> dict[str, Any]:
    """Every figure of the run."""
    plain = configured(directory / "plain.yaml", urls)
    known = written(directory / "known.jsonl", [item(task) for task in chosen])
    truth, truth_seconds = run(directory, "truth", known, plain)
    labelled = written(
        directory / "labelled.jsonl", [label(row, truth) for row in range(0, len(truth.rows), 2)]
    )
    asked = [item(task, judged=True) for task in chosen]
    everything = written(directory / "judged.jsonl", asked)
    judging = configured(directory / "judging.yaml", urls, judge={"model": "strong"})
    judged, judge_seconds = run(directory, "judged", everything, judging)
    check, check_seconds = stepdown(
        directory, "eval", "judge-check", labelled, "--config", judging, "--json"
    )
    half = written(directory / "half.jsonl", asked[1::2])
    correcting = configured(
        directory / "correcting.yaml", urls, judge={"model": "strong", "labelled": str(labelled)}
    )
    corrected, _ = run(directory, "corrected", half, correcting)
    true_half = Share(*_truth(truth, {row.id for row in corrected.rows}))
    return {
        "prompts": len(truth.rows),
        "truth": figures_of(truth) | {"seconds": truth_seconds},
        "judged": figures_of(judged) | {"seconds": judge_seconds},
        "judge check": json.loads(check),
        "judge check seconds": check_seconds,
        "other half, judged and corrected": figures_of(corrected),
        "other half, truth": [true_half.events, true_half.trials],
    }


def _truth(truth: Report, ids: set[str]) -> tuple[int, int]:
    down = [row for row in truth.rows if row.id in ids and row.downgraded]
    return sum(bool(row.regretted(truth.margin)) for row in down), len(down)


# ── Files ────────────────────────────────────────────────────────────────────────────────────


def configured(path: Path, urls: Mapping[str, str], **sections: Any) -> Path:
    """A gateway's configuration with the route that is evaluated."""
    routes = {"auto": {"ladder": ["weak", "strong"], "rules": "standard"}}
    whole = {**pair.configuration(urls, path.parent, routes), **sections}
    path.write_text(yaml.safe_dump(whole, sort_keys=False))
    return path


def written(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def item(task: Task, *, judged: bool = False) -> dict[str, Any]:
    """A row of the data set. ``judged``: without the known answer, for the judge to score."""
    row: dict[str, Any] = {
        "id": task.id,
        "messages": task.messages,
        "tags": [task.kind],
        "request": {"temperature": 0, "max_tokens": task.max_tokens},
    }
    if judged:
        return {**row, "scorer": "judge"}
    if task.kind == "classify":
        return {**row, "expected": task.answer, "labels": task.labels, "scorer": "normalised"}
    return {**row, "expected": task.answer, "scorer": "json"}


def label(place: int, truth: Report) -> dict[str, Any]:
    """A pair as people would label it who know the right answer."""
    row = truth.rows[place]
    weak, strong = row.rungs
    scores = (weak.score or 0.0, strong.score or 0.0)
    better = "tie" if scores[0] == scores[1] else "served" if scores[0] > scores[1] else "reference"
    task = next(task for task in tasks.load() if task.id == row.id)
    return {
        "id": row.id,
        "messages": task.messages,
        "served": weak.answer or "",
        "reference": strong.answer or "",
        "better": better,
    }


# ── The command ──────────────────────────────────────────────────────────────────────────────


def run(directory: Path, name: str, data: Path, config: Path) -> tuple[Report, float]:
    """One ``stepdown eval run``, its report, and how long it took."""
    report = directory / f"{name}.json"
    page = directory / f"{name}.html"
    _, seconds = stepdown(
        directory,
        *("eval", "run", data, "--config", config, "--concurrency", 2),
        *("--json", report, "--html", page),
    )
    return read(report), seconds


def stepdown(directory: Path, *arguments: object) -> tuple[str, float]:
    """Runs the command line; what it printed, and the seconds it took."""
    command = [sys.executable, "-m", "stepdown", *map(str, arguments)]
    command += ["--cache", str(directory / "answers.db")]
    told.print(" ".join(map(str, arguments)), highlight=False)
    began = time.monotonic()
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        sys.exit(f"exit status {ended.returncode}\n{ended.stdout}")
    told.print(ended.stdout, highlight=False, markup=False)
    return ended.stdout, time.monotonic() - began


def figures_of(report: Report) -> dict[str, Any]:
    overall, spent = report.overall, report.spent
    return {
        "rows": overall.rows,
        "down": overall.down,
        "regrets": [overall.regret.events, overall.regret.trials],
        "regret interval": [overall.regret.low, overall.regret.high],
        "unscored": overall.unscored,
        "cost": str(overall.cost),
        "reference cost": str(overall.reference_cost),
        "flips": [report.flips, report.judged],
        "corrected": None
        if report.corrected is None
        else [report.corrected.value, report.corrected.low, report.corrected.high],
        "calls": spent.calls,
        "judge calls": spent.judge_calls,
        "answers cost": str(spent.cost),
        "judge cost": str(spent.judge_cost),
        "policies": {
            policy.name: [policy.down, policy.quality, policy.regret, policy.cost]
            for policy in report.policies
        },
    }


if __name__ == "__main__":
    main()
