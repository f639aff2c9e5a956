"""When giving up what a provider has cached pays."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.compression.worth import worth
from stepdown.pricing.price import TokenPrice
from stepdown.types import Usage


def price(cached: str | None = "0.1", request: str = "0") -> TokenPrice:
    return TokenPrice(
        Decimal(1),
        Decimal(4),
        cached_input=None if cached is None else Decimal(cached),
        request=Decimal(request),
    )


def test_nothing_removed_is_worth_nothing() -> None:
    assert not worth(0, 0, price())
    assert not worth(-5, 0, price())


def test_without_a_loss_everything_is_worth_it() -> None:
    assert worth(1, 0, price())
    assert worth(1, 0, None)


def test_with_an_unknown_price_nothing_cached_is_given_up() -> None:
    assert not worth(1000, 1, None)


def test_without_a_discount_nothing_is_lost() -> None:
    assert worth(1, 10_000, price(cached=None))


@pytest.mark.parametrize(("removed", "pays"), [(900, False), (901, True)])
def test_what_is_saved_has_to_exceed_the_discount_that_is_lost(removed: int, pays: bool) -> None:
    assert worth(removed, 1000, price()) is pays


def test_a_fee_for_each_request_is_no_saving() -> None:
    assert not worth(900, 1000, price(request="50"))


@given(
    st.integers(1, 5000),
    st.integers(0, 5000),
    st.integers(0, 5000),
    st.decimals(0, 1, places=2),
)
def test_it_says_which_of_both_bills_is_smaller(
    removed: int, lost: int, rest: int, cached: Decimal
) -> None:
    removed = min(removed, lost + rest)
    rates = TokenPrice(Decimal(1), Decimal(4), cached_input=cached)
    whole = rates.cost(Usage(input=lost + rest, cached_input=lost))
    shorter = rates.cost(Usage(input=lost + rest - removed))
    assert worth(removed, lost, rates) is (shorter < whole and removed > 0)
