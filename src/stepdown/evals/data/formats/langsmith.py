"""Data sets as LangSmith exports them: JSON lines, or CSV with a column for each value.

    {"inputs": {"question": "…"}, "outputs": {"answer": "…"}, "metadata": {"tags": ["a"]}}
    id,input_question,output_answer,metadata

Tags come from ``metadata.tags`` and from the splits (``metadata.dataset_split``). Where a row has
``reference_outputs``, its ``outputs`` are what some model said, and are passed over.
Source: docs.langchain.com/langsmith/manage-datasets-programmatically (examples), and
github.com/langchain-ai/langsmith-sdk/pull/1789 (an exported CSV's columns)
"""

import re
from collections.abc import Mapping
from typing import Any

from stepdown.evals.data.chat import checked
from stepdown.evals.data.figures import Scale
from stepdown.evals.data.formats.exchange import answered, asked
from stepdown.evals.data.records import Record, flat, in_cell, tags_found
from stepdown.evals.items import Item
from stepdown.routing.shapes import is_mapping

_INPUT = re.compile(r"inputs?[._](.+)")
_OUTPUT = re.compile(r"outputs?[._](.+)")


def recognises(record: Record) -> bool:
    if is_mapping(record.value("inputs")):
        return True
    return bool(record.cells and _columns(record, _INPUT) and _columns(record, _OUTPUT))


def item(record: Record, scale: Scale) -> Item:
    """Raises BadField."""
    inputs = _values(record, "inputs", _INPUT)
    return Item(
        id=record.id("id" if "id" in record.fields else "example_id"),
        line=record.line,
        body=checked(asked(inputs, "inputs"), "inputs"),
        expected=answered(record.value("reference_outputs") or _values(record, "outputs", _OUTPUT)),
        tags=tags_found(_tags(record)),
    )


def _values(record: Record, field: str, columns: re.Pattern[str]) -> Any:
    value = record.value(field)
    return value if value is not None or not record.cells else _columns(record, columns)


def _tags(record: Record) -> list[Any]:
    metadata = record.value("metadata")
    found = [*flat(record.value("split"))]
    if is_mapping(metadata):
        found += [*flat(metadata.get("tags")), *flat(metadata.get("dataset_split"))]
    return found


def _columns(record: Record, pattern: re.Pattern[str]) -> Mapping[str, Any]:
    """The cells of such columns by the rest of their names, the empty ones left out."""
    found = {
        match[1]: in_cell(value)
        for name, value in record.fields.items()
        if (match := pattern.fullmatch(name))
    }
    return {name: value for name, value in found.items() if value is not None}
