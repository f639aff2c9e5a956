"""Evaluates routing on recorded outcomes: ``python benchmarks/evals_outcomes.py DATA_DIRECTORY``.

The data is third parties' and no part of the project (RouteLLM's rows, MMLU-Pro, LLMRouter,
ZeroEval): per prompt, which of two models was right. Each set is evaluated by ``stepdown eval run
--outcomes``, so nobody is called, with the rules of the preset ``standard`` beside every control:
all cheap, all strong, random, prompt length and the oracle. Writes two Markdown tables: what each
way of choosing comes to, and how well each ranks the prompts.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from stepdown.cli.eval.options import Options, evaluated
from stepdown.evals.report import Curve, Policy, Report

WEAK, GPT_4 = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
MINI = "gpt-4o-mini-2024-07-18"


class Set(msgspec.Struct, frozen=True):
    """One file and the pair of models that it is read for."""

    title: str
    file: str
    ladder: tuple[str, str]
    score_range: tuple[float, float] | None = None


SETS = (
    Set("MMLU (RouteLLM)", "routellm_mmlu", (WEAK, GPT_4)),
    Set("GSM8K (RouteLLM)", "routellm_gsm8k", (WEAK, GPT_4)),
    Set("MT-Bench (RouteLLM)", "routellm_mtbench", (WEAK, GPT_4), (1.0, 10.0)),
    Set("MMLU-Pro, Gemini", "mmlu_pro", ("gemini-1.5-flash-002", "gemini-1.5-pro-002")),
    Set("MMLU-Pro, Llama/4o", "mmlu_pro", ("Meta-Llama-3.1-8B-Instruct", "gpt-4o-2024-05-13")),
    Set(
        "LLMRouter",
        "llmrouter_uiuc",
        ("llama-3.1-8b-instruct", "llama-3.1-nemotron-51b-instruct"),
    ),
    Set("ZeroEval GSM8K", "zeroeval_gsm", (MINI, "gpt-4o-2024-08-06")),
    Set("ZeroEval MATH 5", "zeroeval_math_l5", (MINI, "gpt-4o-2024-08-06")),
    Set("ZeroEval NumerSense", "zeroeval_numersense_v2", (MINI, "gpt-4o-2024-05-13")),
)
waiting = Console(stderr=True)


def main() -> None:
    options = parser().parse_args()
    reports: dict[str, Report] = {}
    for each in SETS:
        path = options.directory / f"{each.file}.jsonl.gz"
        if not path.exists():
            sys.exit(f"{path}: not there")
        waiting.print(each.title)
        reports[each.title] = evaluated(
            Options(outcomes=path, ladder=each.ladder, score_range=each.score_range, quiet=True)
        )
    print("\n".join([*policies(reports), "", *curves(reports)]))
    if options.json is not None:
        told = {title: _figures(report) for title, report in reports.items()}
        options.json.write_text(json.dumps(told, indent=1) + "\n")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("directory", type=Path, help="where the .jsonl.gz files are")
    made.add_argument("--json", type=Path, metavar="F", help="write every figure")
    return made


def policies(reports: dict[str, Report]) -> Iterator[str]:
    """What each way of choosing comes to: mean scores, and regrets of the rows sent down."""
    yield (
        "| data (rows) | all cheap / all strong | regret, all cheap | route: sent down | regret | "
        "score | random | prompt length | oracle |"
    )
    yield "|---|---|---:|---:|---|---:|---:|---:|---:|"
    for title, report in reports.items():
        of = {policy.name: policy for policy in report.policies}
        down, regret = report.overall, report.overall.regret
        interval = f" ({regret.low:.1%} to {regret.high:.1%})" if regret.trials else ""
        told = f"{regret.events} of {regret.trials}{interval}" if regret.trials else "–"
        yield (
            f"| {title} ({len(report.rows):,}) | {of['all cheap'].quality:.3f} / "
            f"{of['all strong'].quality:.3f} | {of['all cheap'].regret or 0:.1%} | "
            f"{down.down:,} | {told} | {of['route'].quality:.3f} | "
            f"{_quality(of['random'])} | {of['prompt length'].quality:.3f} | "
            f"{of['oracle'].quality:.3f}, {of['oracle'].down:.0%} down |"
        )


def curves(reports: dict[str, Report]) -> Iterator[str]:
    """How well each ranking spends strong calls: APGR, CPT(50), CPT(80)."""
    names = [curve.name for curve in next(iter(reports.values())).curves]
    yield "| data | " + " | ".join(names) + " |"
    yield "|---|" + "---:|" * len(names)
    for title, report in reports.items():
        yield f"| {title} | " + " | ".join(map(_curve, report.curves)) + " |"


def _quality(policy: Policy) -> str:
    spread = "" if policy.spread is None else f" ± {policy.spread:.3f}"
    return f"{policy.quality:.3f}{spread}"


def _curve(curve: Curve) -> str:
    figures: Sequence[float | None] = (curve.apgr, curve.cpt50, curve.cpt80)
    if None in figures:
        return "–"
    return f"{curve.apgr:.3f} / {curve.cpt50:.1f} / {curve.cpt80:.1f}"


def _figures(report: Report) -> dict[str, Any]:
    whole: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(report, rows=()))
    for curve in whole["curves"]:
        del curve["points"]
    return whole


if __name__ == "__main__":
    main()
