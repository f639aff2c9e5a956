"""``json``: the answer is one JSON document with nothing but space around it.

    json
    json: object
    json: {root: array}

``root`` is ``object``, ``array`` or ``any``; without it an object where the request asks for one
(``response_format: {type: json_object}``), else any. A code fence around the document is rejected:
the client would get it. An answer of tool calls without text passes.
Source of the grammar: RFC 8259.
"""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import ValidationError
from msgspec import json as msgspec_json

from stepdown.cascade.json_prefix import KINDS, JsonPrefix, Kind
from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.mapping import read_mapping
from stepdown.names import known_names
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, Request

SPACE = " \t\n\r"
OBJECT: frozenset[Kind] = frozenset({"object"})
ROOTS: Mapping[str, Collection[Kind]] = {
    "object": OBJECT,
    "array": frozenset({"array"}),
    "any": KINDS,
}

_decode = msgspec_json.Decoder().decode


class Json(Base):
    """Passes an answer that is JSON, of these kinds; None: of those that the request asks for."""

    name = "json"

    def __init__(self, kinds: Collection[Kind] | None = None) -> None:
        self._kinds = kinds

    def check(self, choice: Choice, request: Request) -> str | None:
        return None if only_calls_tools(choice) else misfit(choice.text, self._prefix(request))

    def watch(self, request: Request) -> Watch | None:
        return JsonWatch(self._prefix(request))

    def _prefix(self, request: Request) -> JsonPrefix:
        if self._kinds is not None:
            return JsonPrefix(self._kinds)
        wanted = request.prompt.response_format
        return JsonPrefix(OBJECT if wanted is not None and wanted.type == "json_object" else KINDS)


class JsonWatch:
    """Implements ``ports.Watch``: drops what no document begins with.

    It settles at no place before the end, as anything may follow a document.
    """

    __slots__ = ("_prefix",)
    settled = False

    def __init__(self, prefix: JsonPrefix) -> None:
        self._prefix = prefix

    def feed(self, piece: Piece) -> str | None:
        return self._prefix.feed(piece.text) if piece.text else None


class Unreadable(ValueError):
    """A document whose values cannot be read; says why, in words for a log."""


def only_calls_tools(choice: Choice) -> bool:
    """Whether the answer is tool calls without a text that could be checked."""
    return bool(choice.tool_calls) and not choice.text.strip(SPACE)


def misfit(text: str, prefix: JsonPrefix) -> str | None:
    """Why a whole text is no document that the fresh ``prefix`` allows, or None where it is."""
    return prefix.feed(text) or prefix.end()


def value_of(text: str) -> Any:
    """The value of a text that is a document. Raises Unreadable.

    A number beyond a float's range and half of a surrogate pair are JSON, but no values.
    """
    try:
        return _decode(text)
    except ValidationError:
        raise Unreadable("the answer has a number that is out of range") from None
    except ValueError:
        raise Unreadable("the answer has a text that is no Unicode") from None


def build(options: Any, path: str, problems: Problems) -> Json | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    root: Any = options
    if options is not None and not isinstance(options, str):
        root = read_mapping(options, ("root",), path, problems).get("root")
        path = f"{path}.root"
    if root is not None and not isinstance(root, str):
        problems.expected(path, "object, array or any", root)
    elif root is not None and root not in ROOTS:
        problems.add(
            path, f"expected object, array or any, got {root!r:.60}.{known_names(root, ROOTS)}"
        )
    if len(problems.lines) > known:
        return None
    return Json() if root is None else Json(ROOTS[root])
