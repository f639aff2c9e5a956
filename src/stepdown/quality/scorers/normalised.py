"""``normalised``: the answer says the same as the expected text.

    normalised

Case, space, punctuation and quotes at the edges of words, emphasis and code fences do not count;
JSON is compared by its value. Of several expected texts any is right.
"""

from typing import Any

from stepdown.cascade.answers import meaning
from stepdown.quality.scorers.base import Base, references, right
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Task


class Normalised(Base):
    """1 for an answer with the meaning of an expected text, else 0."""

    name = "normalised"

    def applies(self, task: Task) -> bool:
        return bool(_meanings(task))

    def rate(self, choice: Choice, task: Task) -> float:
        return right(meaning(Choice(choice.text)) in _meanings(task))


def _meanings(task: Task) -> set[str]:
    """What the expected texts say, those without a word left out."""
    said = (meaning(Choice(text)) for text in references(task.expected))
    return {each for each in said if each is not None}


def build(options: Any, path: str, problems: Problems) -> Normalised | None:
    """A scorer; it has no options, so that any go to ``problems``."""
    if options is not None:
        problems.expected(path, "no options", options)
        return None
    return Normalised()
