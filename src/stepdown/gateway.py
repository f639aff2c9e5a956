"""The library's face: a configured gateway inside of your own process, without a server.

    async with Gateway.from_config("config.yaml") as gateway:
        reply = await gateway.chat("Is this spam? …", intent="classification")
        person = await gateway.extract_with_cascade("Ada Lovelace, born 1815 …", Person)

    with Gateway.from_config("config.yaml").blocking() as gateway:   # the same, without async
        reply = gateway.chat("Is this spam? …")

What goes through it is routed, checked, priced and recorded as what comes over HTTP.
"""

import asyncio
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import msgspec
from msgspec import Raw, Struct

from stepdown.cascade.plan import Cascade
from stepdown.config.build import Built, build, price_of
from stepdown.config.reading import interpret, load
from stepdown.errors import ConfigError, InvalidField
from stepdown.extraction import Extracted, Shape
from stepdown.types import Attempt, Journey, Prompt, Request

T = TypeVar("T")
Messages = str | Sequence[Mapping[str, Any]]
"""A conversation as in OpenAI's chat requests; a text stands for one user turn."""


class Reply(Struct, frozen=True):
    """A model's answer, and how it came about.

    ``body`` is the chat completion as the upstream wrote it. ``cost`` and ``saved`` are US
    dollars, None where a price is unknown; ``attempts`` are all calls that were made for it.
    """

    body: bytes
    model: str
    decision: str
    cost: Decimal | None
    saved: Decimal | None
    attempts: tuple[Attempt, ...]

    @property
    def completion(self) -> dict[str, Any]:
        """The chat completion as plain objects."""
        return cast("dict[str, Any]", msgspec.json.decode(self.body))

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return _said(self.body).choices[0].message.content or ""


class Gateway:
    """One configuration, live. Use it as an asynchronous context manager, on one event loop."""

    def __init__(self, built: Built) -> None:
        self._built = built

    @classmethod
    def from_config(
        cls, config: str | Path | Mapping[str, Any], environ: Mapping[str, str] | None = None
    ) -> Self:
        """A gateway from a file, or from the same as a mapping. Connects to nothing yet.

        ``environ`` stands for the process's environment. Raises ConfigError.
        """
        if isinstance(config, Mapping):
            checked = interpret(config, os.environ if environ is None else environ)
        else:
            checked = load(config, environ)
        return cls(build(checked, price_of=price_of(checked)))

    async def __aenter__(self) -> Self:
        self._built.ledger.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, and write what the ledger still holds."""
        await self._built.upstreams.aclose()
        await asyncio.to_thread(self._built.ledger.close)

    @contextmanager
    def blocking(self) -> "Generator[BlockingGateway]":
        """The same gateway for code without an event loop; any thread may use it."""
        from anyio.from_thread import start_blocking_portal

        with start_blocking_portal() as portal, portal.wrap_async_context_manager(self):
            yield BlockingGateway(self, portal.call)

    # ── asking ───────────────────────────────────────────────────────────────────────────────

    async def chat(
        self,
        messages: Messages,
        *,
        model: str | None = None,
        intent: str | None = None,
        session: str | None = None,
        **fields: Any,
    ) -> Reply:
        """Ask a route or a model (without ``model``: the first route).

        ``fields`` are those of OpenAI's chat request and reach the upstream as they are.
        Raises StepdownError: RequestError for a request that is wrong, UpstreamError where no
        model answered.
        """
        request = self._request(messages, model, fields)
        request.intent, request.session = intent, session
        return await self._handle(request)

    async def extract_with_cascade(
        self,
        prompt: Messages,
        schema: type[T] | Mapping[str, Any],
        *,
        model: str | None = None,
        cascade: Cascade | None = None,
        **fields: Any,
    ) -> Extracted[T]:
        """Have data extracted by the cheapest rung whose answer fits the schema.

        ``schema`` is a pydantic model, any type that pydantic can validate, or a JSON Schema. The
        climb begins at the first rung of the route and goes up while an answer does not fit;
        ``cascade`` replaces these checks by others (the schema then only shapes the request).
        Raises InvalidField where the schema is unusable, ExtractionFailed where the last rung's
        answer does not fit either, and what ``chat`` raises.
        """
        shape: Shape[T] = Shape(schema)
        request = self._request(prompt, model, {**fields, "response_format": shape.wanted})
        if request.target not in self._built.routes:
            raise InvalidField(
                f"model: expected a route (a cascade needs a ladder), got {request.target!r}.",
                param="model",
            )
        reply = await self._handle(request, cascade or shape.cascade)
        return shape.read(reply.text, reply.model, reply.cost, reply.saved, reply.attempts)

    async def _handle(self, request: Request, cascade: Cascade | None = None) -> Reply:
        keeper = _Keeper()
        journey = await self._built.pipeline.handle(request, keeper, cascade=cascade)
        served = journey.served
        return Reply(
            keeper.body,
            "" if served is None else served.model,
            "" if journey.decision is None else journey.decision.name,
            journey.cost,
            journey.saved,
            tuple(journey.attempts),
        )

    def _request(self, messages: Messages, model: str | None, fields: Mapping[str, Any]) -> Request:
        """The request as it would have come over HTTP. Raises InvalidField."""
        if fields.get("stream"):
            raise InvalidField("stream: expected none here: replies come whole.", param="stream")
        turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        whole = {"model": model or self._default(), "messages": list(turns), **fields}
        try:
            body = msgspec.json.encode(whole)
            prompt = msgspec.json.decode(body, type=Prompt)
        except (msgspec.MsgspecError, TypeError) as error:
            raise InvalidField(f"The request cannot be sent: {error}.") from error
        return Request(
            f"sd-{token_hex(10)}", prompt, msgspec.json.decode(body, type=dict[str, Raw]), len(body)
        )

    def _default(self) -> str:
        if not self._built.routes:
            raise ConfigError(["routes: there is none, so a model has to be named"])
        return next(iter(self._built.routes))


class BlockingGateway:
    """A gateway for code without an event loop: the same methods, each waits for its reply."""

    def __init__(self, gateway: Gateway, call: Any) -> None:
        self._gateway = gateway
        self._call = call

    def chat(self, messages: Messages, **options: Any) -> Reply:
        """As ``Gateway.chat``."""
        return cast("Reply", self._call(lambda: self._gateway.chat(messages, **options)))

    def extract_with_cascade(
        self, prompt: Messages, schema: type[T] | Mapping[str, Any], **options: Any
    ) -> Extracted[T]:
        """As ``Gateway.extract_with_cascade``."""
        extract = self._gateway.extract_with_cascade
        return cast("Extracted[T]", self._call(lambda: extract(prompt, schema, **options)))


class _Keeper:
    """The client that stands for the caller: it keeps the answer."""

    body = b""

    async def answer(self, journey: Journey, body: bytes) -> None:
        self.body = body

    async def open_stream(self, journey: Journey) -> None:
        raise AssertionError("a reply that comes whole is no stream")

    async def write(self, data: bytes) -> None:
        raise AssertionError("a reply that comes whole is no stream")

    async def close_stream(self) -> None:
        raise AssertionError("a reply that comes whole is no stream")


class _Message(Struct):
    content: str | None = None


class _Choice(Struct):
    message: _Message


class _Said(Struct):
    choices: list[_Choice]


_said = msgspec.json.Decoder(_Said).decode
