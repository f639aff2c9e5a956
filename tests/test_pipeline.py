"""The journey, driven with plain objects in place of models, routes and clients."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import pytest
from msgspec import Raw, Struct, json, structs

from stepdown.errors import (
    NoDeployment,
    StepdownError,
    UnknownModel,
    UpstreamError,
    UpstreamFailed,
    UpstreamUnreachable,
)
from stepdown.pipeline import Pipeline
from stepdown.ports import Client
from stepdown.providers.openai import OpenAIDialect
from stepdown.server.requests import parse
from stepdown.types import (
    Attempt,
    Decision,
    Hit,
    Journey,
    Reading,
    Request,
    Shrunk,
    Timeouts,
    Try,
    Usage,
    Verdict,
    Wait,
)

REPLY = json.encode({"choices": [{}], "usage": {"prompt_tokens": 100, "completion_tokens": 10}})
EVENT = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'
END = (
    b'data: {"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":10}}\n\ndata: [DONE]\n\n'
)


class FlatPrice:
    """So many dollars a token, in and out alike."""

    def __init__(self, rate: str) -> None:
        self.rate = Decimal(rate)

    def cost(self, usage: Usage) -> Decimal:
        return self.rate * (usage.input + usage.output)


class ScriptedReply:
    def __init__(self, status: int, pieces: Sequence[bytes | BaseException]) -> None:
        self.status = status
        self.pieces = list(pieces)
        self.closed = False

    def header(self, name: bytes) -> bytes | None:
        return None

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self.pieces:
            raise StopAsyncIteration
        piece = self.pieces.pop(0)
        if isinstance(piece, BaseException):
            raise piece
        await asyncio.sleep(0)
        return piece

    def close(self) -> None:
        self.closed = True


class ScriptedUpstream:
    """Answers each call with the next thing it was given."""

    def __init__(self, *answers: ScriptedReply | BaseException) -> None:
        self.answers = list(answers)

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> ScriptedReply:
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def aclose(self) -> None: ...


class Endpoint(Struct):
    id: str
    model: str
    upstream: Any
    price: FlatPrice | None
    upstream_model: str = "x"
    dialect: Any = OpenAIDialect()
    stream_usage: bool = True
    dropped: frozenset[str] = frozenset()
    timeouts: Timeouts = Timeouts()


class ListedFleet:
    """Tries its endpoints in order, whatever happens."""

    def __init__(self, *endpoints: Endpoint) -> None:
        self.endpoints = endpoints
        self.in_flight = 0
        self.endings: list[str | None] = []

    def models(self) -> list[str]:
        return sorted({endpoint.model for endpoint in self.endpoints})

    def serves(self, model: str) -> bool:
        return model in self.models()

    def price(self, model: str) -> FlatPrice | None:
        return next((e.price for e in self.endpoints if e.model == model), None)

    def attempts(
        self, request: Request, model: str, *, alone: bool = False
    ) -> Generator[Try | Wait, UpstreamError | None, None]:
        for endpoint in self.endpoints:
            if endpoint.model == model:
                if (yield Try(endpoint)) is None:
                    raise AssertionError("driven on after success")
                assert (yield Wait(0.0)) is None

    def began(self, deployment: Any) -> None:
        self.in_flight += 1

    def ended(self, deployment: Any, attempt: Attempt, error: BaseException | None) -> None:
        self.in_flight -= 1
        self.endings.append(attempt.error)


class FixedRoute:
    name = "auto"
    ladder = ("cheap", "strong")
    adviser = None

    def __init__(self) -> None:
        self.remembered = 0

    def read(self, request: Request) -> dict[str, Reading]:
        return {"tokens": Reading(5)}

    def decide(self, request: Request, readings: Mapping[str, Reading]) -> Decision:
        return Decision("short", "cheap", 0)

    def explain(self, readings: Mapping[str, Reading]) -> list[Verdict]:
        return []

    def remember(self, request: Request, rung: int) -> None:
        self.remembered += 1


class Ear:
    """A client that listens, and may hang up after some pieces."""

    def __init__(self, hang_up_after: int = 1000) -> None:
        self.heard = b""
        self.events: list[str] = []
        self.left = hang_up_after

    async def answer(self, journey: Journey, body: bytes) -> None:
        assert journey.cost is not None or journey.attempts[-1].usage is None
        self.heard += body
        self.events.append("answer")

    async def open_stream(self, journey: Journey) -> None:
        self.events.append("open")

    async def write(self, data: bytes) -> None:
        if self.left == 0:
            raise asyncio.CancelledError
        self.left -= 1
        self.heard += data

    async def close_stream(self) -> None:
        self.events.append("close")


class Book:
    def __init__(self) -> None:
        self.journeys: list[Journey] = []

    def record(self, journey: Journey) -> None:
        self.journeys.append(journey)


def cheap(*answers: ScriptedReply | BaseException, rate: str = "0.01") -> Endpoint:
    return Endpoint("c", "cheap", ScriptedUpstream(*answers), FlatPrice(rate))


STRONG = Endpoint("s", "strong", ScriptedUpstream(), FlatPrice("0.10"))


class Watching:
    """A shadow that listens to everything."""

    def __init__(self) -> None:
        self.own = Ear()
        self.said: list[tuple[str, str]] = []

    def listen(self, journey: Journey, client: Client) -> Client:
        assert journey.decision is not None
        self.said.append(("listen", journey.outcome))
        return self.own

    def offer(self, journey: Journey) -> None:
        assert journey.ended is not None
        self.said.append(("offer", journey.outcome))


class Held:
    """A cache that holds what it is given, and notes what it is asked."""

    def __init__(
        self, name: Literal["exact", "semantic"], said: list[str], hit: Hit | None = None
    ) -> None:
        self.name = name
        self.said = said
        self.hit = hit

    async def look(self, journey: Journey) -> Hit | None:
        self.said.append(f"{self.name} looks")
        journey.cache = "miss"
        return self.hit

    def listen(self, journey: Journey, client: Client) -> Client:
        assert journey.decision is not None
        self.said.append(f"{self.name} listens")
        return client

    def offer(self, journey: Journey) -> None:
        assert journey.ended is not None
        self.said.append(f"{self.name}: {journey.outcome}")


class Halving:
    """A compressor that takes half of a prompt of 200 tokens away."""

    async def compress(self, journey: Journey) -> Shrunk | None:
        assert journey.decision is not None
        shorter = structs.replace(journey.request, fields={"messages": Raw(b"[]")})
        return Shrunk(shorter, ("extract",), 200, 100)


def travel(
    *endpoints: Endpoint,
    ear: Ear | None = None,
    model: str = "auto",
    stream: bool = False,
    shadow: Watching | None = None,
    caches: Sequence[Held] = (),
    compressor: Halving | None = None,
) -> tuple[Journey, Ear, ListedFleet, BaseException | None]:
    """One request's journey, recorded, and the error it ended with."""
    fleet, book, client = ListedFleet(*endpoints), Book(), ear or Ear()
    compressors = {} if compressor is None else {model: compressor}
    pipeline = Pipeline(
        {"auto": FixedRoute()},
        fleet,
        book,
        shadow=shadow,
        caches={model: caches},
        compressors=compressors,
    )
    request = parse(
        [],
        json.encode(
            {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
        ),
    )
    error: BaseException | None = None
    try:
        asyncio.run(pipeline.handle(request, client))
    except (StepdownError, asyncio.CancelledError) as caught:
        error = caught
    (journey,) = book.journeys
    assert fleet.in_flight == 0
    assert journey.ended is not None
    return journey, client, fleet, error


def test_an_answer_is_priced_against_the_strong_model() -> None:
    reply = ScriptedReply(200, [REPLY])
    journey, ear, _, error = travel(cheap(reply), STRONG)
    assert error is None
    assert ear.heard == REPLY
    assert journey.outcome == "answered"
    assert (journey.cost, journey.reference_cost) == (Decimal("1.10"), Decimal("11.00"))
    assert journey.saved == Decimal("9.90")
    assert reply.closed


@pytest.mark.parametrize("stream", [False, True])
def test_a_shadow_hears_the_answer_and_the_end(stream: bool) -> None:
    shadow = Watching()
    pieces = [EVENT, END] if stream else [REPLY]
    _, ear, _, error = travel(
        cheap(ScriptedReply(200, [*pieces])), STRONG, stream=stream, shadow=shadow
    )
    assert error is None
    assert (ear.heard, shadow.own.heard != b"") == (b"", True)
    assert shadow.said == [("listen", "failed"), ("offer", "answered")]


def test_a_shadow_hears_of_failures_even_before_the_decision() -> None:
    shadow = Watching()
    travel(cheap(UpstreamUnreachable("a")), shadow=shadow)
    assert shadow.said == [("listen", "failed"), ("offer", "failed")]
    shadow = Watching()
    travel(cheap(), model="chaep", shadow=shadow)
    assert shadow.said == [("offer", "failed")]


def test_a_model_named_directly_saves_nothing() -> None:
    journey, _, _, _ = travel(cheap(ScriptedReply(200, [REPLY])), STRONG, model="cheap")
    assert journey.decision is not None
    assert journey.decision.name == "direct"
    assert journey.saved == 0


def test_an_unknown_model_is_named_with_its_neighbours() -> None:
    journey, _, _, error = travel(cheap(), model="chaep")
    assert isinstance(error, UnknownModel)
    assert "'cheap'" in error.message
    assert journey.outcome == "failed"
    assert journey.error == "model_not_found"


def test_a_failure_before_the_answer_is_tried_again_and_on_the_record() -> None:
    journey, ear, fleet, error = travel(
        cheap(UpstreamUnreachable("refused")),
        cheap(ScriptedReply(503, [b'{"error":{"message":"busy"}}'])),
        cheap(ScriptedReply(200, [b"<html>"])),
        cheap(ScriptedReply(200, [REPLY])),
        STRONG,
    )
    assert error is None
    assert ear.events == ["answer"]
    tried = ["upstream_unreachable", "upstream_failed", "upstream_malformed", None]
    assert [attempt.error for attempt in journey.attempts] == tried
    assert fleet.endings == tried


def test_when_nothing_is_left_the_last_failure_is_the_answer() -> None:
    _, _, _, error = travel(cheap(UpstreamUnreachable("a")), cheap(UpstreamFailed("b")))
    assert isinstance(error, UpstreamFailed)


def test_a_model_without_a_deployment_to_try() -> None:
    class Empty(ListedFleet):
        def attempts(
            self, request: Request, model: str, *, alone: bool = False
        ) -> Generator[Try | Wait, Any, None]:
            return
            yield

    with pytest.raises(NoDeployment):
        asyncio.run(
            Pipeline({}, Empty(cheap()), Book()).handle(
                parse([], b'{"model":"cheap","messages":[{"role":"user","content":"x"}]}'), Ear()
            )
        )


def test_a_stream_passes_and_its_usage_is_read() -> None:
    reply = ScriptedReply(200, [EVENT, EVENT, END])
    journey, ear, _, error = travel(cheap(reply), STRONG, stream=True)
    assert error is None
    assert ear.heard == EVENT * 2 + b"data: [DONE]\n\n"
    assert ear.events == ["open", "close"]
    assert journey.cost == Decimal("1.10")
    assert not journey.attempts[0].estimated


@pytest.mark.parametrize(
    "first",
    [
        [],
        [UpstreamUnreachable("cut")],
        [b'data: {"error":{"message":"overloaded"}}\n\n'],
        [EVENT[:10], UpstreamUnreachable("cut")],
    ],
)
def test_a_stream_that_fails_before_it_is_seen_is_tried_again(first: list[Any]) -> None:
    journey, ear, _, error = travel(
        cheap(ScriptedReply(200, first)),
        cheap(ScriptedReply(200, [EVENT, END])),
        STRONG,
        stream=True,
    )
    assert error is None
    assert ear.heard == EVENT + b"data: [DONE]\n\n"
    assert len(journey.attempts) == 2


@pytest.mark.parametrize(
    "rest",
    [
        [UpstreamUnreachable("cut")],
        [b'data: {"error":{"message":"overloaded"}}\n\n'],
        [],
    ],
    ids=["cut", "error event", "no end"],
)
def test_a_stream_that_breaks_off_is_a_failure_and_paid_for(rest: list[Any]) -> None:
    reply = ScriptedReply(200, [EVENT * 3, *rest])
    journey, ear, fleet, error = travel(cheap(reply), cheap(), STRONG, stream=True)
    assert isinstance(error, UpstreamError)
    assert ear.heard == EVENT * 3
    assert ear.events == ["open"]
    assert journey.outcome == "failed"
    assert len(journey.attempts) == 1
    (attempt,) = journey.attempts
    assert attempt.estimated
    assert attempt.usage is not None
    assert attempt.usage.output == 3
    assert journey.cost is not None
    assert fleet.endings == [error.code]
    assert reply.closed


def test_a_client_that_hangs_up_cancels_the_call_and_what_was_spent_is_recorded() -> None:
    reply = ScriptedReply(200, [EVENT] * 50 + [END])
    journey, _, fleet, error = travel(cheap(reply), STRONG, stream=True, ear=Ear(hang_up_after=5))
    assert isinstance(error, asyncio.CancelledError)
    assert reply.closed
    assert len(reply.pieces) > 40
    assert (journey.outcome, journey.error) == ("cancelled", "client_gone")
    assert journey.cost is not None
    assert journey.cost > 0
    assert fleet.endings == ["cancelled"]


def test_a_price_nobody_knows_makes_the_cost_unknown_not_zero() -> None:
    endpoint = Endpoint("c", "cheap", ScriptedUpstream(ScriptedReply(200, [REPLY])), None)

    class Deaf(Ear):
        async def answer(self, journey: Journey, body: bytes) -> None:
            self.events.append("answer")

    journey, _, _, _ = travel(endpoint, STRONG, ear=Deaf())
    assert journey.cost is None
    assert journey.saved is None


def test_only_an_answered_turn_is_remembered() -> None:
    for answer, count in ((ScriptedReply(200, [REPLY]), 1), (UpstreamFailed("x"), 0)):
        route = FixedRoute()
        pipeline = Pipeline({"auto": route}, ListedFleet(cheap(answer), STRONG), Book())
        request = parse([], b'{"model":"auto","messages":[{"role":"user","content":"x"}]}')
        handled: Callable[[], Any] = lambda: asyncio.run(pipeline.handle(request, Ear()))  # noqa: B023, E731
        if count:
            handled()
        else:
            with pytest.raises(UpstreamFailed):
                handled()
        assert route.remembered == count


STORED = Hit("entry", b"stored", "cheap", Usage(input=100, output=10), 0.0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_stored_answer_costs_nothing_and_asks_nobody(stream: bool) -> None:
    said: list[str] = []
    caches = [Held("exact", said, STORED), Held("semantic", said)]
    shadow = Watching()
    journey, ear, _, error = travel(cheap(), STRONG, stream=stream, caches=caches, shadow=shadow)
    assert error is None
    assert (ear.heard, ear.events) == (b"stored", ["open", "close"] if stream else ["answer"])
    assert said == ["exact looks", "exact: answered"]
    assert journey.decision == Decision("exact-cache", "cheap")
    assert (journey.cache, journey.route, journey.attempts) == ("exact", "auto", [])
    assert journey.cost == 0
    assert journey.saved == journey.reference_cost == Decimal("11.00")
    assert shadow.said == [("offer", "answered")]


def test_each_cache_sees_what_those_before_it_missed() -> None:
    said: list[str] = []
    caches = [Held("exact", said), Held("semantic", said, STORED)]
    journey, _, _, _ = travel(cheap(), STRONG, caches=caches)
    assert said == ["exact looks", "semantic looks", "exact: answered", "semantic: answered"]
    assert journey.cache == "semantic"


def test_after_a_miss_the_caches_hear_the_answer() -> None:
    said: list[str] = []
    caches = [Held("exact", said), Held("semantic", said)]
    journey, ear, _, _ = travel(cheap(ScriptedReply(200, [REPLY])), STRONG, caches=caches)
    assert (ear.heard, journey.cache) == (REPLY, "miss")
    assert said == [
        "exact looks",
        "semantic looks",
        "exact listens",
        "semantic listens",
        "exact: answered",
        "semantic: answered",
    ]


def test_the_caches_hear_of_a_failure() -> None:
    said: list[str] = []
    travel(cheap(UpstreamUnreachable("a")), caches=[Held("exact", said)])
    assert said == ["exact looks", "exact listens", "exact: failed"]


def test_what_a_waiting_request_is_told_is_its_end() -> None:
    class Failing(Held):
        async def look(self, journey: Journey) -> Hit | None:
            raise UpstreamFailed("the one that was waited for failed")

    said: list[str] = []
    journey, _, _, error = travel(cheap(), caches=[Failing("exact", said)])
    assert isinstance(error, UpstreamFailed)
    assert (journey.outcome, said) == ("failed", ["exact: failed"])


def test_a_shorter_prompt_is_sent_and_the_whole_one_is_the_reference() -> None:
    journey, _, _, error = travel(cheap(ScriptedReply(200, [REPLY])), STRONG, compressor=Halving())
    assert error is None
    assert journey.sent.fields == {"messages": Raw(b"[]")}
    assert journey.cost == Decimal("1.10")
    assert journey.reference_cost == Decimal("21.00")  # 200 tokens in, 10 out
    assert journey.compression_discount == Decimal("1.00")  # 100 tokens of the cheap model
