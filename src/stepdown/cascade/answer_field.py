"""Reads one top-level field of an answer that is a JSON object."""

from typing import Any

from msgspec import UNSET

from stepdown.cascade.json_prefix import JsonPrefix
from stepdown.cascade.validators.json import OBJECT, JsonWatch, Unreadable, misfit, value_of


class NoField(ValueError):
    """The answer is no JSON object with this field; says why, in words for a log."""


def field_of(text: str, field: str) -> Any:
    """The field's value; of two with one name, the last. Raises NoField."""
    reason = misfit(text, JsonPrefix(OBJECT))
    if reason is not None:
        raise NoField(reason)
    try:
        value = value_of(text).get(field, UNSET)
    except Unreadable as error:
        raise NoField(str(error)) from None
    if value is UNSET:
        raise NoField(f"the answer has no field {field!r:.40}")
    return value


def object_watch() -> JsonWatch:
    """A watch that drops what no JSON object begins with."""
    return JsonWatch(JsonPrefix(OBJECT))
