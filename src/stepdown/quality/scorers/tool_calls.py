"""``tool_calls``: the answer calls the expected tools with the expected arguments.

    tool_calls
    tool_calls: {any_order: true}

Expected is ``{"tool_calls": [{"name": …, "arguments": {…}}, …]}``, or the same in OpenAI's form,
``{"function": {"name": …, "arguments": "{…}"}}``; an empty list means that no tool may be called.
Arguments are compared as JSON: the order of keys and ways to write a number do not count. The calls
have to come in the expected order, unless ``any_order`` is true. What the answer says beside them
does not count.
Source: platform.openai.com/docs/api-reference/chat/object#chat/object-choices
"""

from collections.abc import Sequence
from typing import Any

from msgspec import json

from stepdown.cascade.answers import meaning
from stepdown.cascade.validators.mapping import read_mapping
from stepdown.quality.scorers.base import Base, right
from stepdown.quality.scorers.switches import read_switch
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list, is_mapping
from stepdown.types import Choice, Task, ToolCall


class ToolCalls(Base):
    """1 for the expected calls and no others, else 0."""

    name = "tool_calls"

    def __init__(self, *, any_order: bool = False) -> None:
        self._any_order = any_order

    def applies(self, task: Task) -> bool:
        return expected_calls(task.expected) is not None

    def rate(self, choice: Choice, task: Task) -> float:
        wanted = expected_calls(task.expected) or ()
        return right(self._read(choice.tool_calls) == self._read(wanted))

    def _read(self, calls: Sequence[ToolCall]) -> list[str | None]:
        read = [
            meaning(Choice(tool_calls=(ToolCall(call.name, call.arguments.strip() or "{}"),)))
            for call in calls
        ]
        return sorted(read, key=str) if self._any_order else read


def expected_calls(expected: Any) -> tuple[ToolCall, ...] | None:
    """The calls that are right, or None where the expected value does not tell any."""
    calls = expected.get("tool_calls") if is_mapping(expected) else None
    if not is_list(calls):
        return None
    read = [_call(each) for each in calls]
    told = tuple(call for call in read if call is not None)
    return told if len(told) == len(read) else None


def _call(given: Any) -> ToolCall | None:
    inner = given.get("function", given) if is_mapping(given) else None
    name = inner.get("name") if is_mapping(inner) else None
    if not is_mapping(inner) or not isinstance(name, str):
        return None
    arguments = inner.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        arguments = json.encode(arguments).decode()
    return ToolCall(name, arguments or "")


def build(options: Any, path: str, problems: Problems) -> ToolCalls | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_mapping(options, ("any_order",), path, problems)
    any_order = read_switch(given, "any_order", path, problems)
    return ToolCalls(any_order=any_order) if len(problems.lines) == known else None
