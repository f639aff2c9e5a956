"""``tool_calls``: the answer calls tools that the request offers, with arguments of their schema.

    tool_calls
    tool_calls: {required: true}

Applies where the request has tools. An answer without a call is rejected where ``tool_choice``
asks for one, or always with ``required``.
Source: platform.openai.com/docs/api-reference/chat/create#chat_create-tools
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Raw, Struct, json

from stepdown.cascade.json_prefix import LONGEST_KEY, JsonPrefix
from stepdown.cascade.schemas import CompiledSchema, SchemaUnusable, compiled
from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.json import OBJECT, Unreadable, misfit, value_of
from stepdown.cascade.validators.mapping import read_mapping
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list, is_mapping
from stepdown.types import Choice, Piece, Request, ToolCall

CACHED = 64
LONGEST_ARGUMENTS = 1024 * 1024
"""Characters of one call's arguments."""

# ── What a request offers ────────────────────────────────────────────────────────────────────


class _Function(Struct, frozen=True):
    name: str = ""
    parameters: Raw = Raw()


class _Tool(Struct, frozen=True):
    """``custom`` tools take plain text, which has no schema."""

    type: str = "function"
    function: _Function | None = None
    custom: _Function | None = None


class Offer(Struct, frozen=True):
    """The tools of a request by name. ``needed``: an answer has to call one of them."""

    schemas: Mapping[str, CompiledSchema | str | None]
    """None takes any text; a text says why the schema is unusable."""

    callable: frozenset[str]
    needed: bool = False

    def problem(self, name: str) -> str | None:
        """Why a tool may not be called, or None."""
        if name not in self.schemas:
            return f"there is no tool {name!r:.40}"
        if name not in self.callable:
            return f"tool_choice does not allow the tool {name!r:.40}"
        schema = self.schemas[name]
        return f"tool {name!r:.40}: {schema}" if isinstance(schema, str) else None

    def check(self, call: ToolCall) -> str | None:
        """Why a whole call is not good, or None."""
        problem = self.problem(call.name)
        if problem is not None:
            return problem
        schema = self.schemas[call.name]
        if schema is None or isinstance(schema, str):
            return None
        if len(call.arguments) > LONGEST_ARGUMENTS:
            return f"the arguments of a call have more than {LONGEST_ARGUMENTS} characters"
        problem = misfit(call.arguments, _prefix(schema))
        if problem is None:
            try:
                problem = schema.problem(value_of(call.arguments))
            except Unreadable as error:
                problem = str(error)
        return None if problem is None else _of_arguments(call.name, problem)

    def prefix(self, name: str) -> JsonPrefix | None:
        """A fresh one for the arguments of a tool that takes JSON."""
        schema = self.schemas.get(name)
        return None if schema is None or isinstance(schema, str) else _prefix(schema)


def _prefix(schema: CompiledSchema) -> JsonPrefix:
    return JsonPrefix(OBJECT, _only_keys(schema.schema))


def _only_keys(schema: Mapping[str, Any] | bool) -> Collection[str] | None:
    """The arguments' names, where the schema allows no others. None: any, as far as it is told.

    Older drafts pass over what stands beside a reference.
    """
    if isinstance(schema, bool) or "$ref" in schema or schema.get("patternProperties"):
        return None
    names: Mapping[str, Any] = schema.get("properties", {})
    if schema.get("additionalProperties") is not False or any(len(n) > LONGEST_KEY for n in names):
        return None
    return names.keys()


def _of_arguments(name: str, problem: str) -> str:
    return f"arguments of {name!r:.40}: {problem.removeprefix('the answer ')}"


_decode = json.Decoder().decode
_tools = json.Decoder(list[_Tool]).decode
_ANY_OBJECT = b'{"type":"object"}'
_AUTO = b'"auto"'


