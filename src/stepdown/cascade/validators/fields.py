"""``fields``: the answer is a JSON object that has these fields, each with a value.

    fields: [name, address.city]
    fields: {name: string, age: integer, tags: array}

A dot leads into an object within the object. Null, an empty object or array, and a text of space
only are no value. The types are JSON's, ``integer`` (1.0 is one) and ``any``. An answer of tool
calls without text passes.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from stepdown.cascade.json_prefix import JsonPrefix
from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.json import (
    OBJECT,
    JsonWatch,
    Unreadable,
    misfit,
    only_calls_tools,
    value_of,
)
from stepdown.names import known_names
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list, is_mapping, is_number
from stepdown.types import Choice, Request

TYPES = ("string", "integer", "number", "boolean", "array", "object", "any")


class Field(NamedTuple):
    """A field that is wanted: the names that lead to it, and its type."""

    steps: tuple[str, ...]
    type: str = "any"

    @property
    def shown(self) -> str:
        return f"the field {'.'.join(self.steps)!r:.60}"

    def problem(self, answer: Any) -> str | None:
        """What the answer lacks, or None where the field is as it should be."""
        value = answer
        for step in self.steps:
            if not is_mapping(value) or step not in value:
                return f"expected {self.shown}, got none"
            value = value[step]
        if _is_empty(value):
            return f"expected a value in {self.shown}, got an empty one"
        if self.type == "any" or _is_of(self.type, value):
            return None
        return f"expected {_A[self.type]} in {self.shown}, got {_A[_type_of(value)]}"


class Fields(Base):
    """Passes an answer that has all of the fields."""

    name = "fields"

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self._fields = fields

    def check(self, choice: Choice, request: Request) -> str | None:
        if only_calls_tools(choice):
            return None
        reason = misfit(choice.text, JsonPrefix(OBJECT))
        if reason is not None:
            return reason
        try:
            answer = value_of(choice.text)
        except Unreadable as error:
            return str(error)
        problems = (field.problem(answer) for field in self._fields)
        return next((problem for problem in problems if problem is not None), None)

    def watch(self, request: Request) -> Watch | None:
        return JsonWatch(JsonPrefix(OBJECT))


_A: Mapping[str, str] = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "array": "an array",
    "object": "an object",
}


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or ((is_mapping(value) or is_list(value)) and not value)


def _is_of(wanted: str, value: Any) -> bool:
    if wanted == "integer":
        return is_number(value) and value == int(value)
    return _type_of(value) == wanted


def _type_of(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    return "object" if is_mapping(value) else "array"


def build(options: Any, path: str, problems: Problems) -> Fields | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given: Mapping[Any, Any] = {}
    if is_mapping(options):
        given = options
    elif is_list(options):
        given = dict.fromkeys(map(str, options), "any")
        for index, name in enumerate(options):
            _check_name(name, f"{path}[{index}]", problems)
    if not given:
        problems.expected(path, "a list of fields, or a mapping of fields to types", options)
        return None
    if is_mapping(options):
        for name, wanted in options.items():
            _check_name(name, f"{path}.{name}", problems)
            _check_type(wanted, f"{path}.{name}", problems)
    if len(problems.lines) > known:
        return None
    return Fields(tuple(Field(tuple(name.split(".")), given[name]) for name in given))


def _check_name(name: Any, path: str, problems: Problems) -> None:
    if not isinstance(name, str) or not all(name.split(".")):
        problems.expected(path, "a field's name, or names with dots between them", name)


def _check_type(wanted: Any, path: str, problems: Problems) -> None:
    if not isinstance(wanted, str):
        problems.expected(path, f"a type, one of {', '.join(TYPES)}", wanted)
    elif wanted not in TYPES:
        problems.add(path, f"there is no type {wanted!r:.60}.{known_names(wanted, TYPES)}")
