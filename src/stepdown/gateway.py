"""The library's face: a configured gateway inside of your own process, without a server.

    async with Gateway.from_config("config.yaml") as gateway:
        reply = await gateway.chat("Is this spam? …", intent="classification")
        found = await gateway.extract_with_cascade("Ada Lovelace, born 1815 …", Person)

    with Gateway.from_config("config.yaml").blocking() as gateway:   # the same, without async
        reply = gateway.chat("Is this spam? …")

What goes through it is routed, checked, priced and recorded as what comes over HTTP.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast, overload

import msgspec
from msgspec import Struct, structs

from stepdown.cascade.options import read_cascade
from stepdown.cascade.plan import MODE_HEADER, UNHURRIED, Cascade, Cascades
from stepdown.config.build import Built, build, price_of
from stepdown.config.reading import interpret, load
from stepdown.errors import ExtractionFailed, InvalidField, UnknownModel
from stepdown.extraction import Extracted, Misfit, Shape, shape_of
from stepdown.names import known_names
from stepdown.requests import request_of
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_mapping
from stepdown.types import ACCEPTED, Attempt, Journey, Request

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")
Messages = str | Sequence[Mapping[str, Any]]
"""A conversation as in OpenAI's chat requests; a text stands for one user turn."""
Checks = Mapping[str, Any] | Sequence[Any]
"""A cascade as in the configuration: its mapping, or the list of its validators."""


class Reply(Struct, frozen=True):
    """A model's answer, and how it came about.

    ``body`` is the chat completion as the upstream wrote it. ``id`` is the ledger's. ``cost`` and
    ``saved`` are US dollars, None where a price is unknown; ``attempts`` are all calls that were
    made for it. ``rejected_by`` names the check that this answer did not pass, where it was served
    for want of a better one (``serve_best_effort``).
    """

    id: str
    body: bytes
    model: str
    decision: str
    cost: Decimal | None
    saved: Decimal | None
    attempts: tuple[Attempt, ...]
    rejected_by: str | None = None

    @property
    def completion(self) -> dict[str, Any]:
        """The chat completion as plain objects."""
        return cast("dict[str, Any]", msgspec.json.decode(self.body))

    @property
    def text(self) -> str:
        """The text of the first choice; empty where it has none."""
        choices = _said(self.body).choices
        return (choices[0].message.content or "") if choices else ""


