"""Items of Langfuse's data sets, as its export (CSV, JSON, JSON lines) and its API give them.

    {"id": "…", "datasetName": "tickets", "status": "ACTIVE", "input": {"question": "…"},
     "expectedOutput": "billing", "metadata": {"tags": ["a"]}}

In CSV a cell is the JSON of its value. Archived items are left out: they are neither items nor bad
rows. Tags: ``datasetName``, ``metadata.tags``.
Source: github.com/langfuse/langfuse, getDatabaseReadStream.ts and transformStreamToCsv.ts;
js.reference.langfuse.com/interfaces/langfuse.ApiDatasetItem.html
"""

from typing import Any

from msgspec import DecodeError, json

from stepdown.evals.data.chat import checked
from stepdown.evals.data.faults import BadField
from stepdown.evals.data.figures import Scale
from stepdown.evals.data.formats.exchange import answered, asked
from stepdown.evals.data.records import Record, flat, tags_found
from stepdown.evals.items import Item
from stepdown.routing.shapes import is_mapping

EXPECTED = ("expectedOutput", "expected_output")
_OWN = (
    *(*EXPECTED, "datasetName", "dataset_name", "datasetId", "dataset_id"),
    *("sourceTraceId", "source_trace_id"),
)
_decode_text = json.Decoder(str).decode


def recognises(record: Record) -> bool:
    return "input" in record.fields and any(name in record.fields for name in _OWN)


def item(record: Record, scale: Scale) -> Item | None:
    """None for an archived item. Raises BadField."""
    if _value(record, "status") == "ARCHIVED":
        return None
    given = _value(record, "input")
    if given is None:
        raise BadField("input", "expected a text, messages, or an object with either, got nothing")
    metadata = _value(record, "metadata")
    tags = flat(metadata.get("tags")) if is_mapping(metadata) else ()
    name = _value(record, "datasetName") or _value(record, "dataset_name")
    right = next((value for each in EXPECTED if (value := _value(record, each)) is not None), None)
    return Item(
        id=record.id(),
        line=record.line,
        body=checked(asked(given, "input"), "input"),
        expected=answered(right),
        tags=tags_found([name, *tags]),
    )


def _value(record: Record, field: str) -> Any:
    """A cell may hold a text in JSON's quotes."""
    value = record.value(field)
    if record.cells and isinstance(value, str) and value[:1] == '"':
        try:
            return _decode_text(value)
        except (DecodeError, UnicodeError):
            return value
    return value
