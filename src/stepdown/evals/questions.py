"""What can be asked of a report's rules: how often were, or would, their rows be regretted?"""

from collections import defaultdict
from typing import Literal

from msgspec import Struct

from stepdown.evals.report import Report
from stepdown.evals.whatif import Rules, recorded, rung_of

Does = Literal["sends down", "holds"]


class Question(Struct, frozen=True):
    """Some of the rows, and their regrets.

    ``rules`` is the rule, ``default`` or the built-in decision that sent the rows down, or those
    that hold them at the last rung together. ``events`` of ``trials`` scored rows are regrets, or
    would be had they been let go.
    """

    rules: tuple[str, ...]
    does: Does
    rows: int
    events: int
    trials: int


def sent_down(report: Report) -> list[Question]:
    """One for each rule, or other decision, that sent rows down; most rows first."""
    rows: defaultdict[tuple[str, ...], list[bool | None]] = defaultdict(list)
    for row in report.rows:
        if row.downgraded:
            rows[row.decision,].append(row.regretted(report.margin))
    return _most_first(rows, "sends down")


def held(report: Report, rules: Rules) -> list[Question]:
    """One for each set of rules that hold rows at the last rung together; most rows first.

    The regret is that of the rung where a row goes once all of them let go.
    """
    rows: defaultdict[tuple[str, ...], list[bool | None]] = defaultdict(list)
    for row in report.rows:
        said = recorded(row)
        holding = rules.holding(row, said)
        if holding:
            policy = rules.with_rungs(dict.fromkeys(holding, 0))
            rung = rung_of(policy, said)
            if rung < rules.top:
                rows[holding].append(row.regretted(report.margin, rung))
    return _most_first(rows, "holds")


def _most_first(
    rows: defaultdict[tuple[str, ...], list[bool | None]], does: Does
) -> list[Question]:
    questions = [
        Question(
            rules,
            does,
            len(regretted),
            regretted.count(True),
            len(regretted) - regretted.count(None),
        )
        for rules, regretted in rows.items()
    ]
    return sorted(questions, key=lambda question: (-question.rows, question.rules))
