"""Reads answers of models as what they say: two texts that say the same read the same."""

from typing import Any

from msgspec import DecodeError, json

from stepdown.routing.shapes import is_mapping
from stepdown.types import Choice

_EXACT = 2**53
_OPENING = "\"'`*_([{«‘“„"
_CLOSING = "\"'`*_)]}»’”.,;:!?…。、！？"


def meaning(choice: Choice, field: str | None = None) -> str | None:
    """What an answer says, in one form of writing; None where it says nothing that can be read.

    JSON is read as its value: the order of members, spaces, fences and ways to write a number do
    not count. In other text case, runs of space, and quotes, brackets and punctuation at the
    edges of words do not; signs and points of numbers do. ``field`` reads one top-level member
    only. Tool calls are read as names with their arguments.
    """
    if choice.refusal:
        return None
    if choice.tool_calls:
        calls = [(call.name, _canonical(call.arguments)) for call in choice.tool_calls]
        return None if field else repr(calls)
    text = unfenced(choice.text)
    try:
        value = _decode(text)
        if field is not None:
            value = value.get(field) if is_mapping(value) else None
            return None if value is None else _written(value)
        return _written(value)
    except (DecodeError, ValueError, OverflowError, RecursionError):
        return None if field else _folded(text) or None


def unfenced(text: str) -> str:
    """The text without the space and the one code fence around it."""
    text = text.strip()
    if len(text) > 6 and text.startswith("```") and text.endswith("```"):
        _, _, text = text[:-3].partition("\n")
    return text.strip()


def _canonical(arguments: str) -> str:
    try:
        return json.encode(_decode(arguments), order="sorted").decode()
    except (DecodeError, ValueError, OverflowError, RecursionError):
        return arguments.strip()


def _written(value: Any) -> str | None:
    if isinstance(value, str):
        return _folded(value) or None
    return json.encode(value, order="sorted").decode()


def _number(written: str) -> int | float:
    """1.0 and 1e0 are 1. Raises ValueError where the number is too large for a float."""
    number = float(written)
    if number in (float("inf"), float("-inf")):
        raise ValueError(written)
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


_decode = json.Decoder(float_hook=_number).decode


def _folded(text: str) -> str:
    words = (word.lstrip(_OPENING).rstrip(_CLOSING) for word in text.casefold().split())
    return " ".join(word for word in words if word)
