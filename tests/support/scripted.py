"""Upstreams, a fleet and a client that follow a script, for journeys on one event loop."""

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct, json

from stepdown.errors import UpstreamError
from stepdown.providers.openai import OpenAIDialect
from stepdown.types import (
    Attempt,
    Decision,
    Journey,
    Reading,
    Request,
    Timeouts,
    Try,
    Usage,
    Verdict,
    Wait,
)
from support import chat

SILENCE = "silence"
"""A reply that goes no further."""
PAUSE = "pause"
"""One turn of the event loop."""
Step = bytes | BaseException | str | float


class TokenPrice:
    """So many dollars a token, in and out alike."""

    def __init__(self, rate: str) -> None:
        self.rate = Decimal(rate)

    def cost(self, usage: Usage) -> Decimal:
        return self.rate * (usage.input + usage.output)


class Reply:
    """Comes step by step: bytes, an error, a pause, seconds, or silence for ever."""

    status = 200

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.closed = 0

    def header(self, name: bytes) -> bytes | None:
        return None

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while self.steps:
            step = self.steps.pop(0)
            if isinstance(step, bytes):
                return step
            await follow(step)
        raise StopAsyncIteration

    def close(self) -> None:
        self.closed += 1


async def follow(step: Step) -> None:
    """What a step does that brings no bytes."""
    if isinstance(step, BaseException):
        raise step
    if step == SILENCE:
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep(0 if isinstance(step, str | bytes) else step)


class Upstream:
    """Answers as asked, whole or streamed, with the next words it was given."""

    def __init__(self, model: str, *answers: "Words | Reply | BaseException") -> None:
        self.model = model
        self.answers = list(answers)
        self.replies: list[Reply] = []
        self.asked: list[dict[str, Any]] = []

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> Reply:
        self.asked.append(json.decode(body))
        answer = self.answers.pop(0) if self.answers else Words("fine")
        if isinstance(answer, BaseException):
            raise answer
        reply = answer.reply(self.model, stream=stream) if isinstance(answer, Words) else answer
        self.replies.append(reply)
        return reply

    async def aclose(self) -> None: ...


class Words(Struct):
    """An answer, a step before each of its events (as often as there are steps) and at its end."""

    text: str
    steps: Sequence[Step] = ()
    end: Step | None = None

    def reply(self, model: str, *, stream: bool) -> Reply:
        words = self.text.split()
        if stream:
            events: list[bytes] = chat.stream(model, words, with_usage=True)
        else:
            events = [chat.completion(model, "".join(words), completion_tokens=len(words))]
        made: list[Step] = []
        for place, event in enumerate(events):
            made += [*self.steps[place : place + 1], event]
        if self.end is not None:
            made[-1:] = [self.end]
        return Reply(*made)


class Endpoint(Struct):
    model: str
    upstream: Any
    price: TokenPrice | None
    id: str = "d"
    upstream_model: str = "x"
    dialect: Any = OpenAIDialect()
    stream_usage: bool = True
    dropped: frozenset[str] = frozenset()
    timeouts: Timeouts = Timeouts()


class Fleet:
    """One endpoint a model, asked once; it counts what is under way."""

    def __init__(self, **upstreams: Upstream) -> None:
        self.endpoints = {
            model: Endpoint(model, upstream, TokenPrice("0.01" if model == "cheap" else "0.10"))
            for model, upstream in upstreams.items()
        }
        self.begun = 0
        self.endings: list[str | None] = []

    def models(self) -> list[str]:
        return sorted(self.endpoints)

    def serves(self, model: str) -> bool:
        return model in self.endpoints

    def price(self, model: str) -> TokenPrice | None:
        return self.endpoints[model].price

    def attempts(
        self, request: Request, model: str, *, alone: bool = False
    ) -> Generator[Try | Wait, UpstreamError | None, None]:
        yield Try(self.endpoints[model])

    def began(self, deployment: Any) -> None:
        self.begun += 1

    def ended(self, deployment: Any, attempt: Attempt, error: BaseException | None) -> None:
        self.endings.append(attempt.error)


class Ladder:
    """A route that always begins at its first rung."""

    name = "auto"
    adviser = None

    def __init__(self, *ladder: str) -> None:
        self.ladder = ladder
        self.remembered: list[int] = []

    def read(self, request: Request) -> dict[str, Reading]:
        return {}

    def decide(self, request: Request, readings: Mapping[str, Reading]) -> Decision:
        return Decision("always", self.ladder[0], 0)

    def explain(self, readings: Mapping[str, Reading]) -> list[Verdict]:
        return []

    def remember(self, request: Request, rung: int) -> None:
        self.remembered.append(rung)


class Ear:
    """A client that listens; ``steps`` are what each write takes, as often as there are some."""

    def __init__(self, *steps: Step) -> None:
        self.heard = b""
        self.events: list[str] = []
        self.steps = list(steps)
        self.cost: Decimal | None = None

    async def answer(self, journey: Journey, body: bytes) -> None:
        self.events.append("answer")
        self.cost = journey.cost
        self.heard += body

    async def open_stream(self, journey: Journey) -> None:
        self.events.append("open")

    async def write(self, data: bytes) -> None:
        if self.steps:
            await follow(self.steps.pop(0))
        self.heard += data

    async def close_stream(self) -> None:
        self.events.append("close")


class Book:
    """A ledger that keeps the journeys; ``unended`` are calls that were not over by then."""

    def __init__(self) -> None:
        self.journeys: list[Journey] = []
        self.unended: list[Attempt] = []

    def record(self, journey: Journey) -> None:
        self.journeys.append(journey)
        self.unended += [attempt for attempt in journey.attempts if attempt.ended is None]