class Gateway:
    """One configuration, live. Use it as an asynchronous context manager, on one event loop."""

    def __init__(self, built: Built) -> None:
        self._built = built
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @classmethod
    def from_config(
        cls,
        config: str | os.PathLike[str] | Mapping[str, Any],
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """A gateway from a file, or from the same as a mapping. Connects to nothing yet.

        ``environ`` stands for the process's environment. Raises ConfigError.
        """
        if isinstance(config, Mapping):
            checked = interpret(config, os.environ if environ is None else environ)
        else:
            checked = load(Path(config), environ)
        return cls(build(checked, price_of=price_of(checked)))

    @property
    def routes(self) -> Mapping[str, Sequence[str]]:
        """The routes that can be asked, each with its ladder, cheapest first."""
        return {name: list(route.ladder) for name, route in self._built.routes.items()}

    @property
    def notes(self) -> Sequence[str]:
        """What the configuration says and the gateway does not do, one line each."""
        return tuple(self._built.notes)

    async def __aenter__(self) -> Self:
        if self._closed or self._loop is not None:
            raise RuntimeError("this gateway was opened before: make another with from_config")
        self._loop = asyncio.get_running_loop()
        self._built.ledger.start()
        if self._built.caching is not None:
            self._built.caching.start()
        if self._built.guarding is not None:
            self._built.guarding.start()
            try:
                await self._built.guarding.known()
            except BaseException:
                await self.aclose()
                raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the shadows, close the connections, and write what is still held."""
        self._closed = True
        try:
            if self._built.guarding is not None:
                await self._built.guarding.aclose()
            if self._built.caching is not None:
                await self._built.caching.aclose()
            await self._built.upstreams.aclose()
        finally:
            await asyncio.to_thread(self._built.ledger.close)

    @contextmanager
    def blocking(self) -> "Generator[BlockingGateway]":
        """The same gateway for code without an event loop; any thread may use it.

        Its calls run at once on an event loop in a thread of its own.
        """
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
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Reply:
        """Ask a route or a model (without ``model``: the first route).

        ``fields`` are those of OpenAI's chat request and reach the upstream as they are;
        ``headers`` are what rules read as ``header.NAME``, and ``x-stepdown-mode``.
        Raises RequestError for a request that is wrong, UpstreamError where no model answered.
        """
        request = self._request(messages, model, fields, headers, intent, session)
        return await self._handle(request)

    @overload
    async def extract_with_cascade(
        self,
        prompt: Messages,
        schema: "type[T] | TypeAdapter[T]",
        *,
        model: str | None = None,
        cascade: Checks | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Extracted[T]: ...

    @overload
    async def extract_with_cascade(
        self,
        prompt: Messages,
        schema: Any,
        *,
        model: str | None = None,
        cascade: Checks | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Extracted[Any]: ...

    async def extract_with_cascade(
        self,
        prompt: Messages,
        schema: Any,
        *,
        model: str | None = None,
        cascade: Checks | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Extracted[Any]:
        """Have data extracted by the cheapest rung whose answer fits the schema.

        ``schema`` is a pydantic model, any other type that pydantic can validate, or a JSON
        Schema. The climb begins at the route's first rung and goes up while an answer does not
        fit, with the route's time limits; ``cascade`` puts its own options in place of those, and
        adds its validators. ``fields`` may hold another ``response_format``.
        Raises InvalidField where the schema or the cascade is unusable or ``model`` is no route,
        ExtractionFailed where the last rung's answer does not fit either, and what ``chat`` raises.
        """
        shape = shape_of(schema)
        whole = {"response_format": shape.response_format, **fields}
        request = self._request(prompt, model, whole, headers)
        self._check_route(request.target)
        reply = await self._handle(request, self._cascade(request, shape, cascade))
        try:
            value = shape.read(reply.text)
        except Misfit as misfit:
            reason = str(misfit)
        else:
            return Extracted(value, reply.model, reply.cost, reply.saved, reply.attempts)
        raise ExtractionFailed(
            f"No rung gave data that fits. The last answer, from {reply.model}: {reason}.",
            model=reply.model,
            cost=reply.cost,
            attempts=reply.attempts,
        )

    async def _handle(self, request: Request, cascade: Cascade | None = None) -> Reply:
        if self._closed or self._loop is not asyncio.get_running_loop():
            raise RuntimeError(
                "a gateway answers within its 'async with' block, on that block's event loop"
            )
        keeper = _Keeper()
        journey = await self._built.pipeline.handle(request, keeper, cascade=cascade)
        served = journey.served
        verdict = None if served is None else served.verdict
        return Reply(
            request.id,
            keeper.body,
            _model_of(journey),
            "" if journey.decision is None else journey.decision.name,
            journey.cost,
            journey.saved,
            tuple(journey.attempts),
            None if verdict == ACCEPTED else verdict,
        )

    # ── what is asked ────────────────────────────────────────────────────────────────────────

    def _request(
        self,
        messages: Messages,
        model: str | None,
        fields: Mapping[str, Any],
        headers: Mapping[str, str] | None,
        intent: str | None = None,
        session: str | None = None,
    ) -> Request:
        """The request as it would have come over HTTP. Raises InvalidField."""
        if fields.get("stream"):
            raise InvalidField("stream: expected none here: replies come whole.", param="stream")
        turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        if not turns:
            raise InvalidField("messages: expected at least one, got none.", param="messages")
        whole = {"model": model or self._default(), "messages": list(turns), **fields}
        try:
            return request_of(whole, headers=headers, intent=intent, session=session)
        except InvalidField as error:
            raise InvalidField(f"The request cannot be sent: {error}.") from error

    def _default(self) -> str:
        for route in self._built.routes:
            return route
        raise InvalidField(
            "model: expected a model, since the configuration has no route.", param="model"
        )

    def _check_route(self, target: str) -> None:
        """Raises InvalidField or UnknownModel where the target is no route."""
        routes = self._built.routes
        if target in routes:
            return
        if self._built.fleet.serves(target):
            raise InvalidField(
                f"model: expected a route, since a cascade needs a ladder; {target!r} is a model."
                f"{known_names(target, routes)}",
                param="model",
            )
        hint = known_names(target, routes)
        raise UnknownModel(f"The route {target!r} does not exist here.{hint}", param="model")

    def _cascade(self, request: Request, shape: Shape[Any], given: Checks | None) -> Cascade:
        """The shape's checks first, in the cascade given or else in the route's time limits."""
        if given is not None:
            cascade = self._read_cascade(given)
        else:
            kept = self._built.pipeline.cascades.get(request.target)
            cascade = (kept and kept.default) or Cascade()
            cascade = structs.replace(cascade, validators=(), graders=(), serve_best_effort=False)
        patience = cascade.patience
        if request.headers.get(MODE_HEADER) == "batch":
            patience = UNHURRIED
        validators = (*shape.validators, *cascade.validators)
        return structs.replace(cascade, validators=validators, patience=patience)

    def _read_cascade(self, given: Checks) -> Cascade:
        """Raises InvalidField."""
        if is_mapping(given):
            given = {"validators": ["finish_reason"], **given}
        problems = Problems()
        cascade = read_cascade(given, "cascade", problems)
        for model in () if cascade is None else Cascades(cascade).asks():
            if not self._built.fleet.serves(model):
                hint = known_names(model, self._built.fleet.models())
                problems.add("cascade.validators", f"there is no model {model!r}.{hint}")
        if problems.lines or cascade is None:
            raise InvalidField("; ".join(problems.lines), param="cascade")
        return cascade


class BlockingGateway:
    """A gateway for code without an event loop: the same methods, each waits for its reply."""

    def __init__(
        self, gateway: Gateway, run: Callable[[Callable[[], Awaitable[Any]]], Any]
    ) -> None:
        self._gateway = gateway
        self._run = run

    @property
    def routes(self) -> Mapping[str, Sequence[str]]:
        """As ``Gateway.routes``."""
        return self._gateway.routes

    def chat(
        self,
        messages: Messages,
        *,
        model: str | None = None,
        intent: str | None = None,
        session: str | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Reply:
        """As ``Gateway.chat``."""
        options: dict[str, Any] = {"model": model, "intent": intent, "session": session}
        chat = self._gateway.chat
        reply: Reply = self._run(lambda: chat(messages, headers=headers, **options, **fields))
        return reply

    @overload
    def extract_with_cascade(
        self,
        prompt: Messages,
        schema: "type[T] | TypeAdapter[T]",
        *,
        model: str | None = None,
        cascade: Checks | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Extracted[T]: ...

    @overload
    def extract_with_cascade(
        self,
        prompt: Messages,
        schema: Any,
        *,
        model: str | None = None,
        cascade: Checks | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Extracted[Any]: ...

    def extract_with_cascade(
        self,
        prompt: Messages,
        schema: Any,
        *,
        model: str | None = None,
        cascade: Checks | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Extracted[Any]:
        """As ``Gateway.extract_with_cascade``."""
        options: dict[str, Any] = {"model": model, "cascade": cascade, "headers": headers}
        extract = self._gateway.extract_with_cascade
        found: Extracted[Any] = self._run(lambda: extract(prompt, schema, **options, **fields))
        return found


def _model_of(journey: Journey) -> str:
    """The model whose answer was served."""
    if journey.hit is not None:
        return journey.hit.model
    return "" if journey.served is None else journey.served.model


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
    message: _Message = msgspec.field(default_factory=_Message)


class _Said(Struct):
    choices: list[_Choice] = []


_said = msgspec.json.Decoder(_Said).decode
