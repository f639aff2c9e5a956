"""The application: chat on a straight path, everything else over ASGI through Starlette."""

import logging
from collections.abc import Awaitable

from starlette.types import Receive, Scope, Send

from stepdown.config.live import Live
from stepdown.errors import StepdownError
from stepdown.server.admin import build_admin
from stepdown.server.auth import Gate
from stepdown.server.client import OpenAIClient
from stepdown.server.exchange import Exchange
from stepdown.server.jobs import defer
from stepdown.server.requests import parse

log = logging.getLogger("stepdown.server")

CHAT = {b"/v1/chat/completions", b"/chat/completions"}


class App:
    """Serves one gateway. ``live`` holds the configuration in force."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.gate = Gate(live)
        self._admin = build_admin(live, self.gate)

    def serve(self, exchange: Exchange) -> Awaitable[None]:
        """Answer one request."""
        if exchange.path in CHAT and exchange.method == b"POST":
            return self.chat(exchange)
        return self(exchange.scope, exchange.receive, exchange.send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._admin(scope, receive, send)

    async def chat(self, exchange: Exchange) -> None:
        client = OpenAIClient(exchange)
        try:
            headers = exchange.headers
            tenant = self.gate.admit(headers)
            request = parse(headers, exchange.body or b"")
            request.tenant = tenant
            client.request_id = request.id
            window = None if request.deferred else self.live.deferred(request)
            if request.deferred or window is not None:
                await defer(self.live, exchange, request, window)
            else:
                await self.live.pipeline.handle(request, client)
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
