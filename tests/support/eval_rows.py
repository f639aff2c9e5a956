"""Rows and reports of evaluations, made for what is measured and shown of them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from msgspec import structs

from stepdown.evals.measure import measure
from stepdown.evals.report import Report, Source
from stepdown.evals.rows import Row, Rung

MODELS = ("small", "medium", "large")
CHEAP, STRONG = Decimal("0.01"), Decimal("0.1")

Scores = Sequence[float | None]
"""One of each rung's."""


def ladder_of(rungs: int) -> tuple[str, ...]:
    """Of two: small and large."""
    return (*MODELS[: rungs - 1], MODELS[-1])


def row(scores: Scores, rung: int = 0, *, costs: Sequence[Any] | None = None, **fields: Any) -> Row:
    """A row that the rule ``short`` sent to ``rung``; costs are a cent, then ten cents."""
    paid = costs if costs is not None else [CHEAP] * (len(scores) - 1) + [STRONG]
    rungs = tuple(
        Rung(model, score, None if cost is None else Decimal(cost), f"{model} says")
        for model, score, cost in zip(ladder_of(len(scores)), scores, paid, strict=True)
    )
    made = Row(
        id="r1",
        line=1,
        prompt="What is asked?",
        tokens=10,
        decision="short",
        rung=rung,
        decided=rung,
        ambiguous=False,
        rungs=rungs,
        cost=rungs[rung].cost,
        scorer="exact",
    )
    return structs.replace(made, **fields)


def numbered(rows: Sequence[Row]) -> list[Row]:
    """Each with an id and a line of its own."""
    return [structs.replace(each, id=f"r{line}", line=line) for line, each in enumerate(rows, 1)]


def report(rows: Sequence[Row], **fields: Any) -> Report:
    """The rows measured; fields of the report as they are given."""
    made = measure(
        rows,
        margin=fields.pop("margin", 0.1),
        confidence=fields.pop("confidence", 0.95),
        time=1_795_608_000.0,
        route="auto",
        ladder=ladder_of(len(rows[0].rungs) if rows else 2),
        rules=[{"name": "short", "when": {"tokens": {"below": 100}}, "use": "small"}],
        policy="0123456789ab",
        source=Source("prompts.jsonl", "jsonl", "3f" * 32, len(rows)),
    )
    return structs.replace(made, **fields)


def mixed(downgrades: int, regrets: int, kept: int = 10) -> list[Row]:
    """So many downgrades by ``short``, the first ones regretted; then rows kept by ``hard``."""
    down = [row((0.0 if place < regrets else 1.0, 1.0)) for place in range(downgrades)]
    return numbered([*down, *[row((0.0, 1.0), 1, decision="hard")] * kept])


# ── Any rows ─────────────────────────────────────────────────────────────────────────────────

SCORES = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0.0, 1.0))


@st.composite
def rows_of(
    draw: st.DrawFn, *, rungs: int = 2, scored: bool = True, least: int = 1, most: int = 30
) -> list[Row]:
    """Rows of one ladder, where each rung costs more than the one below."""
    score = SCORES if scored else st.one_of(st.none(), SCORES)
    made: list[Row] = []
    for _ in range(draw(st.integers(least, most))):
        costs = [Decimal(draw(st.integers(1, 50))) * 10**place for place in range(rungs)]
        costs = [sum(costs[: place + 1], Decimal(0)) / 1000 for place in range(rungs)]
        made.append(
            row(
                [draw(score) for _ in range(rungs)],
                draw(st.integers(0, rungs - 1)),
                costs=costs,
                tokens=draw(st.sampled_from([0, 5, 99, 100, 499, 500, 1999, 2000, 9000])),
                decision=draw(st.sampled_from(["default", "short", "code"])),
                tags=tuple(draw(st.lists(st.sampled_from("abc"), unique=True))),
                ambiguous=draw(st.booleans()),
            )
        )
    return numbered(made)
