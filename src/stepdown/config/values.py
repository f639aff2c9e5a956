"""The kinds of value that the configuration knows beyond plain text and numbers."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, PlainSerializer
from pydantic_core import CoreSchema, core_schema

_SIZES = {"b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2}
_SIZES["gib"] = 1024**3
_SPANS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
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


def _quantity(value: Any, units: Mapping[str, float], plain: str, example: str) -> Any:
    if isinstance(value, str) and (found := _QUANTITY.fullmatch(value.strip())):
        unit = units.get((found[2] or plain).lower())
        if unit is not None:
            return float(found[1]) * unit
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ValueError(f"expected {example}")


def _bytes(value: Any) -> Any:
    return int(_quantity(value, _SIZES, "b", "a size such as '32MB'"))


def _seconds(value: Any) -> Any:
    return float(_quantity(value, _SPANS, "s", "a time such as '30d', '12h' or '90s'"))


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
