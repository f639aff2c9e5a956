"""Reads and compares JSON values: what was expected, and what an answer holds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stepdown.cascade.answers import unfenced
from stepdown.cascade.json_prefix import JsonPrefix
from stepdown.cascade.validators.json import Unreadable, misfit, value_of
from stepdown.routing.shapes import is_list, is_mapping, is_number

LONGEST = 1024 * 1024
"""Characters of a text that is read as JSON."""

Path = tuple[str | int, ...]
"""The keys and places that lead to a value."""


def read_json(text: str) -> Any:
    """The value of a text that is JSON, in a code fence or not. Raises Unreadable.

    It may nest as deep as ``json_prefix.MOST_DEEP``.
    """
    if len(text) > LONGEST:
        raise Unreadable(f"the text has more than {LONGEST} characters")
    text = unfenced(text)
    reason = misfit(text, JsonPrefix())
    if reason is not None:
        raise Unreadable(reason)
    return value_of(text)


def expected_values(expected: Any) -> tuple[Any, ...]:
    """The JSON values that are right, each by itself; none where no JSON is expected.

    A text counts where it holds an object or an array, and so does a list of such texts. Any other
    list is one array: its texts are items of it, not ways to be right.
    """
    if expected is None:
        return ()
    if isinstance(expected, str):
        return _held(expected)
    texts: Any = expected if is_list(expected) else ()
    held = [value for each in texts if isinstance(each, str) for value in _held(each)]
    return tuple(held) if held and len(held) == len(texts) else (expected,)


def _held(text: str) -> tuple[Any, ...]:
    """The object or array that a text holds, if it holds one."""
    try:
        value = read_json(text)
    except Unreadable:
        return ()
    return (value,) if is_mapping(value) or is_list(value) else ()


def same(first: Any, second: Any, tolerance: float = 0.0) -> bool:
    """Whether two values are equal as JSON: true is not 1, and 1.0 is.

    Numbers may be apart by ``tolerance``.
    """
    if is_mapping(first) and is_mapping(second):
        return first.keys() == second.keys() and all(
            same(value, second[key], tolerance) for key, value in first.items()
        )
    if is_list(first) and is_list(second):
        return len(first) == len(second) and all(
            same(one, other, tolerance) for one, other in zip(first, second, strict=True)
        )
    if is_number(first) and is_number(second):
        return first == second or _near(first, second, tolerance)
    return type(first) is type(second) and bool(first == second)


def _near(first: float, second: float, tolerance: float) -> bool:
    try:
        return abs(first - second) <= tolerance
    except OverflowError:  # a whole number beyond a float's range, and a float
        return False


def leaves(value: Any) -> dict[Path, Any]:
    """The values that hold no others, by the path to each; an empty object or array is one."""
    return dict(_leaves(value, ()))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    members = _members(value)
    for key, inner in members:
        yield from _leaves(inner, (*path, key))
    if not members:
        yield path, value


def _members(value: Any) -> Sequence[tuple[str | int, Any]]:
    if is_mapping(value):
        members: Mapping[str, Any] = value
        return tuple(members.items())
    return tuple(enumerate(value)) if is_list(value) else ()
