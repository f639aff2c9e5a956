"""Picodollars: exact both ways, and rounded half to even below."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from stepdown.storage.money import from_pico, to_pico


@given(st.integers(-(2**70), 2**70))
def test_whole_picodollars_survive(pico: int) -> None:
    assert to_pico(from_pico(pico)) == pico or abs(pico) >= 10**28


@given(st.decimals(Decimal("-1e9"), Decimal("1e9"), places=12))
def test_dollars_survive(dollars: Decimal) -> None:
    assert from_pico(to_pico(dollars)) == dollars


def test_finer_than_a_picodollar() -> None:
    assert to_pico(Decimal("1.5e-12")) == 2
    assert to_pico(Decimal("2.5e-12")) == 2
    assert to_pico(Decimal("-0.4e-12")) == 0
