"""The fallback HTTP client, httpx2: for proxies and HTTP/2, which the lean client does not do."""

import asyncio
from collections.abc import AsyncIterator

import httpx2

from stepdown.errors import (
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from stepdown.providers.http import MAX_REPLY, HttpOptions, Target, tls
from stepdown.types import Timeouts


class HttpxClient:
    """Posts to one endpoint through httpx2's connection pool."""

    def __init__(self, target: Target, options: HttpOptions) -> None:
        self._target = target
        self._http = httpx2.AsyncClient(
            http2=options.http2,
            proxy=options.proxy,
            verify=tls(options.verify) if target.secure else True,
            trust_env=False,
            limits=httpx2.Limits(
                max_connections=options.max_connections, keepalive_expiry=options.keepalive
            ),
        )

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> "HttpxReply":
        request = self._http.build_request(
            "POST",
            self._target.url,
            content=body,
            headers=self._target.headers,
            timeout=httpx2.Timeout(None, connect=timeouts.connect),
        )
        between = timeouts.between_chunks if stream else timeouts.first_byte
        try:
            async with asyncio.timeout(timeouts.first_byte):
                return HttpxReply(await self._http.send(request, stream=True), between)
        except (TimeoutError, httpx2.HTTPError) as error:
            raise _meaning(error) from error

    async def aclose(self) -> None:
        await self._http.aclose()


class HttpxReply:
    """A reply of httpx2's, read piece by piece."""

    def __init__(self, response: httpx2.Response, between: float) -> None:
        self.status = response.status_code
        self._response = response
        self._between = between
        self._pieces = response.aiter_bytes()
        self._closing: asyncio.Task[None] | None = None

    def header(self, name: bytes) -> bytes | None:
        value = self._response.headers.get(name.decode("latin-1"))
        return None if value is None else value.encode("latin-1")

    async def read(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in self:
            pieces.append(piece)
            size += len(piece)
            if size > MAX_REPLY:
                raise UpstreamMalformed("The upstream's reply is too large.")
        return b"".join(pieces)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            async with asyncio.timeout(self._between):
                return await anext(self._pieces)
        except (TimeoutError, httpx2.HTTPError) as error:
            raise _meaning(error) from error

    def close(self) -> None:
        if not self._response.is_closed:
            self._closing = asyncio.get_running_loop().create_task(self._response.aclose())


def _meaning(error: Exception) -> UpstreamError:
    """What an error of httpx2's means in Stepdown's words."""
    if isinstance(error, (TimeoutError, httpx2.TimeoutException)):
        return UpstreamTimedOut("The upstream took too long to reply.")
    if isinstance(error, httpx2.ProtocolError):
        return UpstreamUnreachable(f"The upstream broke off its reply: {error}.")
    return UpstreamUnreachable(f"Could not reach the upstream: {error}.")
