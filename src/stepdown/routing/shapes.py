"""Tells the shapes of values that came from YAML or JSON, in words that type checkers follow."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard


def is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    """A list or a tuple; a text is neither."""
    return isinstance(value, list | tuple)


def is_set(value: Any) -> TypeGuard[frozenset[Any]]:
    return isinstance(value, frozenset)


def is_number(value: Any) -> TypeGuard[int | float]:
    """A number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
