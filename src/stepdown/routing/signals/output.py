"""The signal ``output``: what kind of answer is wanted, by the request's fields and its wording."""

from collections.abc import Mapping
from typing import Any

import msgspec

from stepdown.routing.asked import Asked, Words
from stepdown.routing.instruction import Instruction
from stepdown.routing.lexicon import Place
from stepdown.routing.shapes import is_list, is_mapping
from stepdown.routing.signals.kinds import Kind
from stepdown.routing.vocabulary import LABELLING, LONG_OUTPUTS, OUTPUTS
from stepdown.routing.wordlists import words
from stepdown.types import Reading, Request

MOST_FIELDS = 8
"""A flat JSON object of up to so many scalar fields is ``json_field``; another is ``json``."""
FEW_TOKENS = 16
"""A limit of so many output tokens makes the answer short, whatever was asked."""
SHORT_TAIL = 200
"""A last paragraph of so many characters may say how to answer."""

PROSE_FIELDS = words(
    """
    analysis chain_of_thought description essay explanation justification plan rationale reasoning
    steps story summary thinking thoughts
    """
)
"""Fields that hold prose, or reasoning, in spite of the JSON around them."""

WIDTH: Mapping[str, float] = {label: width for width, label in enumerate(OUTPUTS)}
OWN_WIDTH = min(WIDTH[label] for label in LONG_OUTPUTS) - 0.5
"""A route's own kind of output is wider than the short ones; what is long stays long beside it."""
UNSTATED = Reading("unstated", saw="neither fields nor wording say it")


class OutputSignal:
    """The value is one of ``yes_no``, ``label``, ``json_field``, ``json``, ``short``,
    ``multi_paragraph``, ``open_ended``, ``tool_call``, ``unstated`` and the route's own."""

    name = "output"
    kind = Kind.TEXT

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.values = frozenset([*asked.outputs.phrases, "tool_call", "unstated"])

    def read(self, request: Request) -> Reading:
        form = shape(request)
        if form in LABELLING or form == "tool_call":
            return Reading(form, saw="the request's own fields")
        wording = _wording(self._asked.words(request))
        if wording is not None and (form is None or wording.value in LONG_OUTPUTS):
            return wording
        if form is not None:
            return Reading(form, saw="response_format")
        limit = request.prompt.output_limit
        if limit is not None and limit <= FEW_TOKENS:
            return Reading("short", saw=f"at most {limit} output tokens")
        return UNSTATED


def _wording(words: Words) -> Reading | None:
    """The widest output that is asked for; a system prompt that wants labels has its way."""
    user, standing = words.user, words.standing
    if standing.labels:
        label = "yes_no" if "yes_no" in standing.outputs else "label"
        return Reading(label, saw="the wording of the system prompt")
    found: dict[str, Place | None] = dict.fromkeys(standing.outputs)
    for place in words.outputs:
        if place.start < user.head_end or _closes(user, place.start):
            found[place.label] = place
    if not found:
        return None
    if "json_field" in found:
        found.pop("json", None)  # "return JSON with the keys …" says both
    widest = max(found, key=_width) if len(found) > 1 else next(iter(found))
    seen = found[widest]
    if seen is None:
        return Reading(widest, saw="the wording of the system prompt")
    return Reading(widest, saw=f"{seen.phrase!r} at {seen.start}")


def _width(label: str) -> float:
    return WIDTH.get(label, OWN_WIDTH)


def _closes(user: Instruction, start: int) -> bool:
    return start >= user.tail_start and len(user.text) - user.tail_start <= SHORT_TAIL


def shape(request: Request) -> str | None:
    """The output that the request's fields fix: a schema, or a tool that must be called."""
    prompt = request.prompt
    if prompt.tools and "tool_choice" in request.fields:
        choice: Any = msgspec.json.decode(request.fields["tool_choice"])
        if choice == "required" or is_mapping(choice):
            return "tool_call"
    given = prompt.response_format
    if given is None or given.type == "text":
        return None
    schema = (given.json_schema or {}).get("schema")
    return _schema_shape(schema) if is_mapping(schema) else "json"


def _schema_shape(schema: Mapping[str, Any]) -> str:
    fields = schema.get("properties")
    if not is_mapping(fields) or not 1 <= len(fields) <= MOST_FIELDS:
        return "json"
    if len(fields) == 1:
        (field,) = fields.values()
        if is_mapping(field) and field.get("type") == "boolean":
            return "yes_no"
        if is_mapping(field) and ("enum" in field or "const" in field):
            return "label"
    short = all(_is_short(name, field) for name, field in fields.items())
    return "json_field" if short else "json"


def _is_short(name: Any, field: Any) -> bool:
    if str(name).lower() in PROSE_FIELDS or not is_mapping(field):
        return False
    kind = field.get("type")
    kinds = kind if is_list(kind) else [kind]
    if "array" in kinds:
        return _is_short("", field.get("items"))
    return "enum" in field or "const" in field or ("object" not in kinds and kind is not None)
