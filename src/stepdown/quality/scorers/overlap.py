"""What the scorers of overlap share: the library sacrebleu, and the texts that it compares."""

from importlib import import_module
from typing import Any

from stepdown.quality.scorers.base import Base, references
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Task

READ = 20_000
"""Characters of an answer and of an expected text that are compared: 40 ms."""


class Overlap(Base):
    """0 to 1: a sentence-level metric of sacrebleu, against all expected texts at once."""

    def __init__(self, metric: Any) -> None:
        self._metric = metric

    def applies(self, task: Task) -> bool:
        return bool(_texts(task))

    def rate(self, choice: Choice, task: Task) -> float:
        if not choice.text.strip():
            return 0.0
        percent: float = self._metric.sentence_score(choice.text[:READ], _texts(task)).score
        return min(1.0, max(0.0, percent / 100))


def _texts(task: Task) -> list[str]:
    return [text[:READ] for text in references(task.expected) if text.strip()]


def metrics(path: str, problems: Problems) -> Any | None:
    """The library's metrics, or None with a problem where the extra is missing."""
    try:
        return import_module("sacrebleu.metrics")
    except ImportError:
        problems.add(path, "needs `pip install 'stepdown[overlap]'`")
        return None
