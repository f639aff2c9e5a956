"""What scorers have in common: what of an answer they read, and what counts as right."""

from abc import ABC, abstractmethod
from typing import Any

from msgspec import json

from stepdown.routing.shapes import is_list
from stepdown.types import Choice, Task


class Base(ABC):
    """Scores the text of an answer against what is expected.

    An answer is its text (``Choice.text``), its refusal or its tool calls. One rule for all
    scorers: a refusal scores 0, whatever is expected. Tool calls are no text, so that an answer of
    these alone reads as an empty text; only the scorer ``tool_calls`` reads them. Where nothing is
    expected, a scorer does not apply, and what does not apply has no score.
    """

    name = ""

    def applies(self, task: Task) -> bool:
        """Whether it can score answers to this task."""
        return bool(references(task.expected))

    def score(self, choice: Choice, task: Task) -> float | None:
        """0 (worst) to 1 (best), or None where it cannot tell."""
        if not self.applies(task):
            return None
        return 0.0 if choice.refusal else self.rate(choice, task)

    @abstractmethod
    def rate(self, choice: Choice, task: Task) -> float | None:
        """The score of an answer that is no refusal, to a task that this applies to."""


def references(expected: Any) -> tuple[str, ...]:
    """The texts that are right, each by itself; none where nothing is known.

    A list of texts stands for each of them. Any other value that is no text is written as JSON.
    """
    if expected is None:
        return ()
    return texts_of(expected) or (json.encode(expected).decode(),)


def texts_of(expected: Any) -> tuple[str, ...]:
    """The same, where what is expected is a text or a list of texts; else none."""
    texts: Any = (expected,) if isinstance(expected, str) else expected
    if is_list(texts) and all(isinstance(each, str) for each in texts):
        return tuple(texts)
    return ()


def right(is_right: bool) -> float:
    """The score of an answer that is right or wrong."""
    return 1.0 if is_right else 0.0
