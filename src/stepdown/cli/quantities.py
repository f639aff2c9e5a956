"""Reads quantities on the command line (100B tokens, 7d, 0.7) and prints money and counts."""

import re
from decimal import Decimal

import click

from stepdown.pricing.amounts import dollars as dollars  # a quantity to print, too

_SCALES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_TOKENS = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?(?:e[0-9]{1,2})?)\s*([KMBT]?)", re.IGNORECASE)
_SINCE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([mhdw])")
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(%?)")


def tokens(text: str) -> int:
    """A number of tokens: 250000, 250_000, 250k, 1.5M, 100B, 2T. Raises click.BadParameter."""
    found = _TOKENS.fullmatch(text.strip())
    if found is not None:
        number = Decimal(re.sub("[_,]", "", found[1])) * _SCALES[found[2].upper()]
        if number == number.to_integral_value():
            return int(number)
    raise click.BadParameter(
        f"expected a whole number of tokens such as 250k, 1.5M or 100B, got {text!r}"
    )


def since(text: str) -> float | None:
    """Seconds: 30m, 24h, 7d, 4w; None for ``all``. Raises click.BadParameter."""
    if text == "all":
        return None
    found = _SINCE.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f"expected 30m, 24h, 7d, 4w or the like, or all, got {text!r}")
    return float(found[1]) * _SECONDS[found[2]]


def share(text: str) -> Decimal:
    """A share of the whole: 0.7 or 70%. Raises click.BadParameter."""
    found = _SHARE.fullmatch(text.strip())
    if found is not None:
        number = Decimal(found[1]) / (100 if found[2] else 1)
        if number <= 1:
            return number
    raise click.BadParameter(f"expected a share such as 0.7 or 70%, got {text!r}")


def percent(part: Decimal | int, whole: Decimal | int) -> str:
    """``65.8 %`` of a whole; a dash where the whole is nothing."""
    return f"{Decimal(part) * 100 / Decimal(whole):.1f} %" if whole else "–"


def plain(amount: Decimal) -> str:
    """An exact amount for JSON: no exponent, no padding of zeros."""
    return f"{amount.normalize():f}"
