"""Prices: exact, additive, monotone, never negative, and never too cheap on odd counts."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stepdown.pricing.price import RATES, Tier, TokenPrice
from stepdown.types import Usage

PARTS = ("cached_input", "cache_write", "audio_input", "reasoning", "audio_output")

rates = st.decimals(0, Decimal("0.01"), places=12)
prices = st.builds(
    TokenPrice, input=rates, output=rates, **{part: st.none() | rates for part in PARTS}
)
counts = st.integers(0, 10_000_000)
any_usages = st.builds(Usage, **{name: st.integers(-10, 2000) for name in Usage.__struct_fields__})


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Counts whose parts fit into their whole."""
    cached, written, heard, thought, spoken = (draw(counts) for _ in range(5))
    return Usage(
        input=cached + written + heard + draw(counts),
        output=thought + spoken + draw(counts),
        cached_input=cached,
        cache_write=written,
        audio_input=heard,
        reasoning=thought,
        audio_output=spoken,
    )


def by_hand(price: TokenPrice, usage: Usage) -> Fraction:
    """The bill in fractions: each token once, at the rate of its own kind."""
    total = Fraction(price.request)
    inputs = usage.cached_input + usage.cache_write + usage.audio_input
    total += Fraction(price.input) * (usage.input - inputs)
    total += Fraction(price.output) * (usage.output - usage.reasoning - usage.audio_output)
    for part in PARTS:
        whole = (
            price.input if part in ("cached_input", "cache_write", "audio_input") else price.output
        )
        own = getattr(price, part)
        total += Fraction(whole if own is None else own) * getattr(usage, part)
    return total


def added(first: Usage, second: Usage) -> Usage:
    pairs = zip(msgspec.structs.astuple(first), msgspec.structs.astuple(second), strict=True)
    return Usage(*(a + b for a, b in pairs))


@given(prices, usages())
def test_exact(price: TokenPrice, usage: Usage) -> None:
    assert Fraction(price.cost(usage)) == by_hand(price, usage)


@given(prices, usages(), usages())
def test_additive(price: TokenPrice, first: Usage, second: Usage) -> None:
    assert price.cost(added(first, second)) == price.cost(first) + price.cost(second)


@given(prices, usages(), counts, counts)
def test_more_tokens_never_cost_less(price: TokenPrice, usage: Usage, up: int, out: int) -> None:
    more = msgspec.structs.replace(usage, input=usage.input + up, output=usage.output + out)
    assert price.cost(more) >= price.cost(usage)


@given(prices, any_usages)
def test_never_negative_and_never_below_the_whole_at_its_cheapest(
    price: TokenPrice, usage: Usage
) -> None:
    """Whatever counts an upstream sends, no token of the whole is billed below the lowest rate."""
    inputs = [
        r
        for r in (price.input, price.cached_input, price.cache_write, price.audio_input)
        if r is not None
    ]
    outputs = [r for r in (price.output, price.reasoning, price.audio_output) if r is not None]
    least = min(inputs) * max(usage.input, 0) + min(outputs) * max(usage.output, 0)
    assert price.cost(usage) >= least >= 0


@given(prices, st.integers(0, 1000), st.integers(1, 1000))
def test_parts_beside_the_whole_are_billed_beside_it(
    price: TokenPrice, whole: int, excess: int
) -> None:
    cached = whole + excess
    rate = price.input if price.cached_input is None else price.cached_input
    assert (
        price.cost(Usage(input=whole, cached_input=cached)) == price.input * whole + rate * cached
    )


def test_known_figures() -> None:
    mini = TokenPrice(Decimal("0.15e-6"), Decimal("0.60e-6"), cached_input=Decimal("0.075e-6"))
    assert mini.cost(Usage(input=1_000_000, output=1_000_000)) == Decimal("0.75")
    assert mini.cost(Usage(input=1_000_000, cached_input=400_000)) == Decimal("0.12")
    assert mini.cost(Usage()) == 0


def test_a_tier_prices_the_whole_call() -> None:
    dear = TokenPrice(Decimal("2e-6"), Decimal("4e-6"))
    dearest = TokenPrice(Decimal("3e-6"), Decimal("9e-6"))
    price = TokenPrice(
        Decimal("1e-6"), Decimal("2e-6"), tiers=(Tier(1000, dear), Tier(5000, dearest))
    )
    assert price.cost(Usage(input=1000, output=1)) == Decimal("0.001002")
    assert price.cost(Usage(input=1001, output=1)) == Decimal("0.002006")
    assert price.cost(Usage(input=5001, output=1)) == Decimal("0.015012")


def test_a_fee_for_each_call() -> None:
    price = TokenPrice(Decimal(0), Decimal(0), request=Decimal("0.005"))
    assert price.cost(Usage(input=10)) == Decimal("0.005")


@given(st.sampled_from(RATES), st.sampled_from([Decimal(-1), Decimal("NaN"), Decimal("inf"), 0.5]))
def test_a_wrong_rate_is_named(name: str, rate: object) -> None:
    given_rates = {"input": Decimal(1), "output": Decimal(1), name: rate}
    with pytest.raises(ValueError, match=f"^{name}: expected a finite Decimal"):
        TokenPrice(**given_rates)  # type: ignore[arg-type]


def test_input_and_output_are_needed() -> None:
    with pytest.raises(ValueError, match=r"^output: expected"):
        TokenPrice(Decimal(1), None)  # type: ignore[arg-type]


@given(prices, usages())
def test_an_unlisted_rate_is_that_of_the_whole(price: TokenPrice, usage: Usage) -> None:
    assume(price.cached_input is None)
    without = msgspec.structs.replace(usage, cached_input=0)
    assert price.cost(usage) == price.cost(without)
