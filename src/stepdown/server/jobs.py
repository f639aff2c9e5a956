"""Jobs over HTTP: the 202 for a request that is answered later, polls and cancellations."""

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from stepdown.config.live import Live
from stepdown.deferral.job import PATH, shown
from stepdown.errors import InvalidField, UnknownModel
from stepdown.names import known_names
from stepdown.server.auth import Gate
from stepdown.server.exchange import Exchange, status_line
from stepdown.types import Request

_ACCEPTED = status_line(202).decode() + "content-type: application/json\r\n"


async def defer(live: Live, exchange: Exchange, request: Request) -> None:
    """Take a chat request on as a job, and answer at once where to ask for it.

    Raises InvalidField, UnknownModel, TooManyJobs or JobsUnavailable.
    """
    _check(live, request)
    row = await live.jobs.submit(request, request.headers.get("x-stepdown-webhook", ""))
    head = (
        f"{_ACCEPTED}location: {PATH}/{row.id}\r\nx-stepdown-request-id: {request.id}\r\n"
    ).encode()
    await exchange.answer(head, shown(row))


def _check(live: Live, request: Request) -> None:
    """Refuse at once what could only fail later."""
    if request.streams:
        said = "expected false with x-stepdown-async (a job's answer comes whole), got true"
        raise InvalidField(f"stream: {said}.", param="stream")
    pipeline, target = live.pipeline, request.target
    if target not in pipeline.routes and not pipeline.fleet.serves(target):
        known = known_names(target, [*pipeline.routes, *pipeline.fleet.models()])
        raise UnknownModel(f"The model {target!r} does not exist here.{known}", param="model")


def job_routes(live: Live, gate: Gate) -> list[Route]:
    """The paths of jobs, for the Starlette application."""

    async def poll(request: HttpRequest) -> Response:
        tenant = gate.admit(request.scope["headers"])
        row = await live.jobs.read(request.path_params["job"], tenant)
        return Response(shown(row), media_type="application/json")

    async def cancel(request: HttpRequest) -> Response:
        tenant = gate.admit(request.scope["headers"])
        row = await live.jobs.cancel(request.path_params["job"], tenant)
        return Response(shown(row), media_type="application/json")

    path = PATH + "/{job}"
    return [Route(path, poll, methods=["GET"]), Route(path, cancel, methods=["DELETE"])]
