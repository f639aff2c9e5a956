"""``/v1/batches``: many requests in one, as OpenAI's clients ask for them.

Source: platform.openai.com/docs/api-reference/batch
"""

from typing import Literal

from msgspec import Struct, json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stepdown.config.live import Live
from stepdown.deferral.batch.forms import batch_object, encode, page_object
from stepdown.deferral.batch.interface import Batch, NewBatch
from stepdown.server import json_bodies
from stepdown.server.auth import Gate
from stepdown.server.jobs import WEBHOOK_HEADER
from stepdown.server.listing import limit_of

PATHS = ("/v1/batches", "/batches")
_LISTED = 20
"""How many are listed where nothing is asked for, as OpenAI has it."""
_FAR = 10**9
"""Seconds that are too many for anything; a client's number may be larger than any float."""


class ExpiresAfter(Struct, frozen=True):
    anchor: Literal["created_at"]
    seconds: int


class Body(Struct, frozen=True):
    """What a client asks for, in OpenAI's words."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: dict[str, str] | None = None
    output_expires_after: ExpiresAfter | None = None

    def wanted(self, webhook: str) -> NewBatch:
        expiry = self.output_expires_after
        return NewBatch(
            self.input_file_id,
            self.endpoint,
            self.completion_window,
            self.metadata,
            None if expiry is None else float(max(-1, min(expiry.seconds, _FAR))),
            webhook,
        )


_body = json.Decoder(Body).decode


def batch_routes(live: Live, gate: Gate) -> list[Route]:
    """The paths of batches, for the Starlette application."""

    async def create(request: Request) -> Response:
        tenant = gate.admit(request.scope["headers"])
        body = json_bodies.read(await request.body(), _body)
        webhook = request.headers.get(WEBHOOK_HEADER, "")
        return _shown(await live.batches.create(tenant, body.wanted(webhook)))

    async def all_batches(request: Request) -> Response:
        tenant = gate.admit(request.scope["headers"])
        after = request.query_params.get("after")
        limit = limit_of(request, _LISTED)
        page = await live.batches.list_batches(tenant, after=after, limit=limit)
        return Response(encode(page_object(page)), media_type="application/json")

    async def show(request: Request) -> Response:
        tenant = gate.admit(request.scope["headers"])
        return _shown(await live.batches.get(tenant, request.path_params["batch"]))

    async def cancel(request: Request) -> Response:
        tenant = gate.admit(request.scope["headers"])
        return _shown(await live.batches.cancel(tenant, request.path_params["batch"]))

    return [
        route
        for path in PATHS
        for route in (
            Route(path, create, methods=["POST"]),
            Route(path, all_batches, methods=["GET"]),
            Route(path + "/{batch}", show, methods=["GET"]),
            Route(path + "/{batch}/cancel", cancel, methods=["POST"]),
        )
    ]


def _shown(batch: Batch) -> Response:
    return Response(encode(batch_object(batch)), media_type="application/json")
