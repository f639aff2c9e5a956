"""Stepdown's own format: a prompt or messages, and whatever is known of right answers.

    {"id": "t1", "prompt": "Is this spam? …", "expected": "spam", "labels": ["spam", "ham"]}
    {"messages": [{"role": "user", "content": "17 + 25?"}], "expected": 42, "scorer": "numeric"}
    {"prompt": "…", "scores": {"gpt-4o-mini": 0, "gpt-4o": 1}, "costs": {"gpt-4o": 0.002}}

A field that is not known is an error: passed over, a misspelt one would lose what it says.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import json

from stepdown.cascade.schemas import SchemaUnusable, compiled
from stepdown.evals.data.chat import NOT_ASKED, asks, chat_request, checked
from stepdown.evals.data.faults import BadField, cut, expected
from stepdown.evals.data.figures import Scale, answer, dollars
from stepdown.evals.data.records import LONGEST_TAG, Record, flat, tags_given
from stepdown.evals.items import Item, Known
from stepdown.names import known_names, nearest
from stepdown.response_format import response_format, rooted
from stepdown.routing.shapes import is_list, is_mapping

_FORMAT_FIELDS = ("response_format", "schema")
_KNOWN_FIELDS = ("scores", "answers", "costs")
FIELDS = (
    *("id", "prompt", "messages", "expected", "labels", "scorer", "intent", "tags", "tools"),
    *(*_FORMAT_FIELDS, "request", *_KNOWN_FIELDS),
)


def recognises(record: Record) -> bool:
    return "prompt" in record.fields or "messages" in record.fields


def item(record: Record, scale: Scale) -> Item:
    """Raises BadField."""
    for field in record.fields:
        if field not in FIELDS:
            raise BadField(field, f"there is no such field.{known_names(field, FIELDS)}")
    labels = record.texts("labels")
    return Item(
        id=record.id(),
        line=record.line,
        body=_body(record),
        expected=_expected(record, labels),
        labels=labels,
        scorer=_scorer(record),
        intent=_intent(record),
        tags=tags_given(record),
        known=_known(record, scale),
    )


# ── What is asked ────────────────────────────────────────────────────────────────────────────


def _body(record: Record) -> dict[str, Any]:
    body = {**_messages(record), **_request(record)}
    if (tools := record.value("tools")) is not None:
        body["tools"] = tools
    body |= _response_format(record)
    return checked(body, "messages" if "messages" in record.fields else "prompt")


def _messages(record: Record) -> dict[str, Any]:
    messages, prompt = record.value("messages"), record.text("prompt")
    if (messages is None) == (prompt is None):
        got = "neither" if prompt is None else "both"
        raise BadField("prompt", f"expected either prompt or messages, got {got}")
    if prompt is not None:
        return asks(prompt)
    if not is_list(messages):
        raise expected("messages", "a list of messages", messages)
    return {"messages": messages}


def _request(record: Record) -> dict[str, Any]:
    """Further fields of the chat request. Those that have a place of their own stand there."""
    given = record.value("request")
    if given is None:
        return {}
    request = chat_request(given, "request")
    for field in given:
        if field in NOT_ASKED:
            raise BadField(f"request.{field}", f"expected none: {NOT_ASKED[field]}")
        if field in ("messages", "tools", "response_format"):
            raise BadField(f"request.{field}", f"expected it as a field of the row, {field!r}")
    return request


def _response_format(record: Record) -> dict[str, Any]:
    form, schema = (record.value(field) for field in _FORMAT_FIELDS)
    if form is not None and schema is not None:
        raise BadField("schema", "expected either response_format or schema, got both")
    if form is not None:
        return {"response_format": form}
    if schema is None:
        return {}
    if not is_mapping(schema):
        raise expected("schema", "a JSON Schema, an object", schema)
    try:
        compiled(json.encode(schema))
    except SchemaUnusable as error:
        raise BadField("schema", str(error)) from None
    root, moved = rooted(schema)
    if moved:
        raise BadField("schema", "expected an object at its root, as structured outputs need")
    return {"response_format": response_format(root)}


# ── What is known of right answers ───────────────────────────────────────────────────────────


def _expected(record: Record, labels: tuple[str, ...]) -> Any:
    """A JSON value. Where labels are given, each text has to be one of them."""
    value = record.value("expected")
    folded = set(map(_folded, labels))
    for each in flat(value) if folded else ():
        if isinstance(each, str) and _folded(each) not in folded:
            hint = nearest(each, labels)
            raise BadField("expected", f"expected one of the labels, got {cut(each)!r}.{hint}")
    return value


def _folded(label: str) -> str:
    """As the scorer compares labels: case does not count, dashes and underscores are space."""
    return " ".join(label.casefold().replace("-", " ").replace("_", " ").split())


def _scorer(record: Record) -> Any:
    scorer = record.value("scorer")
    named = (isinstance(scorer, str) and scorer) or (is_mapping(scorer) and len(scorer) == 1)
    if scorer is not None and not named:
        raise expected("scorer", "a scorer's name, or one name with its options", scorer)
    return scorer


def _intent(record: Record) -> str | None:
    intent = record.text("intent")
    if intent is not None and len(intent) > LONGEST_TAG:
        raise expected("intent", f"a text of at most {LONGEST_TAG} characters", intent)
    return intent


def _known(record: Record, scale: Scale) -> dict[str, Known]:
    scores, answers, costs = (_by_model(record, field) for field in _KNOWN_FIELDS)
    return {
        model: Known(
            score=scale.score(scores.get(model), f"scores.{model}"),
            answer=answer(answers.get(model), f"answers.{model}"),
            cost=dollars(costs.get(model), f"costs.{model}"),
        )
        for model in _names(scores, answers, costs)
    }


def _by_model(record: Record, field: str) -> Mapping[str, Any]:
    value = record.value(field)
    if value is None:
        return {}
    if not is_mapping(value) or "" in value:
        raise expected(field, "an object by the models' names", value)
    return value


def _names(*by_model: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for each in by_model for name in each))
