"""Evaluations of a route over scripted models, on one event loop."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import json

from stepdown.cascade.options import read_cascades
from stepdown.cascade.plan import Cascades
from stepdown.evals.asking import Asker
from stepdown.evals.items import Item
from stepdown.evals.replies import FromModels
from stepdown.evals.run import Evaluation, Ran
from stepdown.evals.scoring import Scoring
from stepdown.evals.store import Store
from stepdown.routing.problems import Problems
from stepdown.routing.route import PolicyRoute, build_route
from stepdown.types import Timeouts
from support import chat
from support.scripted import Fleet, Reply, Upstream

EASY = {"name": "easy", "when": {"intent": "easy"}, "rung": 0}
"""A rule for the rows that are to go down; all others go to the last rung."""
LADDER = ("cheap", "strong")
Said = str | bytes | BaseException
Say = Callable[[Mapping[str, Any]], Said]
"""What a model says to a body: a text, a whole reply, or a failure."""


def item(number: int = 1, text: str | None = None, **fields: Any) -> Item:
    """An easy row, unless it has another intent; ``body`` adds to what is asked."""
    message = {"role": "user", "content": f"{number}?" if text is None else text}
    body = {"messages": [message], **fields.pop("body", {})}
    given: dict[str, Any] = {"id": f"row-{number}", "line": number, "intent": "easy", **fields}
    return Item(body=body, **given)


def text_of(body: Mapping[str, Any]) -> str:
    """The last turn's text."""
    return str(body["messages"][-1]["content"])


def saying(text: str) -> Say:
    return lambda body: text


FINE = saying("fine")


class Speaker(Upstream):
    """Answers each body as ``say`` does, after as many turns of the loop as ``pause`` says.

    An answer uses 19 tokens of input and one of output, and has a log probability where asked.
    """

    def __init__(
        self, say: Say = FINE, pause: Callable[[Mapping[str, Any]], int] = lambda body: 0
    ) -> None:
        super().__init__("speaker")
        self._say = say
        self._pause = pause

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> Reply:
        asked = json.decode(body)
        self.asked.append(asked)
        for _ in range(self._pause(asked)):
            await asyncio.sleep(0)
        said = self._say(asked)
        if isinstance(said, BaseException):
            raise said
        if isinstance(said, bytes):
            return Reply(said)
        told = chat.logprobs([said], -0.5) if asked.get("logprobs") else None
        return Reply(chat.completion("x", said, completion_tokens=1, logprobs=told))


def route_of(*rules: Any, ladder: Sequence[str] = LADDER, **options: Any) -> PolicyRoute:
    given = {"ladder": list(ladder), "rules": list(rules or [EASY]), **options}
    return build_route("auto", given, price_of=lambda model: None)


def cascades_of(*validators: Any, rungs: int = 2, **cascade: Any) -> Cascades:
    """A cascade for every rule."""
    problems = Problems()
    given = {"cascade": {"validators": list(validators), **cascade}}
    read = read_cascades(given, "route", rungs=rungs, problems=problems)
    problems.check()
    assert read is not None
    return read


class Bench:
    """A route over speakers, by their models' names, with one asker."""

    def __init__(
        self,
        store: Store,
        *,
        route: PolicyRoute | None = None,
        cascades: Cascades | None = None,
        scorers: Sequence[Any] = (),
        judge: tuple[str, Mapping[str, Any]] | None = None,
        budget: Any = None,
        stop: Any = None,
        concurrency: int = 8,
        **speakers: Speaker,
    ) -> None:
        self.route = route or route_of()
        self.speakers = {name: Speaker() for name in self.route.ladder} | speakers
        self.asker = Asker(
            Fleet(**self.speakers),
            store,
            str,
            concurrency=concurrency,
            budget=budget,
            stop=stop,
        )
        self.evaluation = Evaluation(
            self.route,
            FromModels(self.asker, self.route.ladder),
            Scoring(scorers, judge),
            cascades=cascades,
            asker=self.asker,
        )

    def run(self, *items: Item, **options: Any) -> Ran:
        async def within_time() -> Ran:
            async with asyncio.timeout(20), self.asker:
                return await self.evaluation.run(items, **options)

        return asyncio.run(within_time())

    def asked(self) -> dict[str, int]:
        """How often each model was asked."""
        return {name: len(speaker.asked) for name, speaker in self.speakers.items()}
