"""Checks as users write them, for tests that load them by dotted path."""

from collections.abc import Generator, Sequence
from typing import Any

from stepdown.types import Choice, Consult, Request

NUMBER = 5


def polite(choice: Choice, request: Request) -> bool:
    return "please" in choice.text


def short(choice: Choice, request: Request, limit: int = 5) -> str | None:
    return "too\nlong" if len(choice.text) > limit else None


def strange(choice: Choice, request: Request) -> Any:
    return 1


async def later(choice: Choice, request: Request) -> bool:
    return True


def at_most(limit: int, words: str = "characters") -> Any:
    def check(choice: Choice, request: Request) -> str | None:
        return f"more than {limit} {words}" if len(choice.text) > limit else None

    return check


class MaxWords:
    vouches = False

    def __init__(self, limit: int = 2) -> None:
        self.limit = limit

    def check(self, choice: Choice, request: Request) -> str | bool:
        return len(choice.text.split()) <= self.limit or f"more than {self.limit} words"


class Complete(MaxWords):
    name = "complete"
    settles = True
    top_logprobs = 3

    def applies(self, request: Request) -> bool:
        return False

    def watch(self, request: Request) -> None:
        return None


class Twice:
    def grade(
        self, choice: Choice, request: Request
    ) -> Generator[Consult, Sequence[Choice | None], bool]:
        told = yield Consult((request,), "sample")
        return told[0] is not None and told[0].text == choice.text


class Both(MaxWords, Twice):
    pass


class Neither:
    pass


READY = MaxWords(1)
