"""Prices: the entry's own, the file's, the book's, and never zero where unknown."""

from decimal import Decimal
from typing import Any

import pytest

from stepdown.config.build import build_fleet, price_of
from stepdown.config.prices import price_book, token_price
from stepdown.config.schema import PriceSettings
from stepdown.ports import Price
from stepdown.types import Usage
from support.documents import entry, read, refused

MILLION = Usage(input=1_000_000, output=1_000_000)
HALF_CACHED = Usage(input=1_000_000, cached_input=1_000_000)


def price(*entries: dict[str, Any], name: str = "gpt-4o", **sections: Any) -> Price | None:
    return price_of(read(*entries, **sections))(name)


def cost(found: Price | None, usage: Usage = MILLION) -> Decimal:
    assert found is not None
    return found.cost(usage)


def test_the_price_book_knows_the_upstreams_model() -> None:
    assert cost(price(entry())) == Decimal("12.5")
    assert cost(
        price(
            entry(
                "mine",
                model="azure/mine",
                api_base="https://r.openai.azure.com",
                model_info={"base_model": "gpt-4o-mini"},
            ),
            name="mine",
        )
    ) == Decimal("0.75")


def test_the_entrys_rates_win_and_are_exact() -> None:
    own = entry(input_cost_per_token=1.5e-7, output_cost_per_token="6e-7")
    assert cost(price(own, prices={"gpt-4o": {"input": 9, "output": 9}})) == Decimal("0.75")


def test_rates_may_stand_in_model_info() -> None:
    own = entry(model_info={"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6})
    assert cost(price(own)) == Decimal("3")


def test_missing_rates_come_from_the_book() -> None:
    found = price(entry(input_cost_per_token=1e-6))
    assert cost(found) == Decimal("11")  # 1 for input, the book's 10 for output


def test_half_a_price_of_an_unknown_model_is_an_error() -> None:
    config = read(entry("own", api_base="http://gpu/v1", api_key="k", input_cost_per_token=1e-6))
    [problem] = refused(lambda: build_fleet(config))
    assert problem.startswith("model_list[0].litellm_params.output_cost_per_token: expected a rate")
    assert refused(lambda: price_of(config)) == [problem]


def test_an_unknown_price_is_none() -> None:
    own = entry("own", api_base="http://gpu/v1", api_key="k")
    assert price(own, name="own") is None
    fleet = build_fleet(read(own))
    assert fleet.price("own") is None


def test_nothing_is_a_price() -> None:
    own = entry("own", input_cost_per_token=0, output_cost_per_token=0)
    assert cost(price(own, name="own")) == 0


def test_prices_of_the_file_by_either_name() -> None:
    own = entry("own", model="hosted_vllm/qwen", api_base="http://gpu/v1")
    for name in ("own", "qwen"):
        assert cost(price(own, name="own", prices={name: {"input": 1, "output": 2}})) == 3


def test_aliases_cost_what_their_model_costs() -> None:
    settings = {"model_group_alias": {"best": "gpt-4o"}}
    assert cost(price(entry(), name="best", router_settings=settings)) == Decimal("12.5")


@pytest.mark.parametrize(
    ("unit", "total"), [("per million", "3"), ("per thousand", "3000"), ("per token", "3000000")]
)
def test_units(unit: str, total: str) -> None:
    given = PriceSettings.model_validate({"input": 1, "output": 2, "unit": unit})
    assert token_price(given).cost(MILLION) == Decimal(total)


def test_every_rate_arrives() -> None:
    given = {"input": 8, "output": 9, "cached_input": 2, "request": "0.5"}
    config = read(entry(), prices={"x": given})
    found = price_book(config).overrides["x"]
    assert found.cost(HALF_CACHED) == Decimal("2.5")


def test_patterns_price_each_name() -> None:
    fleet = build_fleet(read(entry("openai/*", model="openai/*", api_key="k")))
    assert cost(fleet.price("openai/gpt-4o")) == Decimal("12.5")
    assert cost(fleet.price("openai/gpt-4o-mini")) == Decimal("0.75")
    assert fleet.price("openai/no-such-model") is None
