"""``exact``: the answer is the expected text, letter by letter.

    exact
    exact: {strip: false}

Space around either does not count, unless ``strip`` is false. Of several expected texts any is
right; a value that is no text is compared as JSON without spaces.
"""

from typing import Any

from stepdown.cascade.validators.mapping import read_mapping
from stepdown.quality.scorers.base import Base, references, right
from stepdown.quality.scorers.switches import read_switch
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Task


class Exact(Base):
    """1 for an expected text, else 0."""

    name = "exact"

    def __init__(self, *, strip: bool = True) -> None:
        self._strip = strip

    def rate(self, choice: Choice, task: Task) -> float:
        text = self._read(choice.text)
        return right(any(text == self._read(each) for each in references(task.expected)))

    def _read(self, text: str) -> str:
        return text.strip() if self._strip else text


def build(options: Any, path: str, problems: Problems) -> Exact | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_mapping(options, ("strip",), path, problems)
    strip = read_switch(given, "strip", path, problems, default=True)
    return Exact(strip=strip) if len(problems.lines) == known else None
