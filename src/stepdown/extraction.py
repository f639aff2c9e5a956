"""The data that a caller wants extracted: its schema, its checks, and its value at the end."""

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec
from msgspec import Raw, Struct

from stepdown.cascade.schemas import SchemaUnusable, compiled
from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.finish_reason import FinishReason
from stepdown.cascade.validators.json import OBJECT, Json
from stepdown.cascade.validators.json_schema import JsonSchema
from stepdown.errors import InvalidField
from stepdown.ports import Validator, Watch
from stepdown.response_format import VALUE, response_format, rooted
from stepdown.types import Attempt, Choice, Prompt, Request

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")
SHAPES = 64
"""Types whose schemas are kept ready."""
LONGEST_REASON = 120
LONGEST_KEY = 40


class Extracted(Struct, Generic[T], frozen=True):
    """What was extracted, and what it took.

    ``model`` is the one whose answer it was. ``cost`` and ``saved`` are US dollars, None where a
    price is unknown; ``attempts`` are all calls that were made for it, the rejected ones with
    ``verdict`` and ``reason``.
    """

    value: T
    model: str
    cost: Decimal | None
    saved: Decimal | None
    attempts: tuple[Attempt, ...]


class Misfit(ValueError):
    """An answer that is not of the shape; says why, in words for a log."""


class Shape(Generic[T]):
    """The shape that the data must have.

    A type is checked by pydantic alone, with its coercions and its own validators; a JSON Schema
    as the validator ``json_schema`` does. Raises InvalidField where the schema is neither a type
    that pydantic knows nor a usable JSON Schema.
    """

    def __init__(self, schema: Any) -> None:
        self._adapter: TypeAdapter[T] | None = None
        self._schema: JsonSchema | None = None
        if isinstance(schema, Mapping):
            wanted = cast("Mapping[str, Any]", schema)
            self._schema = _of_json_schema(wanted)
        else:
            self._adapter, wanted = _of_type(schema)
        root, self._wrapped = rooted(wanted)
        self.response_format = response_format(root)
        self.validators: tuple[Validator, ...] = (_Fits(self), FinishReason())

    def watch(self, request: Request) -> Watch | None:
        """A watch for an answer's beginning."""
        if self._schema is not None and not self._wrapped:
            return self._schema.watch(request)
        return Json(OBJECT).watch(request)

    def read(self, text: str) -> T:
        """The value in an answer's text. Raises Misfit."""
        data = _unwrapped(text) if self._wrapped else text
        if self._adapter is not None:
            return _validated(self._adapter, data)
        assert self._schema is not None
        if reason := self._schema.check(Choice(data), _NOTHING):
            raise Misfit(reason)
        return cast("T", msgspec.json.decode(data))


def shape_of(schema: Any) -> Shape[Any]:
    """The shape, made once for each type while it is among the last in use. Raises InvalidField."""
    try:
        return _kept_shape(schema)
    except TypeError:  # a mapping, or a type with such metadata
        return Shape(schema)


_kept_shape = lru_cache(SHAPES)(Shape[Any])


class _Fits(Base):
    """Implements ``ports.Validator``: passes an answer that a value can be read from."""

    name = "schema"

    def __init__(self, shape: Shape[Any]) -> None:
        self._shape = shape

    def check(self, choice: Choice, request: Request) -> str | None:
        try:
            self._shape.read(choice.text)
        except Misfit as misfit:
            return str(misfit)
        return None

    def watch(self, request: Request) -> Watch | None:
        return self._shape.watch(request)


# ── Schemas ──────────────────────────────────────────────────────────────────────────────────


def _of_json_schema(schema: Mapping[str, Any]) -> JsonSchema:
    try:
        return JsonSchema(compiled(msgspec.json.encode(schema)))
    except SchemaUnusable as error:
        raise InvalidField(f"schema: {error}.", param="schema") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidField(f"schema: expected a JSON Schema: {error}.", param="schema") from None


def _of_type(schema: Any) -> "tuple[TypeAdapter[Any], dict[str, Any]]":
    from pydantic import PydanticUserError, TypeAdapter

    try:
        adapter: TypeAdapter[Any] = schema if _is_adapter(schema) else TypeAdapter(schema)
        return adapter, adapter.json_schema()
    except (PydanticUserError, NameError, TypeError) as error:
        shown = getattr(schema, "__qualname__", None) or repr(schema)
        raise InvalidField(
            "schema: expected a type that pydantic can validate and describe, or a JSON Schema, "
            f"got {shown:.80}. {str(error).partition(chr(10))[0]:.200}",
            param="schema",
        ) from error


def _is_adapter(schema: Any) -> bool:
    from pydantic import TypeAdapter

    return isinstance(schema, TypeAdapter)


# ── Values ───────────────────────────────────────────────────────────────────────────────────


def _unwrapped(text: str) -> str:
    """The value's own text, out of the object around it. Raises Misfit."""
    whole: dict[str, Raw] = {}
    with suppress(ValueError, RecursionError):
        whole = _members(text)
    if not whole:
        raise Misfit(f"expected a JSON object with the field {VALUE!r}")
    if whole.keys() != {VALUE}:
        raise Misfit(f"expected the field {VALUE!r} and no other")
    return bytes(whole[VALUE]).decode()


def _validated(adapter: "TypeAdapter[T]", data: str) -> T:
    """The value by its type. Raises Misfit, without the answer's text.

    Raised out of the ``except``: pydantic's own error carries the answer.
    """
    from pydantic import ValidationError

    try:
        return adapter.validate_json(data)
    except ValidationError as error:
        reason = _first_reason(error.errors(include_input=False, include_url=False)[0])
    except Exception as error:  # noqa: BLE001  the type's own validators may raise anything
        reason = f"the type's validation raised {type(error).__name__}"
    raise Misfit(reason)


def _first_reason(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part)[:LONGEST_KEY] for part in error["loc"])
    said: str = error["msg"]
    if error["type"] == "union_tag_invalid":  # it quotes the answer
        said = "expected another tag"
    return (f"{where}: {said}" if where else said)[:LONGEST_REASON]


_members = msgspec.json.Decoder(dict[str, Raw]).decode
_NOTHING = Request("", Prompt("", []), {})
