"""An upstream reached over HTTP: where it is, how to speak to it, and which client does so.

The lean client (``lean.py``) serves plain and TLS connections over HTTP/1.1. What it cannot do,
proxies and HTTP/2, httpx2 does (``httpx.py``), imported only then (docs/adr/0003-http.md).
"""

import ssl
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from stepdown.errors import ConfigError
from stepdown.ports import Reply, Upstream
from stepdown.types import Timeouts

MAX_REPLY = 64 * 1024 * 1024
"""Bytes of one reply (or of one stream's event) beyond which it is given up."""


class HttpOptions(Struct, frozen=True):
    """How to reach one endpoint. ``verify`` is False, or the path of a CA bundle, to differ."""

    base_url: str
    path: str = "/chat/completions"
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    proxy: str | None = None
    verify: bool | str = True
    http2: bool = False
    max_connections: int = 1000
    keepalive: float = 60.0

    def __repr__(self) -> str:
        return f"HttpOptions({urlsplit(self.base_url).hostname})"  # never headers, query or proxy


class Target(Struct, frozen=True):
    """An endpoint, taken apart for a client."""

    def __repr__(self) -> str:
        return f"Target({self.host}:{self.port})"  # never the headers: they hold keys

    url: str
    secure: bool
    host: str
    port: int
    authority: str
    resource: str
    headers: dict[str, str]


class HttpUpstream:
    """Posts chat requests to one endpoint. Connections are made when the first request comes."""

    def __init__(self, options: HttpOptions) -> None:
        self._client = _client(options, locate(options))

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> Reply:
        return await self._client.send(body, stream=stream, timeouts=timeouts)

    async def aclose(self) -> None:
        await self._client.aclose()


def locate(options: HttpOptions) -> Target:
    """Take the endpoint's URL apart. Raises ConfigError when it is none."""
    parts = urlsplit(options.base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError([f"api_base: expected an http(s) URL, got {options.base_url!r}"])
    secure = parts.scheme == "https"
    resource = parts.path.rstrip("/") + options.path
    query = "&".join(filter(None, [parts.query, urlencode(options.query)]))
    if query:
        resource += "?" + query
    authority = parts.netloc.rpartition("@")[2]
    return Target(
        url=f"{parts.scheme}://{authority}{resource}",
        secure=secure,
        host=parts.hostname,
        port=parts.port or (443 if secure else 80),
        authority=authority,
        resource=resource,
        headers={
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": "stepdown",
            **{name.lower(): value for name, value in options.headers.items()},
        },
    )


def tls(verify: bool | str) -> ssl.SSLContext:
    """A client context that verifies as told. Raises ConfigError for a bundle it cannot read."""
    try:
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    except OSError as error:
        raise ConfigError([f"ssl_verify: cannot read the CA bundle {verify!r}: {error}"]) from error
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _client(options: HttpOptions, target: Target) -> Upstream:
    if options.proxy or options.http2:
        from stepdown.providers.httpx import HttpxClient

        return HttpxClient(target, options)
    from stepdown.providers.lean import LeanClient

    return LeanClient(
        target,
        context=tls(options.verify) if target.secure else None,
        max_connections=options.max_connections,
        keepalive=options.keepalive,
    )
