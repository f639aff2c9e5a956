"""Answers later, over HTTP: the 202 for a chat request that nobody waits for, polls, cancellations.

x-stepdown-async: true    a job: run at once, in the background          /v1/jobs/{id}
x-stepdown-defer: 24h     a deferred call: goes into a provider's batch  /v1/deferred/{id}
"""

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from stepdown.config.live import Live
from stepdown.deferral.batch.forms import CALLS_PATH, call_object, encode
from stepdown.deferral.job import PATH, shown
from stepdown.errors import InvalidField, UnknownModel
from stepdown.names import known_names
from stepdown.server.auth import Gate
from stepdown.server.exchange import Exchange, status_line
from stepdown.server.requests import ASYNC_HEADER, DEFER_HEADER
from stepdown.server.spans import seconds
from stepdown.types import Request

WEBHOOK_HEADER = "x-stepdown-webhook"
_ACCEPTED = status_line(202).decode() + "content-type: application/json\r\n"


async def defer(
    live: Live, exchange: Exchange, request: Request, window: float | None = None
) -> None:
    """Take a chat request on, and answer at once where to ask for it.

    ``window`` is its route's: seconds within which it is to be answered, whatever its headers say.
    Raises InvalidField, UnknownModel, and what says that there is no room or no database
    (TooManyJobs, TooManyBatches, JobsUnavailable, BatchesUnavailable).
    """
    if window is None:
        window = _window(live, request)
    webhook = request.headers.get(WEBHOOK_HEADER, "")
    if window is None:
        row = await live.jobs.submit(request, webhook)
        where, body = f"{PATH}/{row.id}", shown(row)
    else:
        call = await live.batches.defer(request, window=window, webhook=webhook)
        where, body = f"{CALLS_PATH}/{call.id}", encode(call_object(call))
    head = f"{_ACCEPTED}location: {where}\r\nx-stepdown-request-id: {request.id}\r\n"
    await exchange.answer(head.encode(), body)


def _window(live: Live, request: Request) -> float | None:
    """Seconds that the client gives for the answer; None where it is to be worked on now."""
    span = request.headers.get(DEFER_HEADER)
    _check(live, request, ASYNC_HEADER if span is None else DEFER_HEADER)
    return None if span is None else seconds(DEFER_HEADER, span)


def _check(live: Live, request: Request, header: str) -> None:
    """Refuse at once what could only fail later."""
    if header == DEFER_HEADER and request.headers.get(ASYNC_HEADER, "").strip().lower() == "true":
        said = f"expected one of {ASYNC_HEADER} (now, in the background) and {DEFER_HEADER}"
        raise InvalidField(f"{DEFER_HEADER}: {said} (in a batch), got both.")
    if request.streams:
        said = f"expected false with {header} (the answer comes whole), got true"
        raise InvalidField(f"stream: {said}.", param="stream")
    pipeline, target = live.pipeline, request.target
    if target not in pipeline.routes and not pipeline.fleet.serves(target):
        known = known_names(target, [*pipeline.routes, *pipeline.fleet.models()])
        raise UnknownModel(f"The model {target!r} does not exist here.{known}", param="model")


def job_routes(live: Live, gate: Gate) -> list[Route]:
    """The paths of jobs and deferred calls, for the Starlette application."""

    async def poll(request: HttpRequest) -> Response:
        tenant = gate.admit(request.scope["headers"])
        row = await live.jobs.read(request.path_params["job"], tenant)
        return Response(shown(row), media_type="application/json")

    async def cancel(request: HttpRequest) -> Response:
        tenant = gate.admit(request.scope["headers"])
        row = await live.jobs.cancel(request.path_params["job"], tenant)
        return Response(shown(row), media_type="application/json")

    async def poll_call(request: HttpRequest) -> Response:
        tenant = gate.admit(request.scope["headers"])
        call = await live.batches.deferred(tenant, request.path_params["call"])
        return Response(encode(call_object(call)), media_type="application/json")

    async def cancel_call(request: HttpRequest) -> Response:
        tenant = gate.admit(request.scope["headers"])
        call = await live.batches.cancel_deferred(tenant, request.path_params["call"])
        return Response(encode(call_object(call)), media_type="application/json")

    job, deferred = PATH + "/{job}", CALLS_PATH + "/{call}"
    return [
        Route(job, poll, methods=["GET"]),
        Route(job, cancel, methods=["DELETE"]),
        Route(deferred, poll_call, methods=["GET"]),
        Route(deferred, cancel_call, methods=["DELETE"]),
    ]
