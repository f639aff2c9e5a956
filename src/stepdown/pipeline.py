"""One request's journey through the gateway, top to bottom. Read this first.

    handle ─ decide ─ answer ─ call (try, wait, fall back) ─ pass the answer on ─ record

The pipeline knows Protocols only (``ports.py``). It does the waiting and the I/O; what to decide
and whom to call next are answered by objects that do none.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal

from msgspec import Struct

from stepdown.errors import (
    NoDeployment,
    StepdownError,
    UnknownModel,
    UpstreamError,
    UpstreamMalformed,
    UpstreamUnreachable,
)
from stepdown.names import known_names
from stepdown.ports import Client, Deployment, Fleet, Ledger, Reply, Route, StreamTap
from stepdown.routing.tokens import estimate
from stepdown.types import Attempt, Decision, Journey, Request, Usage, Wait

monotonic = time.monotonic


class Call(Struct):
    """An attempt that is under way, with what must be given back when it ends."""

    deployment: Deployment
    attempt: Attempt
    reply: Reply | None = None
    body: bytes = b""
    rest: AsyncIterator[bytes] | None = None
    tap: StreamTap | None = None


class Pipeline:
    """Answers requests by the routes, the models and the ledger of one configuration."""

    def __init__(self, routes: Mapping[str, Route], fleet: Fleet, ledger: Ledger) -> None:
        self.routes = routes
        self.fleet = fleet
        self.ledger = ledger

    async def handle(self, request: Request, client: Client) -> Journey:
        """Answer one request; return when its last byte is handed over.

        However it ends, the journey is recorded with what was spent.
        Raises StepdownError when there is no answer, or when a stream broke off.
        """
        journey = Journey(request, started=monotonic(), time=time.time())
        try:
            await self._decide(journey)
            await self._answer(journey, client)
            journey.outcome = "answered"
        except StepdownError as error:
            journey.error = error.code
            raise
        except asyncio.CancelledError:
            journey.outcome, journey.error = "cancelled", "client_gone"
            raise
        finally:
            journey.ended = monotonic()
            self.ledger.record(journey)
        return journey

    # ── which model ──────────────────────────────────────────────────────────────────────────

    async def _decide(self, journey: Journey) -> None:
        request = journey.request
        route = self.routes.get(request.target)
        if route is None:
            journey.decision = self._direct(request.target)
            journey.reference_model = journey.decision.model
            return
        journey.route = route.name
        journey.reference_model = route.ladder[-1]
        readings = route.read(request)
        if route.adviser is not None:
            readings["router"] = await route.adviser.advise(request, readings)
        journey.readings = readings
        journey.decision = route.decide(request, readings)

    def _direct(self, model: str) -> Decision:
        if self.fleet.serves(model):
            return Decision("direct", model)
        suggestion = known_names(model, [*self.routes, *self.fleet.models()])
        raise UnknownModel(f"The model {model!r} does not exist here.{suggestion}", param="model")

    # ── the answer ───────────────────────────────────────────────────────────────────────────

    async def _answer(self, journey: Journey, client: Client) -> None:
        call = await self._call(journey)
        try:
            if call.tap is None:
                self._end(journey, call)
                await client.answer(journey, call.body)
            else:
                await self._pass_on(journey, call, call.tap, client)
        except BaseException as error:
            self._end(journey, call, error)
            raise
        self._remember(journey)

    async def _pass_on(self, journey: Journey, call: Call, tap: StreamTap, client: Client) -> None:
        await client.open_stream(journey)
        await client.write(call.body)
        assert call.rest is not None
        async for data in call.rest:
            if shown := tap.feed(data):
                await client.write(shown)
            if tap.error is not None:
                raise tap.error
        if shown := tap.end():
            await client.write(shown)
        if not tap.finished:
            raise UpstreamUnreachable("The upstream ended its stream in the middle of the answer.")
        self._end(journey, call)
        await client.close_stream()

    def _remember(self, journey: Journey) -> None:
        if journey.route is not None and journey.decision is not None:
            self.routes[journey.route].remember(journey.request, journey.decision)

    # ── the calls ────────────────────────────────────────────────────────────────────────────

    async def _call(self, journey: Journey) -> Call:
        """Try deployments as the fleet plans it, until one begins to answer."""
        assert journey.decision is not None
        plan = self.fleet.attempts(journey.request, journey.decision.model)
        failure: UpstreamError | None = None
        last: UpstreamError | None = None
        while True:
            try:
                step = plan.send(failure)
            except StopIteration:
                nobody = "No deployment of this model is available now."
                raise last or NoDeployment(nobody) from None
            failure = None
            if isinstance(step, Wait):
                await asyncio.sleep(step.seconds)
                continue
            try:
                return await self._try(journey, step.deployment)
            except UpstreamError as error:
                failure = last = error

    async def _try(self, journey: Journey, deployment: Deployment) -> Call:
        """Call one deployment; return when its whole answer, or a stream's first bytes, are in."""
        request, streams = journey.request, journey.request.streams
        dialect = deployment.dialect
        attempt = Attempt(deployment.model, deployment.id, started=monotonic())
        journey.attempts.append(attempt)
        call = Call(deployment, attempt)
        self.fleet.began(deployment)
        try:
            reply = call.reply = await deployment.upstream.send(
                dialect.encode(request, deployment),
                stream=streams,
                timeouts=deployment.timeouts,
            )
            attempt.status = reply.status
            if reply.status != 200:
                raise dialect.failure(
                    reply.status, await reply.read(), reply.header(b"retry-after")
                )
            if streams:
                await self._first_bytes(request, call, reply)
            else:
                call.body = await reply.read()
                attempt.usage = dialect.usage(call.body)
            attempt.first_byte = monotonic()
        except BaseException as error:
            self._end(journey, call, error)
            raise
        return call

    async def _first_bytes(self, request: Request, call: Call, reply: Reply) -> None:
        """Read until there is something to show: until then another try is still possible."""
        tap = call.tap = call.deployment.dialect.tap(request, reply)
        call.rest = aiter(reply)
        while not call.body:
            try:
                call.body = tap.feed(await anext(call.rest))
            except StopAsyncIteration:
                raise UpstreamMalformed("The upstream's stream was empty.") from None
            if tap.error is not None:
                raise tap.error

    def _end(self, journey: Journey, call: Call, error: BaseException | None = None) -> None:
        """Close a call: give its connection back, price it, tell the fleet how it went."""
        attempt = call.attempt
        if attempt.ended is not None:
            return
        attempt.ended = monotonic()
        if call.reply is not None:
            call.reply.close()
        if call.tap is not None:
            attempt.usage = call.tap.usage
        if error is not None:
            attempt.error = error.code if isinstance(error, StepdownError) else "cancelled"
        if attempt.usage is None and _may_be_billed(call, error):
            attempt.usage, attempt.estimated = _estimated_usage(journey.request, call), True
        self._price(journey, call)
        self.fleet.ended(call.deployment, attempt, error)

    # ── what it cost ─────────────────────────────────────────────────────────────────────────

    def _price(self, journey: Journey, call: Call) -> None:
        """Price the call, and the journey with it: every attempt is paid for, failed ones too."""
        usage = call.attempt.usage
        if usage is None:
            return
        price = call.deployment.price
        call.attempt.cost = cost = None if price is None else price.cost(usage)
        journey.usage = usage
        journey.cost = _total(journey.attempts)
        reference = self.fleet.price(journey.reference_model or call.deployment.model)
        if reference is not price:
            cost = None if reference is None else reference.cost(usage)
        journey.reference_cost = cost


def _total(attempts: list[Attempt]) -> Decimal | None:
    """What the attempts cost together; None as soon as one used tokens that have no price."""
    if len(attempts) == 1:
        return attempts[0].cost
    used = [attempt for attempt in attempts if attempt.usage is not None]
    costs = [attempt.cost for attempt in used if attempt.cost is not None]
    return sum(costs, Decimal(0)) if len(costs) == len(used) else None


def _may_be_billed(call: Call, error: BaseException | None) -> bool:
    """Whether the upstream took the call up: then it is paid for, whoever broke it off."""
    return error is None or call.body != b"" or isinstance(error, asyncio.CancelledError)


def _estimated_usage(request: Request, call: Call) -> Usage:
    """What a call broken off will have used: the prompt, and a token for each streamed event."""
    events = 0 if call.tap is None else call.tap.events
    return Usage(input=round(estimate(request.prompt, request.fields).value), output=events)
