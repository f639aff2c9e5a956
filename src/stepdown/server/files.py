"""``/v1/files``: uploads for batches and their results, as OpenAI's clients ask for them.

Source: platform.openai.com/docs/api-reference/files
"""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from stepdown.config.live import Live
from stepdown.deferral.batch.forms import deleted_object, encode, file_object, page_object
from stepdown.deferral.batch.interface import MAX_FILES_LISTED
from stepdown.server.auth import Gate
from stepdown.server.listing import limit_of, order_of
from stepdown.server.uploads import AROUND, Uploads

PATHS = ("/v1/files", "/files")
_PATHS = frozenset(path.encode() for path in PATHS)
_JSON = "application/json"


def most_of(url: bytes, max_file: int) -> int:
    """The most bytes of a body that is to be handed over as it comes: that of an upload, or 0."""
    if b"/files" not in url:  # soon said, on chat's path
        return 0
    return max_file + AROUND if url.partition(b"?")[0] in _PATHS else 0


def file_routes(live: Live, gate: Gate) -> list[Route]:
    """The paths of files, for the Starlette application."""
    uploads = Uploads()

    async def upload(request: Request) -> Response:
        tenant = gate.admit(request.scope["headers"])
        async with uploads.received(request) as came:
            file = await live.batches.put_file(
                tenant,
                came.content(),
                filename=came.filename,
                purpose=came.purpose,
                expires_after=came.expires_after,
            )
        return Response(encode(file_object(file)), media_type=_JSON)

    async def all_files(request: Request) -> Response:
        tenant = gate.admit(request.scope["headers"])
        page = await live.batches.list_files(
            tenant,
            purpose=request.query_params.get("purpose"),
            after=request.query_params.get("after"),
            limit=limit_of(request, MAX_FILES_LISTED),
            order=order_of(request),
        )
        return Response(encode(page_object(page)), media_type=_JSON)

    async def show(request: Request) -> Response:
        tenant = gate.admit(request.scope["headers"])
        file = await live.batches.get_file(tenant, request.path_params["file"])
        return Response(encode(file_object(file)), media_type=_JSON)

    async def content(request: Request) -> Response:
        tenant = gate.admit(request.scope["headers"])
        name = request.path_params["file"]
        file = await live.batches.get_file(tenant, name)
        headers = {
            "content-length": str(file.bytes),
            "content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}",
            "x-content-type-options": "nosniff",
        }
        pieces = live.batches.file_content(tenant, name)
        return StreamingResponse(pieces, headers=headers, media_type="application/octet-stream")

    async def delete(request: Request) -> Response:
        tenant = gate.admit(request.scope["headers"])
        name = request.path_params["file"]
        await live.batches.delete_file(tenant, name)
        return Response(encode(deleted_object(name)), media_type=_JSON)

    return [
        route
        for path in PATHS
        for route in (
            Route(path, upload, methods=["POST"]),
            Route(path, all_files, methods=["GET"]),
            Route(path + "/{file}", show, methods=["GET"]),
            Route(path + "/{file}", delete, methods=["DELETE"]),
            Route(path + "/{file}/content", content, methods=["GET"]),
        )
    ]
