"""Tables as RouterBench keeps them: for each model a score, an answer and a cost.

    sample_id,prompt,eval_name,gpt-4,gpt-4|model_response,gpt-4|total_cost,oracle_model_to_route_to
    mbpp.dev.325,"['Write a function …']",mbpp,1.0,"['def …']",0.00074,gpt-4

A prompt is a list of texts, written as Python writes one: instructions and a question, whose roles
are not told. They are asked as one user turn. ``eval_name`` becomes the tag.
Source: arXiv 2403.12031, huggingface.co/datasets/withmartian/routerbench
"""

import ast
import re
import warnings
from typing import Any

from stepdown.evals.data.chat import asks, checked
from stepdown.evals.data.faults import BadField, expected
from stepdown.evals.data.figures import Scale, answer, dollars
from stepdown.evals.data.records import Record, tags_found
from stepdown.evals.items import Item, Known
from stepdown.routing.shapes import is_list

ANSWER, COST = "|model_response", "|total_cost"
ORACLE = "oracle_model_to_route_to"
_NO_MODELS = frozenset({"sample_id", "prompt", "eval_name", ORACLE})

_TEXT = r"""(?:'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")"""
_TEXTS = re.compile(rf"\s*+\[\s*+{_TEXT}(?:\s*+,\s*+{_TEXT})*+\s*+\]\s*+", re.DOTALL)


def recognises(record: Record) -> bool:
    names = record.fields
    if "prompt" not in names:
        return False
    return ORACLE in names or any(name.endswith((ANSWER, COST)) for name in names)


def item(record: Record, scale: Scale) -> Item:
    """Raises BadField."""
    names = _models(record)
    if not names:
        raise BadField("prompt", f"expected models beside it, each with a {COST!r}, got none")
    return Item(
        id=record.id("sample_id"),
        line=record.line,
        body=checked(asks(_prompt(record)), "prompt"),
        tags=tags_found([record.fields.get("eval_name")]),
        known={
            name: Known(
                score=scale.score(record.fields.get(name), name),
                answer=answer(_joined(record.fields.get(name + ANSWER)), name + ANSWER),
                cost=dollars(record.fields.get(name + COST), name + COST),
            )
            for name in names
        },
    )


def _models(record: Record) -> list[str]:
    """Those with answers or costs; where there are none of either, every column that is left."""
    names = record.fields
    told = {
        name.removesuffix(end) for end in (ANSWER, COST) for name in names if name.endswith(end)
    }
    return [name for name in names if name in told] or [
        name for name in names if name not in _NO_MODELS and "|" not in name
    ]


def _prompt(record: Record) -> str:
    prompt = _joined(record.fields.get("prompt"))
    if not isinstance(prompt, str):
        raise expected("prompt", "a text, or a list of texts", prompt)
    return prompt


def _joined(value: Any) -> Any:
    """A list of texts as one text, whoever wrote it down: JSON, Python, or Parquet as a list."""
    if isinstance(value, str) and _TEXTS.fullmatch(value):
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # a text of theirs may hold an escape that Python has not
            value = ast.literal_eval(value.strip())
    if is_list(value) and all(isinstance(each, str) for each in value):
        return "\n\n".join(value)
    return value
