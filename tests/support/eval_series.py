"""Reports as an evaluation leaves them, for tests of what comes after it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import structs

from stepdown.evals.groups import groups_of
from stepdown.evals.report import VERSION, Report, Source
from stepdown.evals.rows import Row, Rung

DAY = 86_400
NOON = 1_795_608_000
"""2026-11-25 12:00 UTC."""
LADDER = ("gpt-4o-mini", "gpt-4o")
DIGEST = "3f" * 32

Scores = Sequence[float | None]
"""One of each rung's."""


def make_row(item: str, line: int, scores: Scores, rung: int = 0, **fields: Any) -> Row:
    """A row whose rungs cost a cent, ten cents, …"""
    rungs = tuple(
        Rung(model, score, Decimal(10**place).scaleb(-2), answer="the answer")
        for place, (model, score) in enumerate(zip(LADDER, scores, strict=True))
    )
    row = Row(
        id=item,
        line=line,
        prompt="the prompt",
        tokens=12,
        decision="short-label",
        rung=rung,
        decided=rung,
        ambiguous=False,
        rungs=rungs,
        cost=rungs[rung].cost,
    )
    return structs.replace(row, **fields)


def make_report(rows: Mapping[str, Scores] | Sequence[Row], **fields: Any) -> Report:
    """A report on these rows, or on items that were all sent down, by their scores."""
    if isinstance(rows, Mapping):
        rows = [make_row(item, line, scores) for line, (item, scores) in enumerate(rows.items(), 1)]
    margin, confidence = fields.get("margin", 0.1), fields.get("confidence", 0.95)
    overall, groupings = groups_of(rows, margin, confidence)
    report = Report(
        version=VERSION,
        time=float(NOON),
        route="auto",
        ladder=LADDER,
        rules="standard",
        policy="0123456789ab",
        source=Source("prompts.jsonl", "jsonl", DIGEST, len(rows)),
        margin=margin,
        confidence=confidence,
        overall=overall,
        groupings=groupings,
        policies=(),
        curves=(),
        rows=tuple(rows),
    )
    return structs.replace(report, **fields)
