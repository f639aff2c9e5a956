"""``contains``: the expected text stands in the answer.

    contains
    contains: all
    contains: {match: all, case: true}

Of several expected texts ``any`` is enough, or ``all`` are needed. Case does not count unless
``case`` is true, nor do runs of space. A text counts inside of a word as well: for whole words take
``label`` or ``regex``.
"""

from typing import Any

from stepdown.cascade.validators.mapping import read_mapping
from stepdown.quality.scorers.base import Base, references, right
from stepdown.quality.scorers.switches import read_switch, read_word
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Task


class Contains(Base):
    """1 for an answer that holds any, or all, of the expected texts, else 0."""

    name = "contains"

    def __init__(self, *, every: bool = False, case: bool = False) -> None:
        self._every = every
        self._case = case

    def applies(self, task: Task) -> bool:
        return bool(self._wanted(task))

    def rate(self, choice: Choice, task: Task) -> float:
        text = self._read(choice.text)
        found = (each in text for each in self._wanted(task))
        return right(all(found) if self._every else any(found))

    def _wanted(self, task: Task) -> list[str]:
        """The texts to look for; what every text contains says nothing."""
        return [text for each in references(task.expected) if (text := self._read(each))]

    def _read(self, text: str) -> str:
        text = " ".join(text.split())
        return text if self._case else text.casefold()


def build(options: Any, path: str, problems: Problems) -> Contains | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    if isinstance(options, str):
        options = {"match": options}
    given = read_mapping(options, ("match", "case"), path, problems)
    match = read_word(given, "match", ("any", "all"), path, problems)
    case = read_switch(given, "case", path, problems)
    return Contains(every=match == "all", case=case) if len(problems.lines) == known else None
