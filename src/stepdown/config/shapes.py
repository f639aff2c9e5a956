"""Tells a mapping from a list from another value, in a document of unknown shape."""

from typing import Any, TypeGuard


def is_mapping(value: Any) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
