"""The kinds of value that the configuration knows beyond plain text and numbers."""

import re
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, PlainSerializer
from pydantic_core import CoreSchema, core_schema

from stepdown.spans import seconds_of

_SIZES = {"b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2}
_SIZES["gib"] = 1024**3
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)

HIDDEN = "***"


class SecretUrl(str):
    """A URL whose user, password and query stay out of every display of the configuration."""

    __slots__ = ()

    @property
    def shown(self) -> str:
        """The URL as it may be shown."""
        parts = urlsplit(str(self))
        host = parts.netloc.rpartition("@")
        netloc = f"{HIDDEN}@{host[2]}" if host[1] else host[2]
        return urlunsplit(parts._replace(netloc=netloc, query=HIDDEN if parts.query else ""))

    def __repr__(self) -> str:
        return repr(self.shown)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls,
            core_schema.str_schema(min_length=1),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda url: url.shown, when_used="json"
            ),
        )


def _http(url: SecretUrl) -> SecretUrl:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("expected an http(s) URL")
    return url


def _no_bool(value: Any) -> Any:
    """YAML's yes and no are no numbers, whatever Python thinks."""
    if isinstance(value, bool):
        raise ValueError("expected a number")
    return value


def _decimal(value: Any) -> Any:
    """A float is taken as it was written, not as the binary fraction it became."""
    return repr(value) if isinstance(value, float) else _no_bool(value)


def _bytes(value: Any) -> Any:
    if isinstance(value, str) and (found := _QUANTITY.fullmatch(value.strip())):
        unit = _SIZES.get((found[2] or "b").lower())
        if unit is not None:
            return int(float(found[1]) * unit)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    raise ValueError("expected a size such as '32MB'")


def _seconds(value: Any) -> Any:
    seconds = seconds_of(value)
    if seconds is None:
        raise ValueError("expected a time such as '30d', '12h' or '90s'")
    return seconds


HttpUrl = Annotated[SecretUrl, AfterValidator(_http)]
Name = Annotated[str, Field(min_length=1)]
Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=0)]
Positive = Annotated[int, BeforeValidator(_no_bool), Field(gt=0)]
Seconds = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, allow_inf_nan=False)]
Timeout = Annotated[float, BeforeValidator(_no_bool), Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, BeforeValidator(_no_bool), Field(gt=0, lt=1)]
"""A share of a whole that is neither nothing nor all of it."""
Part = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=1)]
Margin = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, lt=1)]
Rate = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    Field(ge=0, allow_inf_nan=False),
    PlainSerializer(str, when_used="json"),
]
Bytes = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]
Span = Annotated[float, BeforeValidator(_seconds), Field(gt=0, allow_inf_nan=False)]
