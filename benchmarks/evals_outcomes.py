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
    """What each way of choosing comes to."""
    yield "| data (rows) | policy | sent down | quality | regret of those |"
    yield "|---|---|---:|---:|---:|"
    for title, report in reports.items():
        for policy in report.policies:
            name = f"{title} ({len(report.rows):,})" if policy is report.policies[0] else ""
            yield f"| {name} | {policy.name} | {policy.down:.1%} | {_quality(policy)} | " + (
                f"{_regret(report, policy)} |"
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


def _regret(report: Report, policy: Policy) -> str:
    if policy.regret is None:
        return "–"
    if policy is not report.policies[0]:
        return f"{policy.regret:.1%}"
    regret = report.overall.regret
    return f"{policy.regret:.1%} ({regret.low:.1%} to {regret.high:.1%})"


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
