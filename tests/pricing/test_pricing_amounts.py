"""Amounts of money as people read them."""

from decimal import Decimal

import pytest

from stepdown.pricing.amounts import dollars


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "–"),
        (Decimal(0), "$0"),
        (0.0, "$0"),
        (Decimal("-0"), "$0"),
        (Decimal(1_000_000), "$1,000,000"),
        (Decimal("342000.00"), "$342,000"),
        (100.0, "$100"),
        (Decimal("1234.5"), "$1,234.50"),
        (Decimal("1.006"), "$1.01"),
        (Decimal("0.15"), "$0.15"),
        (Decimal("0.6"), "$0.60"),
        (Decimal("0.9999"), "$1"),
        (11.999, "$12"),
        (Decimal("0E-12"), "$0"),
        (Decimal("0.075"), "$0.075"),
        (0.267, "$0.267"),
        (Decimal("0.00123456"), "$0.00123"),
        (1e-7, "$0.0000001"),
        (Decimal("-2.5"), "−$2.50"),
        (Decimal(-2), "−$2"),
        (-90.00000000000001, "−$90"),
    ],
)
def test_dollars(amount: Decimal | float | None, shown: str) -> None:
    assert dollars(amount) == shown
