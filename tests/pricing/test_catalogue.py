"""The catalogue, against genai-prices' own arithmetic, for every model that it prices."""

import warnings
from datetime import UTC, datetime, timedelta
from functools import cache

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot

from stepdown.pricing.catalogue import Catalogue, Entry
from stepdown.types import Usage

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@cache
def catalogue() -> Catalogue:
    return Catalogue.bundled()


def entry(model: str, provider: str | None) -> Entry:
    found = catalogue().find(model, provider)
    assert found is not None
    return found


@pytest.mark.parametrize("size", [1000, 150_000, 300_000])
@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=14), timedelta(days=90)])
def test_every_price_is_what_genai_prices_bills(size: int, later: timedelta) -> None:
    usage = Usage(input=size, output=700, cached_input=300, cache_write=200)
    theirs = genai_prices.Usage(
        input_tokens=size, output_tokens=700, cache_read_tokens=300, cache_write_tokens=200
    )
    compared = 0
    for provider in get_snapshot().providers:
        for info in provider.models:
            mine = catalogue()._entry(provider, info)
            if mine is None:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                bill = info.calc_price(theirs, provider, genai_request_timestamp=NOW + later)
            prices = bill.model_price
            if prices.cache_write_1h_mtok is not None and prices.cache_write_mtok is None:
                continue  # only hour-long caching is priced, which usage does not tell apart
            assert mine.schedule.at(NOW + later).cost(usage) == bill.total_price, info.id
            compared += 1
    assert compared > 1500


def test_dated_names_are_the_model() -> None:
    assert entry("gpt-4o-2024-08-06", "openai").model == "gpt-4o"
    assert entry("gpt-5.2-20251211", "openai").model == "gpt-5.2"


def test_unknown_models_have_no_price() -> None:
    assert catalogue().find("gpt-4o-mini-of-my-own", "openai") is None
    assert catalogue().find("my-model", None) is None


def test_models_without_a_price_for_output_have_none() -> None:
    assert catalogue().find("text-embedding-3-small", "openai") is None


def test_source_and_date() -> None:
    price = entry("gpt-4o", "openai").schedule.at(NOW)
    assert price.source == f"genai-prices {genai_prices.__version__}"
    assert datetime.fromisoformat(price.date) <= datetime.now()
