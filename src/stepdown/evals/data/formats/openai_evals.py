"""Samples of OpenAI's evals: of the framework, and of the API's test data.

    {"input": [{"role": "system", "content": "…"}, {"role": "user", "content": "…"}], "ideal": "15"}
    {"item": {"ticket_text": "My monitor won't turn on!", "correct_label": "Hardware"}}

``ideal`` is a text, or several of which each is right. An ``item`` is read where it can be told
which of its fields is the prompt; the template that its eval puts around it is not in the file.
Source: github.com/openai/evals, docs/build-eval.md; developers.openai.com/api/docs/guides/evals
"""

from typing import Any

from stepdown.evals.data.chat import checked
from stepdown.evals.data.faults import BadField, expected
from stepdown.evals.data.figures import Scale
from stepdown.evals.data.formats.exchange import ANSWERS, answered, asked
from stepdown.evals.data.records import Record, flat, tags_found
from stepdown.evals.items import Item
from stepdown.routing.shapes import is_list, is_mapping


def recognises(record: Record) -> bool:
    if is_mapping(record.value("item")):
        return True
    given = record.value("input")
    return "ideal" in record.fields and (isinstance(given, str) or is_list(given))


def item(record: Record, scale: Scale) -> Item:
    """Raises BadField."""
    fields = record.value("item")
    if fields is not None:
        return _of_the_api(record, fields)
    given = record.value("input")
    if given is None:
        raise BadField("input", "expected a text or messages, got nothing")
    return Item(
        id=record.id(),
        line=record.line,
        body=checked(asked(given, "input"), "input"),
        expected=_ideal(record.value("ideal")),
        tags=_tags(record),
    )


def _of_the_api(record: Record, fields: Any) -> Item:
    if not is_mapping(fields):
        raise expected("item", "an object", fields)
    right = {name: value for name, value in fields.items() if name in ANSWERS}
    rest = {name: value for name, value in fields.items() if name not in ANSWERS}
    return Item(
        id=record.id(),
        line=record.line,
        body=checked(asked(rest, "item"), "item"),
        expected=answered(right),
        tags=_tags(record),
    )


def _ideal(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if is_list(value) and all(isinstance(each, str) for each in value):
        return value
    raise expected("ideal", "a text or a list of texts", value)


def _tags(record: Record) -> tuple[str, ...]:
    metadata = record.value("metadata")
    return tags_found(flat(metadata.get("tags")) if is_mapping(metadata) else ())
