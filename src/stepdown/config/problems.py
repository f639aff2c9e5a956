"""Says what is wrong with a value: ``path: expected …, got …. Did you mean 'x'?``"""

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stepdown.config.environment import FromEnvironment
from stepdown.config.notes import join
from stepdown.names import nearest

_EXPECTED = {
    "string_type": "text",
    "string_sub_type": "text",
    "string_too_short": "text that is not empty",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "literal_error": "{expected}",
}
_SECRET_KEYS = ("api_key", "master_key", "azure_ad_token", "secret")
_SECRET_MAPPINGS = ("extra_headers", "extra_query")
_KEY_STARTS = ("sk-", "gsk_", "xai-", "AIza", "Bearer ", "eyJ")
_LONGEST = 60


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for each thing wrong; a value that may be secret is not among the words."""
    lines: dict[str, str] = {}
    for details in error.errors(include_url=False):
        path = path_of(details["loc"])
        lines.setdefault(path, f"{path}: {_line(details, model)}")
    return list(lines.values())


def path_of(loc: Sequence[int | str]) -> str:
    """Pydantic's location as a path; what it adds for unions and keys is left out."""
    path = ""
    for part in loc:
        if isinstance(part, int) or part not in (
            "[key]",
            "bool",
            "dict[str,any]",
            "constrained-str",
        ):
            path = join(path, part)
    return path


def shown(value: Any, path: str = "") -> str:
    """A value as an error may show it: short, and hidden where it may be a secret."""
    if isinstance(value, FromEnvironment):
        return repr(value)
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if _may_be_secret(value, path):
        return f"a value of type {type(value).__name__} (not shown)"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _may_be_secret(value: Any, path: str) -> bool:
    """By its key; by looking like a provider's key; or as a URL with a password or a query."""
    keys = path.split(".")
    if keys[-1] in _SECRET_KEYS or not set(keys).isdisjoint(_SECRET_MAPPINGS):
        return True
    text = str(value)
    return text.startswith(_KEY_STARTS) or ("://" in text and ("@" in text or "?" in text))


def _line(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind, loc, value = details["type"], details["loc"], details["input"]
    path, context = path_of(loc), details.get("ctx", {})
    if kind == "missing":
        return "expected a value, got nothing"
    if kind == "extra_forbidden":
        fields = list(_model_at(model, loc[:-1]).model_fields)
        listed = ", ".join(fields)
        return f"expected one of the keys {listed}, got {loc[-1]!r}.{nearest(str(loc[-1]), fields)}"
    if kind == "value_error":
        return f"{context['error']}, got {shown(value, path)}"
    if kind == "too_short":
        return "expected at least one, got none"
    expected = _EXPECTED.get(kind)
    if expected is None:
        return f"{details['msg'].lower()}, got {shown(value, path)}"
    line = f"expected {expected.format(**context)}, got {shown(value, path)}"
    if kind == "literal_error" and isinstance(value, str):
        return line + _nearest_literal(value, context["expected"])
    return line


def _nearest_literal(value: str, expected: str) -> str:
    """Pydantic lists what it expects as ``'a', 'b' or 'c'``."""
    suggestion = nearest(value, [word for word in expected.split("'") if word.strip(" ,or")])
    return f".{suggestion}" if suggestion else ""


def _model_at(model: type[BaseModel], loc: Sequence[int | str]) -> type[BaseModel]:
    """The schema's model at a location."""
    found: Any = model
    for part in loc:
        if isinstance(found, type) and issubclass(found, BaseModel):
            found = found.model_fields[str(part)].annotation
        else:
            found = _inner(found)
        found = _without_none(found)
    assert isinstance(found, type)
    assert issubclass(found, BaseModel)
    return found


def _inner(annotation: Any) -> Any:
    """What a mapping's values or a list's items are."""
    return next(a for a in reversed(typing.get_args(annotation)) if a is not Ellipsis)


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next(a for a in typing.get_args(annotation) if a is not type(None))
    return annotation
