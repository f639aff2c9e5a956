"""Rows of outcomes: a prompt, and for each model what came of asking it.

    {"id": "mmlu/7", "dataset": "mmlu", "subset": "law", "prompt": "…", "answer": "B",
     "models": {"gpt-4o": {"score": 1, "cost": 0.002, "in_tok": 90, "out_tok": 4, "response": "B"}}}

Tags come from ``dataset``, ``subset`` and ``split``, and ``contaminated`` from a field of that name
that is true. A second turn (``turn2``) is not asked: routers decide on the first. An answer that
was taken out of a reply (``ans``, ``pred``) is no reply, and is passed over.
"""

from typing import Any

from stepdown.evals.data.chat import asks, checked
from stepdown.evals.data.faults import BadField, expected
from stepdown.evals.data.figures import Scale, answer, dollars, tokens
from stepdown.evals.data.records import Record, tags_found
from stepdown.evals.items import Item, Known
from stepdown.routing.shapes import is_mapping


def recognises(record: Record) -> bool:
    return "prompt" in record.fields and is_mapping(record.value("models"))


def item(record: Record, scale: Scale) -> Item:
    """Raises BadField."""
    prompt = record.text("prompt")
    if prompt is None:
        raise BadField("prompt", "expected a text, got nothing")
    models = record.value("models")
    if not is_mapping(models) or not models:
        raise expected("models", "an object by the models' names", models)
    contaminated = "contaminated" if record.fields.get("contaminated") is True else None
    fields = (record.fields.get(field) for field in ("dataset", "subset", "split"))
    return Item(
        id=record.id(),
        line=record.line,
        body=checked(asks(prompt), "prompt"),
        expected=record.value("answer"),
        tags=tags_found([*fields, contaminated]),
        known={name: _known(each, f"models.{name}", scale) for name, each in models.items()},
    )


def _known(outcome: Any, field: str, scale: Scale) -> Known:
    if not is_mapping(outcome):
        raise expected(field, "an object with a score", outcome)
    return Known(
        score=scale.score(outcome.get("score"), f"{field}.score"),
        answer=answer(outcome.get("response"), f"{field}.response"),
        cost=dollars(outcome.get("cost"), f"{field}.cost"),
        input_tokens=tokens(outcome.get("in_tok"), f"{field}.in_tok"),
        output_tokens=tokens(outcome.get("out_tok"), f"{field}.out_tok"),
    )
