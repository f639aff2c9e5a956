"""Amounts of money for people to read."""

from decimal import ROUND_HALF_UP, Decimal

UNKNOWN = "–"


def dollars(amount: Decimal | float | None) -> str:
    """``$1,000,000``, ``$12.30``, ``−$0.15``, ``$0.00123``: cents, where there are any; 3 digits
    below $1; a dash where the amount is unknown."""
    if amount is None:
        return UNKNOWN
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(amount))
    sign, size = "−" if exact < 0 else "", exact.copy_abs()
    digits = 2 if size >= 1 else 2 - size.adjusted()
    rounded = size.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    whole, _, rest = f"{rounded:,f}".partition(".")
    cents = rest.rstrip("0")
    return f"{sign}${whole}.{cents:0<2}" if cents else f"{sign}${whole}"
