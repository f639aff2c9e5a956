"""Money as the database keeps it: whole picodollars (1e-12 US dollars), exact in every backend.

A price of $0.000001 per million tokens is one picodollar per token: every price in the catalogue
is a whole number of them, but for a few that carry the noise of a float. What is finer is rounded,
half to even, once per flush.
"""

from decimal import Decimal

PICO = Decimal(10**12)


def to_pico(amount: Decimal) -> int:
    """Picodollars for US dollars."""
    return round(amount * PICO)


def from_pico(amount: int) -> Decimal:
    """US dollars for picodollars; exact whatever the size."""
    return Decimal(amount).scaleb(-12).normalize() if amount else Decimal(0)
