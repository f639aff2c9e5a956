"""Deployments as they are handed out: for streams, for names of a pattern, with dropped fields."""

from decimal import Decimal

import pytest

from stepdown.pricing.price import TokenPrice
from stepdown.types import Timeouts
from support.fleets import deployment


@pytest.mark.parametrize(
    ("upstream_model", "matched", "expected"),
    [
        ("*", ["gpt-4o"], "gpt-4o"),
        ("eu/*", ["gpt-4o"], "eu/gpt-4o"),
        ("*-x-*", ["a", "b"], "a-x-b"),
        ("fixed", ["gpt-4o"], "fixed"),
    ],
)
def test_the_stars_of_the_upstreams_name_are_filled_in(
    upstream_model: str, matched: list[str], expected: str
) -> None:
    served = deployment("a", "m*", upstream_model=upstream_model).serving("asked", matched)
    assert (served.id, served.model, served.upstream_model) == ("a", "asked", expected)


def test_a_name_of_a_pattern_is_priced_by_its_upstreams_name() -> None:
    price, own = (TokenPrice(Decimal(rate), Decimal(rate)) for rate in ("1", "2"))
    known = {"gpt-4o": price}
    made = deployment("a", "*", upstream_model="*", price_of=known.get)
    assert made.serving("gpt-4o", ["gpt-4o"]).price is price
    assert made.serving("other", ["other"]).price is None
    fixed = deployment("a", "*", upstream_model="*", price_of=known.get, price=own)
    assert fixed.serving("gpt-4o", ["gpt-4o"]).price is own


def test_unsupported_fields_are_dropped_only_where_that_is_allowed() -> None:
    unsupported = frozenset({"logprobs"})
    assert deployment("a", unsupported=unsupported).dropped == frozenset()
    assert deployment("a", unsupported=unsupported, drop_params=True).dropped == unsupported


def test_streams_have_timeouts_of_their_own_where_they_are_given() -> None:
    plain = deployment("a")
    assert plain.for_streams() is plain
    streams = Timeouts(first_byte=1.0)
    assert deployment("a", stream_timeouts=streams).for_streams().timeouts is streams