@lru_cache(CACHED)
def _offered(tools: bytes, tool_choice: bytes) -> Offer:
    schemas: dict[str, CompiledSchema | str | None] = {}
    for tool in _tools(tools):
        if tool.custom is not None:
            schemas[tool.custom.name] = None
        elif tool.function is not None:
            schemas[tool.function.name] = _schema(bytes(tool.function.parameters))
    return _narrowed(schemas, _decode(tool_choice))


def _schema(parameters: bytes) -> CompiledSchema | str:
    try:
        return compiled(parameters if parameters not in (b"", b"null") else _ANY_OBJECT)
    except SchemaUnusable as error:
        return str(error)


def _narrowed(schemas: Mapping[str, CompiledSchema | str | None], choice: Any) -> Offer:
    """What ``tool_choice`` leaves of the tools, and whether one of them has to be called."""
    every = frozenset(schemas)
    if choice == "none":
        return Offer(schemas, frozenset())
    if not is_mapping(choice):
        return Offer(schemas, every, choice == "required")
    if choice.get("type") != "allowed_tools":
        return Offer(schemas, frozenset(_names((choice,))), needed=True)
    allowed = choice.get("allowed_tools", choice)
    allowed = allowed if is_mapping(allowed) else {}
    return Offer(
        schemas, frozenset(_names(allowed.get("tools"))), allowed.get("mode") == "required"
    )


def _names(tools: Any) -> list[str]:
    """The names in ``{"function": {"name": …}}``, ``{"custom": …}`` and ``{"name": …}``."""
    names: list[str] = []
    for tool in tools if is_list(tools) else ():
        if is_mapping(tool):
            inner = tool.get("function", tool.get("custom", tool))
            names.append(str(inner.get("name")) if is_mapping(inner) else "")
    return names


# ── The validator ────────────────────────────────────────────────────────────────────────────


class ToolCalls(Base):
    """Passes an answer whose calls are good. It vouches only for what must have a call."""

    name = "tool_calls"

    def __init__(self, *, required: bool = False) -> None:
        self.vouches = required
        self._required = required

    def applies(self, request: Request) -> bool:
        return bool(request.prompt.tools)

    def check(self, choice: Choice, request: Request) -> str | None:
        offer = self._offer(request)
        if not choice.tool_calls and (self._required or offer.needed):
            return "the answer calls no tool"
        for call in choice.tool_calls:
            problem = offer.check(call)
            if problem is not None:
                return problem
        return None

    def watch(self, request: Request) -> Watch | None:
        return CallsWatch(self._offer(request))

    def _offer(self, request: Request) -> Offer:
        fields = request.fields
        choice = bytes(fields["tool_choice"]) if "tool_choice" in fields else _AUTO
        return _offered(bytes(fields["tools"]), choice)


class CallsWatch:
    """Implements ``ports.Watch``: drops a tool that may not be called, and what is not JSON."""

    __slots__ = ("_names", "_offer", "_prefixes")
    settled = False

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._names: dict[int, str] = {}
        self._prefixes: dict[int, JsonPrefix | None] = {}

    def feed(self, piece: Piece) -> str | None:
        for place, call in piece.tool_calls:
            problem = self._feed_call(place, call)
            if problem is not None:
                return problem
        return None

    def _feed_call(self, place: int, call: ToolCall) -> str | None:
        name = self._names.get(place)
        if name is None:
            name = self._names[place] = call.name
            self._prefixes[place] = self._offer.prefix(name)
        problem = self._offer.problem(name)
        if problem is not None:
            return problem
        prefix = self._prefixes[place]
        problem = None if prefix is None else prefix.feed(call.arguments)
        return None if problem is None else _of_arguments(name, problem)


def build(options: Any, path: str, problems: Problems) -> ToolCalls | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    required = read_mapping(options, ("required",), path, problems).get("required", False)
    if not isinstance(required, bool):
        problems.expected(f"{path}.required", "true or false", required)
    return ToolCalls(required=bool(required)) if len(problems.lines) == known else None
