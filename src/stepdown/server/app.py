"""The ASGI application: chat on a straight path, everything else through Starlette."""

import logging

from starlette.types import Receive, Scope, Send

from stepdown.config.live import Live
from stepdown.errors import StepdownError
from stepdown.server.admin import build_admin
from stepdown.server.auth import Gate
from stepdown.server.client import OpenAIClient
from stepdown.server.requests import parse, too_large

log = logging.getLogger("stepdown.server")

CHAT = {"/v1/chat/completions", "/chat/completions"}


class App:
    """Serves one gateway. ``live`` holds the configuration in force."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.gate = Gate(live)
        self._admin = build_admin(live, self.gate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in CHAT and scope["method"] == "POST":
            await self.chat(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._admin(scope, receive, send)

    async def chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = OpenAIClient(send)
        live = self.live
        try:
            headers = scope["headers"]
            tenant = self.gate.admit(headers)
            request = parse(headers, await read_body(receive, live.max_body))
            request.tenant = tenant
            client.request_id = request.id
            await live.pipeline.handle(request, client)
        except StepdownError as error:
            await client.fail(error)
        except Exception:
            log.exception("a request failed in the gateway itself")
            await client.fail(StepdownError("The gateway failed; its log says why."))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self.live.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.live.aclose()
        await send({"type": "lifespan.shutdown.complete"})


async def read_body(receive: Receive, limit: int) -> bytes:
    """The request's body. Raises BodyTooLarge."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > limit:
            break
    if len(body) > limit:
        raise too_large(limit)
    return body
