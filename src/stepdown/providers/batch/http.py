"""HTTP for batch APIs: small JSON answers, one large upload, and long files read line by line.

Where requests go comes from the configuration only, never from what a provider answers.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx2

from stepdown.errors import (
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from stepdown.providers.http import MAX_REPLY, HttpOptions, tls
from stepdown.providers.openai import OpenAIDialect

CONNECT = 10.0
ANSWER = 60.0
"""Seconds between two pieces of an answer."""
UPLOAD = 600.0
"""Seconds that an upload may take in all."""


class BatchHttp:
    """One endpoint's paths, below its base URL. Every method raises UpstreamError."""

    def __init__(self, options: HttpOptions, headers: Mapping[str, str] | None = None) -> None:
        self._options = options
        self._headers = {**options.headers, **(headers or {})}
        self._http: httpx2.AsyncClient | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: bytes | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> bytes:
        """One request; the body of its answer, which is within bounds."""
        headers = {} if body is None else {"content-type": "application/json"}
        request = self._client().build_request(
            method,
            self._url(path),
            params={**self._options.query, **(query or {})},
            content=body,
            files=files,
            data=form,
            headers=headers,
        )
        try:
            async with asyncio.timeout(UPLOAD):
                response = await self._client().send(request, stream=True)
                try:
                    return await self._whole(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx2.HTTPError) as error:
            raise _meaning(error) from error

    async def lines(self, path: str) -> AsyncGenerator[bytes, None]:
        """A file, line by line; blank ones are left out."""
        request = self._client().build_request("GET", self._url(path), params=self._options.query)
        cut = _Cut()
        try:
            response = await self._client().send(request, stream=True)
            try:
                if response.status_code != 200:
                    raise _refusal(response, await self._read(response))
                async for piece in response.aiter_bytes():
                    for line in cut.feed(piece):
                        yield line
            finally:
                await response.aclose()
        except (TimeoutError, httpx2.HTTPError) as error:
            raise _meaning(error) from error
        for line in cut.feed(b"\n"):
            yield line

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def _whole(self, response: httpx2.Response) -> bytes:
        body = await self._read(response)
        if response.status_code // 100 != 2:
            raise _refusal(response, body)
        return body

    async def _read(self, response: httpx2.Response) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in response.aiter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_REPLY:
                raise UpstreamMalformed("The provider's answer is too large.")
        return b"".join(pieces)

    def _url(self, path: str) -> str:
        return self._options.base_url.rstrip("/") + path

    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            options = self._options
            extra: dict[str, Any] = {}
            if options.base_url.startswith("https"):
                extra["verify"] = tls(options.verify)
            self._http = httpx2.AsyncClient(
                http2=options.http2,
                proxy=options.proxy,
                trust_env=False,
                follow_redirects=False,
                headers={"user-agent": "stepdown", **self._headers},
                timeout=httpx2.Timeout(ANSWER, connect=CONNECT),
                **extra,
            )
        return self._http


class _Cut:
    """Cuts pieces into lines, of which blank ones are left out."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that this piece completes. Raises UpstreamMalformed for one that is too
        long."""
        *whole, rest = piece.split(b"\n")
        lines: list[bytes] = []
        for part in whole:
            self._keep(part)
            line = b"".join(self._held)
            self._held.clear()
            self._size = 0
            if line.strip():
                lines.append(line)
        self._keep(rest)
        return lines

    def _keep(self, part: bytes) -> None:
        self._held.append(part)
        self._size += len(part)
        if self._size > MAX_REPLY:
            raise UpstreamMalformed("A line of the provider's file is too long.")


def _refusal(response: httpx2.Response, body: bytes) -> UpstreamError:
    after = response.headers.get("retry-after")
    return OpenAIDialect().failure(
        response.status_code, body, None if after is None else after.encode("latin-1", "replace")
    )


def _meaning(error: Exception) -> UpstreamError:
    if isinstance(error, (TimeoutError, httpx2.TimeoutException)):
        return UpstreamTimedOut("The provider took too long to answer.")
    return UpstreamUnreachable(f"Could not reach the provider: {error}.")
