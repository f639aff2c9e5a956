"""Everything but chat: models, health, metrics, and the administrator's calls."""

import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stepdown.config.live import Live
from stepdown.errors import ConfigError, StepdownError, Unauthorized, UnknownPath
from stepdown.server.auth import Gate
from stepdown.server.batches import batch_routes
from stepdown.server.cache_admin import Administered, cache_routes
from stepdown.server.client import envelope
from stepdown.server.files import file_routes
from stepdown.server.jobs import job_routes
from stepdown.server.metrics import EXPOSITION, exposition

Endpoint = Callable[[Request], Awaitable[Response]]
_LOOPBACK = {"127.0.0.1", "::1"}


def build_admin(live: Live, gate: Gate) -> Starlette:
    """The Starlette application behind every path that is not chat."""
    started = int(time.time())

    async def models(request: Request) -> Response:
        gate.admit(request.scope["headers"])
        pipeline = live.pipeline
        owners = dict.fromkeys(pipeline.routes, "stepdown-route")
        for name in pipeline.fleet.models():
            owners.setdefault(name, "stepdown")
        data = [
            {"id": name, "object": "model", "created": started, "owned_by": owner}
            for name, owner in owners.items()
        ]
        return JSONResponse({"object": "list", "data": data})

    async def alive(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> Response:
        ok = live.ready
        return JSONResponse({"status": "ready" if ok else "starting"}, 200 if ok else 503)

    async def status(request: Request) -> Response:
        _administrator(request, gate)
        return JSONResponse(live.status())

    async def metrics(request: Request) -> Response:
        _administrator(request, gate)
        return Response(exposition(live.status()), media_type=EXPOSITION)

    async def reload(request: Request) -> Response:
        _administrator(request, gate)
        notes = live.reload()
        return JSONResponse({"status": "reloaded", "notes": notes})

    return Starlette(
        routes=[
            Route("/v1/models", models),
            Route("/models", models),
            Route("/health/live", alive),
            Route("/health/ready", ready),
            Route("/admin/status", status),
            Route("/metrics", metrics),
            Route("/admin/reload", reload, methods=["POST"]),
            *cache_routes(lambda: _caches(live), lambda request: _administrator(request, gate)),
            *job_routes(live, gate),
            *file_routes(live, gate),
            *batch_routes(live, gate),
            Route("/{path:path}", _unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ],
        exception_handlers={StepdownError: _failed},
    )


def _caches(live: Live) -> Mapping[str, Administered]:
    caching = live.caching
    return {} if caching is None else caching.by_name()


def _administrator(request: Request, gate: Gate) -> None:
    """With a master key, whoever holds it; without one, whoever is on this machine."""
    if not gate.open:
        gate.admit(request.scope["headers"])
    elif request.client is None or request.client.host not in _LOOPBACK:
        raise Unauthorized("Without a master key, administration is for this machine only.")


async def _unknown(request: Request) -> Response:
    raise UnknownPath(f"There is nothing at {request.method} {request.url.path}.")


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, StepdownError)
    status = 400 if isinstance(error, ConfigError) else error.status
    later = getattr(error, "retry_after", None)
    headers = {} if later is None else {"retry-after": str(max(1, round(later)))}
    return Response(envelope(error), status, headers, media_type="application/json")
