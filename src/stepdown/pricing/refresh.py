"""Fetches a newer price catalogue, checks it, and keeps it in the user's cache directory."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import genai_prices
import httpx2
from genai_prices import update_prices
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import (
    _providers_from_raw,  # pyright: ignore[reportPrivateUsage]  # the only parser of raw catalogues
)

from stepdown.errors import StepdownError
from stepdown.places import cache_directory
from stepdown.pricing.catalogue import Catalogue

DEFAULT_UPDATE_URL = update_prices.DEFAULT_UPDATE_URL
SIZE_LIMIT = 32 * 1024 * 1024
SEEN_IN_EVERY_CATALOGUE = (("openai", "gpt-4o"), ("openai", "gpt-4o-mini"))


class PricesUnavailable(StepdownError):
    """The catalogue could not be fetched, or what came cannot be trusted. The old one stays."""

    code = "prices_unavailable"


def cached_file() -> Path:
    """Where a refreshed catalogue is kept."""
    return cache_directory() / "prices.json"


def update(url: str = DEFAULT_UPDATE_URL, *, timeout: float = 30.0) -> Catalogue:
    """Fetch the catalogue from ``url`` (HTTP), check it and keep it; return it.

    Raises PricesUnavailable, naming the cause, and leaves what was kept before as it was.
    """
    raw = _fetch(url, timeout)
    day = datetime.now(UTC).date().isoformat()
    catalogue = _read(raw, day)
    _check(catalogue)
    kept = {"fetched": day, "package": genai_prices.__version__, "providers": raw}
    path = cached_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(kept), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise PricesUnavailable(f"The prices cannot be kept in {path}: {error}") from error
    return catalogue


def load() -> Catalogue | None:
    """The refreshed catalogue, or None where none was kept or a newer package replaced it.

    Raises PricesUnavailable when the kept file is damaged.
    """
    path = cached_file()
    try:
        kept = json.loads(path.read_bytes())
        if kept["package"] != genai_prices.__version__:
            return None
        return _read(kept["providers"], kept["fetched"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PricesUnavailable(
            f"The refreshed prices in {path} cannot be read: {error}"
        ) from error


def _fetch(url: str, timeout: float) -> Any:
    try:
        with (
            httpx2.Client(timeout=timeout, follow_redirects=True) as client,
            client.stream("GET", url) as reply,
        ):
            reply.raise_for_status()
            body = bytearray()
            for piece in reply.iter_bytes():
                body += piece
                if len(body) > SIZE_LIMIT:
                    raise PricesUnavailable(f"{url} sent more than {SIZE_LIMIT} bytes.")
        return json.loads(bytes(body))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        cause = str(error) or type(error).__name__
        raise PricesUnavailable(f"The prices cannot be fetched from {url}: {cause}") from error
    except ValueError as error:
        raise PricesUnavailable(f"{url} sent no JSON: {error}") from error


def _read(raw: Any, day: str) -> Catalogue:
    try:
        snapshot = DataSnapshot(_providers_from_raw(raw), from_auto_update=True)
    except (ValueError, TypeError, AttributeError) as error:
        raise PricesUnavailable(_malformed(error)) from error
    return Catalogue(snapshot, f"genai-prices, fetched {day}", day)


def _check(catalogue: Catalogue) -> None:
    """Read every price, so that a malformed one is found now and not in a bill."""
    try:
        count = sum(1 for _ in catalogue.entries())
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise PricesUnavailable(_malformed(error)) from error
    for provider, model in SEEN_IN_EVERY_CATALOGUE:
        if catalogue.find(model, provider) is None:
            raise PricesUnavailable(
                f"The price catalogue is malformed: of {count} models none is {provider}'s {model}."
            )


def _malformed(error: Exception) -> str:
    first_line = (str(error) or type(error).__name__).splitlines()[0]
    return f"The price catalogue is malformed: {first_line}"
