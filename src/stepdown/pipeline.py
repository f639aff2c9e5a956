"""One request's journey through the gateway, top to bottom. Read this first.

    handle ─ caches ─ decide ─ compress ─ answer ─ call (try, wait, fall back) ─ serve ─ record
                                            └─── climb (``ascent.py``): call a cheap rung, check it,
                                                 go up
    At the end, however it comes: the ledger records, the shadow samples, the caches keep.

The pipeline knows Protocols only (``ports.py``). It does the waiting and the I/O; what to decide,
whom to call next and whether an answer will do are answered by objects that do none.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import structs

from stepdown.ascent import Ascent
from stepdown.calls import Call, total
from stepdown.cascade.plan import CASCADE, Cascade, Cascades
from stepdown.errors import NoDeployment, StepdownError, UnknownModel, UpstreamError
from stepdown.names import known_names
from stepdown.ports import Cache, Client, Compressor, Fleet, Ledger, Route, Shadow
from stepdown.types import Attempt, Decision, Hit, Journey, Request, Role, Usage, Wait

monotonic = time.monotonic


class Pipeline:
    """Answers requests by the routes, the models and the ledger of one configuration."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        fleet: Fleet,
        ledger: Ledger,
        cascades: Mapping[str, Cascades] | None = None,
        shadow: Shadow | None = None,
        caches: Mapping[str, Sequence[Cache]] | None = None,
        compressors: Mapping[str, Compressor] | None = None,
    ) -> None:
        """``caches`` are by route or model, in the order in which they are asked; ``compressors``
        by route or model."""
        self.routes = routes
        self.fleet = fleet
        self.ledger = ledger
        self.cascades = cascades or {}
        self.shadow = shadow
        self.caches = caches or {}
        self.compressors = compressors or {}

    async def handle(
        self, request: Request, client: Client, *, cascade: Cascade | None = None
    ) -> Journey:
        """Answer one request; return when its last byte is handed over.

        ``cascade`` is the caller's own, in place of the route's: the climb then begins at the
        first rung. However it ends, the journey is recorded with what was spent.
        Raises StepdownError when there is no answer, or when a stream broke off.
        """
        journey = Journey(request, started=monotonic(), time=time.time())
        caches = self.caches.get(request.target, ()) if cascade is None else ()
        asked: list[Cache] = []
        try:
            for cache in caches:
                asked.append(cache)
                hit = await cache.look(journey)
                if hit is not None:
                    await self._serve_again(journey, cache, hit, client)
                    return journey
            await self.decide(journey)
            if self.compressors:
                await self._compress(journey)
            for cache in caches:
                client = cache.listen(journey, client)
            if self.shadow is not None:
                client = self.shadow.listen(journey, client)
            await self._answer(journey, client, self._cascade(journey, cascade))
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
            if self.shadow is not None:
                self.shadow.offer(journey)
            for cache in asked:
                cache.offer(journey)
        return journey

    # ── what was answered before ─────────────────────────────────────────────────────────────

    async def _serve_again(self, journey: Journey, cache: Cache, hit: Hit, client: Client) -> None:
        """Answer with what a cache holds. It costs nothing; the reference would have been asked."""
        target = journey.request.target
        route = self.routes.get(target)
        journey.route = None if route is None else route.name
        journey.reference_model = target if route is None else route.ladder[-1]
        journey.cache, journey.hit = cache.name, hit
        journey.decision = Decision(f"{cache.name}-cache", hit.model)
        journey.cost = Decimal(0)
        price = self.fleet.price(journey.reference_model)
        if price is not None and hit.usage is not None:
            journey.reference_cost = price.cost(hit.usage)
        if journey.request.streams:
            await client.open_stream(journey)
            await client.write(hit.body)
            await client.close_stream()
        else:
            await client.answer(journey, hit.body)
        journey.outcome = "answered"

    # ── which model ──────────────────────────────────────────────────────────────────────────

    async def decide(self, journey: Journey) -> None:
        """Set the journey's decision, and what it hangs on. Raises UnknownModel."""
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

    def _cascade(self, journey: Journey, own: Cascade | None) -> Cascade | None:
        """How the answer is to be checked; None where the decided model's is served as it comes."""
        decision = journey.decision
        if journey.route is None or decision is None:
            return None
        ladder = self.routes[journey.route].ladder
        if own is not None:
            journey.decision = structs.replace(decision, name=CASCADE, model=ladder[0], rung=0)
            return own
        cascades = self.cascades.get(journey.route)
        if cascades is None or decision.rung == len(ladder) - 1:
            return None
        return cascades.of(journey.request, decision)

    # ── what is sent ─────────────────────────────────────────────────────────────────────────

    async def _compress(self, journey: Journey) -> None:
        compressor = self.compressors.get(journey.request.target)
        if compressor is not None:
            journey.shrunk = await compressor.compress(journey)

    # ── the answer ───────────────────────────────────────────────────────────────────────────

    async def _answer(self, journey: Journey, client: Client, cascade: Cascade | None) -> None:
        decision = journey.decision
        assert decision is not None
        if cascade is None:
            call = await self.begin(journey, journey.sent, decision.model)
            await self.serve(journey, call, client)
        else:
            ladder = self.routes[journey.route or ""].ladder
            await Ascent(self, journey, cascade, ladder, client).run(decision.rung)
        self._remember(journey)

    async def serve(self, journey: Journey, call: Call, client: Client) -> None:
        """Hand a call's answer to the client as it comes. Raises what breaks it off."""
        journey.served = call.attempt
        try:
            if call.tap is None:
                self.end(journey, call)
                await client.answer(journey, call.body)
            else:
                await client.open_stream(journey)
                await client.write(call.body)
                async for shown in call.shown():
                    await client.write(shown)
                self.end(journey, call)
                await client.close_stream()
        except BaseException as error:
            self.end(journey, call, error)
            raise

    def _remember(self, journey: Journey) -> None:
        served = journey.served
        if journey.route is not None and journey.decision is not None:
            rung = journey.decision.rung
            if served is not None and served.rung is not None:
                rung = served.rung
            self.routes[journey.route].remember(journey.request, rung)

    # ── the calls ────────────────────────────────────────────────────────────────────────────

    async def begin(
        self,
        journey: Journey,
        request: Request,
        model: str,
        *,
        rung: int | None = None,
        role: Role = "answer",
        alone: bool = False,
    ) -> Call:
        """Try deployments as the fleet plans it, until one begins to answer.

        ``alone``: neither wait nor fall back to another model. Raises UpstreamError, or
        PromptTooLong before any call.
        """
        plan = self.fleet.attempts(request, model, alone=alone)
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
            attempt = Attempt(
                step.deployment.model,
                step.deployment.id,
                started=monotonic(),
                rung=rung,
                role=role,
            )
            journey.attempts.append(attempt)
            try:
                return await self._try(journey, Call(step.deployment, attempt, request))
            except UpstreamError as error:
                failure = last = error

    async def _try(self, journey: Journey, call: Call) -> Call:
        """Call one deployment; return when its whole answer, or a stream's first bytes, are in."""
        request, deployment, attempt = call.request, call.deployment, call.attempt
        dialect, streams = deployment.dialect, request.streams
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
                await call.first_bytes(reply)
            else:
                call.body = await reply.read()
                attempt.usage = dialect.usage(call.body)
            attempt.first_byte = monotonic()
        except BaseException as error:
            self.end(journey, call, error)
            raise
        return call

    def end(self, journey: Journey, call: Call, error: BaseException | None = None) -> None:
        """Close a call: give its connection back, price it, tell the fleet how it went."""
        attempt = call.attempt
        if attempt.ended is not None:
            return
        attempt.ended = monotonic()
        if call.reply is not None:
            call.reply.close()
        if error is not None:
            attempt.error = error.code if isinstance(error, StepdownError) else "cancelled"
        call.spend(error)
        if attempt.usage is not None:
            self._price(journey, call, attempt.usage)
        self.fleet.ended(call.deployment, attempt, error)

    # ── what it cost ─────────────────────────────────────────────────────────────────────────

    def _price(self, journey: Journey, call: Call, usage: Usage) -> None:
        """Price the call, and the journey with it: every attempt is paid for, failed ones too."""
        price = call.deployment.price
        call.attempt.cost = None if price is None else price.cost(usage)
        journey.cost = total(journey.attempts)
        if call.attempt.role == "answer":
            self.settle(journey, call)

    def settle(self, journey: Journey, call: Call) -> None:
        """Take this call's answer as what the reference is measured by."""
        usage, price = call.attempt.usage, call.deployment.price
        if usage is None:
            return
        journey.usage = usage
        reference = self.fleet.price(journey.reference_model or call.deployment.model)
        if journey.shrunk is not None:
            usage = journey.shrunk.whole(usage)
            if price is not None and call.attempt.cost is not None:
                journey.compression_discount = price.cost(usage) - call.attempt.cost
        elif reference is price:
            journey.reference_cost = call.attempt.cost
            return
        journey.reference_cost = None if reference is None else reference.cost(usage)
