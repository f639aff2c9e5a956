"""Reads the proxy for a URL from the environment, as curl and most clients do."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from stepdown.config.values import SecretUrl

_HERE = ("localhost", "127.0.0.1", "::1")


def proxy_for(url: str, environ: Mapping[str, str]) -> SecretUrl | None:
    """HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; None for this machine and for NO_PROXY's hosts."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host in _HERE or _excepted(host, _read(environ, "no_proxy")):
        return None
    proxy = _read(environ, f"{parts.scheme}_proxy") or _read(environ, "all_proxy")
    if not proxy:
        return None
    return SecretUrl(proxy if "://" in proxy else f"http://{proxy}")


def _read(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""


def _excepted(host: str, exceptions: str) -> bool:
    for entry in exceptions.lower().split(","):
        name = entry.strip().lstrip(".").removeprefix("*.")
        if name == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False
