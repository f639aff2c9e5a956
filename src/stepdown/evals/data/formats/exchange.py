"""Finds the prompt and the right answer in the free-form objects that tracing tools export.

What goes into a prompt beside its text is known only to the application: a row that has more than
one text to ask is refused rather than asked without the others.
"""

from collections.abc import Mapping
from typing import Any

from stepdown.evals.data.chat import NOT_ASKED, asks
from stepdown.evals.data.faults import BadField, cut, expected
from stepdown.evals.data.formats.langchain import said, turns
from stepdown.routing.shapes import is_list, is_mapping

PROMPTS = ("prompt", "input", "question", "query", "text", "user_input")
"""Under these a single text is the prompt, the first that is there."""
ANSWERS = (
    *("ideal", "expected", "expected_output", "expectedOutput", "reference", "ground_truth"),
    *("answer", "correct_answer", "output", "label", "correct_label", "completion"),
)
"""Under these stands the right answer, the first that is there."""
CHAT_FIELDS = (
    *("tools", "tool_choice", "parallel_tool_calls", "response_format", "temperature", "top_p"),
    *("max_tokens", "max_completion_tokens", "stop", "seed", "reasoning_effort"),
    *("presence_penalty", "frequency_penalty", "logit_bias"),
)
BESIDE = ("id", "metadata", "tags", "category", "split", "source", "difficulty", "type", "name")
"""What may stand beside a prompt without being a part of it."""


def asked(given: Any, field: str) -> dict[str, Any]:
    """The chat request of a text, a list of messages, or an object that holds one. Raises
    BadField."""
    if isinstance(given, str):
        return asks(given)
    if is_list(given):
        return {"messages": turns(given, field)}
    if not is_mapping(given) or not given:
        raise expected(field, "a text, messages, or an object with either", given)
    fields = {name: given[name] for name in CHAT_FIELDS if given.get(name) is not None}
    if is_list(messages := given.get("messages")):
        _nothing_else(given, "messages", field)
        return {"messages": turns(messages, f"{field}.messages"), **fields}
    name = next((name for name in PROMPTS if name in given), None)
    if name is None:
        name = _only(given, field)
    _nothing_else(given, name, field)
    return {**asked(given[name], f"{field}.{name}"), **fields}


def answered(given: Any) -> Any:
    """The right answer in a text, a message, or an object that holds one; None for nothing.

    An object of several values, none of them under a known name, is itself the answer.
    """
    if not is_mapping(given):
        return said(given)
    if not given:
        return None
    name = next((name for name in ANSWERS if given.get(name) is not None), None)
    if name is not None:
        return said(given[name])
    told = said(given)
    if told is given and len(given) == 1:
        [told] = given.values()
        return said(told)
    return told


def _only(given: Mapping[str, Any], field: str) -> str:
    names = _told(given)
    if len(names) == 1:
        return names[0]
    listed = ", ".join(map(repr, PROMPTS))
    got = cut(", ".join(map(repr, given)))
    raise BadField(field, f"expected messages, or a text under {listed}; got {got}")


def _nothing_else(given: Mapping[str, Any], name: str, field: str) -> None:
    for other in _told(given):
        if other != name:
            raise BadField(
                field,
                f"expected one text to ask, got {cut(name)!r} and {cut(other)!r}. "
                "Write the whole prompt, as it is sent, under 'prompt'.",
            )


def _told(given: Mapping[str, Any]) -> list[str]:
    """The names of what may be a part of the prompt: whatever holds text."""
    return [
        name
        for name, value in given.items()
        if value
        and (isinstance(value, str) or is_list(value) or is_mapping(value))
        and name not in (*CHAT_FIELDS, *NOT_ASKED, *BESIDE)
    ]
