"""The data that a caller wants extracted: its schema, its checks, and its value at the end."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from msgspec import Struct

from stepdown.cascade.plan import Cascade
from stepdown.cascade.registry import build_checks
from stepdown.cascade.validators.base import Base
from stepdown.errors import ExtractionFailed, InvalidField
from stepdown.routing.problems import Problems
from stepdown.types import Attempt, Choice, Prompt, Request

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


class Extracted(Struct, Generic[T], frozen=True):
    """What was extracted, and what it took: the fields are those of a ``Reply``."""

    value: T
    model: str
    cost: Decimal | None
    saved: Decimal | None
    attempts: tuple[Attempt, ...]


class Shape(Generic[T]):
    """The shape that the data must have.

    Raises InvalidField where it is neither a type that pydantic knows nor a usable JSON Schema.
    """

    def __init__(self, schema: type[T] | Mapping[str, Any]) -> None:
        self._adapter: TypeAdapter[T] | None = None
        if isinstance(schema, Mapping):
            self._schema = dict(schema)
        else:
            self._adapter, self._schema = _of_type(schema)
        self._name = str(self._schema.get("title", "extraction"))
        problems = Problems()
        validators, _ = build_checks(
            [{"json_schema": {"schema": self._schema}}, "finish_reason"], "schema", problems
        )
        if problems.lines:
            raise InvalidField("; ".join(problems.lines), param="schema")
        self.cascade = Cascade((*validators, *([_Fits(self._adapter)] if self._adapter else [])))

    @property
    def wanted(self) -> dict[str, Any]:
        """The request's ``response_format``."""
        name = "".join(c if c.isalnum() and c.isascii() else "_" for c in self._name)[:64]
        return {"type": "json_schema", "json_schema": {"name": name, "schema": self._schema}}

    def read(
        self,
        text: str,
        model: str,
        cost: Decimal | None,
        saved: Decimal | None,
        attempts: tuple[Attempt, ...],
    ) -> Extracted[T]:
        """The value in an answer's text. Raises ExtractionFailed."""
        request, choice = Request("", _NOTHING, {}), Choice(text)
        for validator in self.cascade.validators:
            if reason := validator.check(choice, request):
                raise ExtractionFailed(f"The answer of {model} does not fit: {reason}.")
        value = self._adapter.validate_json(text) if self._adapter else cast("T", json.loads(text))
        return Extracted(value, model, cost, saved, attempts)


class _Fits(Base):
    """The type's own validation: constraints that a JSON Schema cannot tell, such as validators."""

    name = "type"

    def __init__(self, adapter: "TypeAdapter[Any]") -> None:
        self._adapter = adapter

    def check(self, choice: Choice, request: Request) -> str | None:
        from pydantic import ValidationError

        try:
            self._adapter.validate_json(choice.text)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the value"
            return f"{where}: {first['type']}"
        return None


def _of_type(schema: type[T]) -> "tuple[TypeAdapter[T], dict[str, Any]]":
    from pydantic import PydanticUserError, TypeAdapter

    try:
        adapter = TypeAdapter(schema)
        return adapter, adapter.json_schema()
    except PydanticUserError as error:
        raise InvalidField(
            f"schema: expected a type that pydantic knows, or a JSON Schema, got {schema!r}.",
            param="schema",
        ) from error


_NOTHING = Prompt("", [])
