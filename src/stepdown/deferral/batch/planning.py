"""Plans one line: the caches are asked, the route decides, the prompt is compressed.

The first steps are those of ``pipeline.Pipeline.handle``, in its order. What then would be a call
is put off: into a provider's batch where the decided model has one and the answer needs no checks,
or else to an ordinary call, which is a whole journey of its own.
"""

import time

from msgspec import Struct

from stepdown.deferral.batch.facts import body_of
from stepdown.deferral.batch.outlets import Outlet, Outlets
from stepdown.errors import UnknownModel
from stepdown.names import known_names
from stepdown.pipeline import Pipeline
from stepdown.types import Decision, Hit, Journey, Request

LONGEST_SHOWN = 80
"""Characters of a name that an error shows."""


class Plan(Struct, frozen=True):
    """What is to become of a line: with an ``outlet`` it goes into a batch, else it is called.

    ``sent`` is the body to send where compression has made another one.
    """

    journey: Journey
    model: str
    outlet: Outlet | None = None
    sent: bytes | None = None


def check_model(pipeline: Pipeline, model: str) -> None:
    """Raises UnknownModel where nothing answers to this name.

    One with a NUL, which a pattern may serve, is no name: PostgreSQL does not store it.
    """
    served = model in pipeline.routes or pipeline.fleet.serves(model)
    if not served or "\0" in model:
        shown = model[:LONGEST_SHOWN]
        known = known_names(shown, [*pipeline.routes, *pipeline.fleet.models()])
        raise UnknownModel(f"The model {shown!r} does not exist here.{known}", param="model")


async def plan(pipeline: Pipeline, outlets: Outlets, request: Request) -> Plan:
    """Decide what is to become of a request. Raises StepdownError where it cannot be answered."""
    check_model(pipeline, request.target)
    journey = Journey(request, started=time.monotonic(), time=time.time())
    held = await _held(pipeline, journey)
    if held is not None:
        return Plan(journey, held.model)
    await pipeline.decide(journey)
    decision = journey.decision
    assert decision is not None
    if _is_checked(pipeline, journey, decision):
        return Plan(journey, decision.model)
    found = outlets.of(decision.model)
    if not found:
        return Plan(journey, decision.model)
    compressor = pipeline.compressors.get(request.target)
    if compressor is not None:
        journey.shrunk = await compressor.compress(journey)
    for outlet in found:
        if outlet.api.encode(journey.sent, outlet.deployment) is not None:
            sent = None if journey.shrunk is None else body_of(journey.sent)
            return Plan(journey, decision.model, outlet, sent)
    return Plan(journey, decision.model)


async def _held(pipeline: Pipeline, journey: Journey) -> Hit | None:
    """What a cache holds; the call will be answered with it. No flight stays open behind a miss:
    others would wait for it, and a batch's answer takes hours."""
    for cache in pipeline.caches.get(journey.request.target, ()):
        hit = await cache.look(journey)
        cache.offer(journey)
        if hit is not None:
            return hit
    return None


def _is_checked(pipeline: Pipeline, journey: Journey, decision: Decision) -> bool:
    """Whether the answer is to be checked, and asked for again of a better model where it fails."""
    if journey.route is None or decision.rung == len(pipeline.routes[journey.route].ladder) - 1:
        return False
    cascades = pipeline.cascades.get(journey.route)
    return cascades is not None and cascades.of(journey.request, decision) is not None
