"""Reads messages as OpenAI and as LangChain write them.

    {"role": "user", "content": "…"}
    {"type": "human", "content": "…"}, {"type": "human", "data": {"content": "…"}}
    {"lc": 1, "type": "constructor", "id": ["langchain_core", …, "HumanMessage"], "kwargs": {…}}

Source: reference.langchain.com/python/langchain_core/messages
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import json

from stepdown.evals.data.faults import BadField, expected
from stepdown.routing.shapes import is_list, is_mapping

_ROLES = {
    "human": "user",
    "HumanMessage": "user",
    "ai": "assistant",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "SystemMessage": "system",
    "tool": "tool",
    "ToolMessage": "tool",
    "developer": "developer",
}


def turns(given: Sequence[Any], field: str) -> list[Mapping[str, Any]]:
    """A list of messages in OpenAI's form; one list around them is taken off. Raises BadField."""
    if len(given) == 1 and is_list(given[0]):
        [given] = given
    found: list[Mapping[str, Any]] = []
    for place, each in enumerate(given):
        turn = _turn(each)
        if turn is None:
            raise expected(f"{field}[{place}]", "a message with a role and a content", each)
        found.append(turn)
    if not found:
        raise BadField(field, "expected messages, got an empty list")
    return found


def said(given: Any) -> Any:
    """The text of a message, of the last of several, or of what a model generated; any other value
    as it is."""
    value = _last(given)
    if not is_mapping(value):
        return given
    if is_list(generations := value.get("generations")):
        generation = _last(generations)
        text = generation.get("text") if is_mapping(generation) else None
        return text if isinstance(text, str) else said(generations)
    for name in ("messages", "choices"):
        if is_list(value.get(name)):
            return said(value[name])
    if is_mapping(value.get("message")):
        return said(value["message"])
    turn = _turn(value)
    content = None if turn is None else turn.get("content")
    return content if isinstance(content, str) else given


def _last(value: Any) -> Any:
    """The last object of a list, or of the lists in it."""
    while is_list(value) and value and (is_mapping(value[-1]) or is_list(value[-1])):
        value = value[-1]
    return value


def _turn(message: Any) -> Mapping[str, Any] | None:
    if not is_mapping(message):
        return None
    if isinstance(message.get("role"), str):
        return message
    kind: Any = message.get("type")
    inner: Any = message.get("data", message)
    if kind == "constructor" and is_list(path := message.get("id")) and path:
        kind, inner = path[-1], message.get("kwargs")
    if not isinstance(kind, str) or kind not in _ROLES or not is_mapping(inner):
        return None
    if "content" not in inner:
        return None
    turn: dict[str, Any] = {"role": _ROLES[kind], "content": inner["content"]}
    if turn["role"] == "tool":
        turn["tool_call_id"] = inner.get("tool_call_id")
    if calls := _calls(inner):
        turn["tool_calls"] = calls
    return turn


def _calls(message: Mapping[str, Any]) -> list[Any]:
    """Tool calls in OpenAI's form, which LangChain keeps beside its own."""
    beside = message.get("additional_kwargs")
    if is_mapping(beside) and is_list(beside.get("tool_calls")):
        return list(beside["tool_calls"])
    own = message.get("tool_calls")
    return [
        {
            "id": call.get("id"),
            "type": "function",
            "function": {
                "name": call.get("name"),
                "arguments": json.encode(call.get("args", {})).decode(),
            },
        }
        for call in (own if is_list(own) else ())
        if is_mapping(call)
    ]
