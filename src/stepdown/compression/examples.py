"""Finds few-shot examples among the turns: answered before the question was asked, and alike."""

import re
from collections.abc import Sequence

from stepdown.types import Message

SHORT_ANSWER = 400
"""Characters of an answer that may be an example by the likeness of the sizes alone."""
ALIKE = 4
"""An example's input is at most so many times longer or shorter than the question."""
LEAST_SIZE = 40
_LEAD = re.compile(r"\s*[^\n:]{1,40}:")


def examples(messages: Sequence[Message]) -> int:
    """How many messages from the start belong to examples (system turns before them included).

    Examples are pairs of a user turn and its answer at the beginning: with short answers and
    inputs about as long as the question, or all opened by the lead that opens the question.
    """
    question = next((each.text for each in reversed(messages) if each.role == "user"), "")
    at = 0
    while at < len(messages) and messages[at].role in ("system", "developer"):
        at += 1
    begun = at
    lead = _LEAD.match(question)
    while at + 2 < len(messages) and _is_pair(messages[at], messages[at + 1]):
        asked, answered = messages[at].text, messages[at + 1].text
        led = lead is not None and asked.startswith(lead[0])
        if not led and (len(answered) > SHORT_ANSWER or not _are_alike(asked, question)):
            break
        at += 2
    return at if at > begun else 0


def _is_pair(asked: Message, answered: Message) -> bool:
    return asked.role == "user" and answered.role == "assistant" and not answered.tool_calls


def _are_alike(one: str, other: str) -> bool:
    sizes = max(len(one), LEAST_SIZE), max(len(other), LEAST_SIZE)
    return max(sizes) <= ALIKE * min(sizes)
