"""What can be wrong with a data set: with the whole of it, or with one field of one row."""

from typing import Any

from stepdown.routing.shapes import is_list, is_mapping

LONGEST_SHOWN = 60


class BadDataset(ValueError):
    """Nothing of it can be used; says why."""


class BadField(ValueError):
    """A row cannot be used for this: the field, what was expected, what came."""

    def __init__(self, field: str, fault: str) -> None:
        super().__init__(f"{cut(field)}: {fault}")


def expected(field: str, what: str, got: Any) -> BadField:
    """``prompt: expected a text, got 5``."""
    return BadField(field, f"expected {what}, got {shown(got)}")


def shown(value: Any) -> str:
    """A value in few words."""
    if value is None:
        return "nothing"
    if is_mapping(value):
        return "an object" if value else "an empty object"
    if is_list(value):
        return "a list" if value else "an empty list"
    return cut(repr(value))


def cut(text: str) -> str:
    """At most ``LONGEST_SHOWN`` characters of it."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
