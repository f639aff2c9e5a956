"""Scorers as users write them, for tests that load them by dotted path."""

from collections.abc import Generator, Sequence
from typing import Any

from stepdown.types import Choice, Consult, Scores, Task

NUMBER = 5


def polite(answer: str, task: Task) -> bool:
    return "please" in answer


def echo(answer: str, task: Task) -> Any:
    """What the row expects, as the score."""
    return task.expected


async def later(answer: str, task: Task) -> float:
    return 1.0


def at_least(words: int) -> Any:
    def score(answer: str, task: Task) -> float:
        return min(1.0, len(answer.split()) / words)

    return score


class Brief:
    def __init__(self, words: int = 2) -> None:
        self.words = words

    def score(self, answer: str, task: Task) -> float:
        return 1.0 if len(answer.split()) <= self.words else 0.0


class Named(Brief):
    name = "brief"

    def applies(self, task: Task) -> bool:
        return task.expected is not None


class Longest:
    """A judge that asks nobody, and likes the longest answer."""

    model = "gpt-4o"

    def judge(
        self, choices: Sequence[Choice | None], task: Task
    ) -> Generator[Consult, Sequence[Choice | None], Any]:
        yield Consult((task.request,), "judge", self.model)
        sizes = [None if each is None else len(each.text) for each in choices]
        most = max(size for size in sizes if size is not None)
        return self.scores(tuple(None if size is None else size / most for size in sizes))

    def scores(self, values: tuple[float | None, ...]) -> Any:
        return Scores(values, "longest")


class Double(Longest):
    def scores(self, values: tuple[float | None, ...]) -> Any:
        return Scores(tuple(2.0 for _ in values))


class TooMany(Longest):
    def scores(self, values: tuple[float | None, ...]) -> Any:
        return Scores((*values, 1.0))


class Bare(Longest):
    def scores(self, values: tuple[float | None, ...]) -> Any:
        return values


class Modelless:
    def judge(self, choices: Sequence[Choice | None], task: Task) -> Any: ...


class Both(Brief, Longest):
    pass


class Neither:
    pass


READY = Brief(1)


def by_letters(texts: list[str]) -> list[list[float]]:
    """An embedder: how often each vowel stands in a text."""
    return [[float(text.count(vowel)) for vowel in "aeiou"] for text in texts]


def too_few(texts: list[str]) -> list[list[float]]:
    return by_letters(texts)[1:]


def by_size(texts: list[str]) -> list[list[float]]:
    return [[1.0] * len(text) for text in texts]
