"""Which deployments have a batch API, and what the configuration says of batches."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stepdown.config.batching import terms_of
from stepdown.config.build import Built, build
from stepdown.errors import ConfigError
from stepdown.types import Usage
from support.documents import entry, read

PRICED = {"input_cost_per_token": 0.000001, "output_cost_per_token": 0.000002}


def built(tmp_path: Path, *entries: Any, previous: Built | None = None, **sections: Any) -> Built:
    config = read(*entries, ledger={"url": f"sqlite:///{tmp_path}/ledger.db"}, **sections)
    return build(config, price_of=lambda model: None, previous=previous)


def kinds(tmp_path: Path, *entries: Any) -> dict[str, list[str]]:
    """By model the kinds of its batch APIs."""
    site = built(tmp_path, *entries)
    names = dict.fromkeys(each["model_name"] for each in entries)
    return {name: [o.api.name for o in site.batching.outlets.of(name)] for name in names}


@pytest.mark.parametrize(
    ("model", "params", "kind"),
    [
        ("openai/gpt-4o", {}, ["openai"]),
        ("anthropic/claude-haiku-4-5", {}, ["anthropic"]),
        ("openai/gpt-4o", {"batch": False}, []),
        ("openai/own", {"api_base": "http://127.0.0.1:9/v1"}, []),
        ("openai/own", {"api_base": "http://127.0.0.1:9/v1", "batch": "openai"}, ["openai"]),
        ("mistral/mistral-small", {}, []),
        ("simulated/m", {}, []),
        ("simulated/m", {"batch": True}, ["simulated"]),
        ("simulated/m", {"batch": {"delay": 2.0}}, ["simulated"]),
    ],
)
def test_which_deployments_have_one(
    tmp_path: Path, model: str, params: dict[str, Any], kind: list[str]
) -> None:
    assert kinds(tmp_path, entry("m", model, api_key="sk-x", **params)) == {"m": kind}


@pytest.mark.parametrize(
    ("model", "given", "problem"),
    [
        ("openai/own", "opneai", "expected one of openai, anthropic, true or false, got 'opneai'"),
        ("openai/own", True, "expected one of openai, anthropic: the kind of batch API at"),
        ("simulated/m", {"dely": 2}, "expected options of delay,"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, model: str, given: Any, problem: str) -> None:
    base = {} if model.startswith("simulated") else {"api_base": "http://127.0.0.1:9/v1"}
    with pytest.raises(ConfigError) as raised:
        built(tmp_path, entry("m", model, api_key="sk-x", batch=given, **base))
    [line] = raised.value.problems
    assert line.startswith(f"model_list[0].litellm_params.batch: {problem}"), line


def test_a_request_costs_its_share_there(tmp_path: Path) -> None:
    priced = {**entry("m", "simulated/m", batch=True), "model_info": PRICED}
    for batch, cost in ({}, "0.000500"), ({"price_factor": 0.25}, "0.000250"):
        [outlet] = built(tmp_path, priced, batch=batch).batching.outlets.of("m")
        assert outlet.price is not None
        assert outlet.price.cost(Usage(input=1000)) == Decimal(cost)


def test_the_terms_are_what_the_section_says() -> None:
    given = {"max": 7, "gather": "5m", "max_file": "1MiB", "paused": True, "rpm": 9}
    terms = terms_of(read(entry("m", "simulated/m"), batch=given))
    assert (terms.most, terms.gather, terms.max_file) == (7, 300.0, 1024 * 1024)
    assert (terms.paused, terms.rpm, terms.concurrency) == (True, 9, 8)


def test_an_api_stays_over_a_reload_while_its_endpoint_does(tmp_path: Path) -> None:
    here = entry("m", "openai/gpt-4o", api_key="sk-1")
    there = entry("m", "openai/gpt-4o", api_key="sk-2")
    first = built(tmp_path, here)
    second = built(tmp_path, here, entry("n", "simulated/n"), previous=first)
    third = built(tmp_path, there, previous=second)
    apis = [site.batching.outlets.of("m")[0].api for site in (first, second, third)]
    assert apis[0] is apis[1] is not apis[2]
    assert first.batches is second.batches is third.batches
    asyncio.run(first.batching.aclose(second.batching))
    asyncio.run(third.batching.aclose())


CLAUDE = entry("m", "anthropic/claude-haiku-4-5", api_key="sk-x")
MILLION = Usage(input=1_000_000)


@pytest.mark.parametrize(
    ("changes", "batch", "cost"),
    [
        ({}, {}, "0.5"),
        ({}, {"price_factor": 0.1}, "0.1"),
        ({"input_cost_per_token": 0.00001, "output_cost_per_token": 0.00002}, {}, "5"),
        (
            {"input_cost_per_token_batches": 0.000002, "output_cost_per_token_batches": 0},
            {"price_factor": 0.1},
            "2",
        ),
    ],
)
def test_what_a_million_tokens_cost(
    tmp_path: Path, changes: dict[str, Any], batch: dict[str, Any], cost: str
) -> None:
    """By the entry's own rates, a share, the catalogue, and half of what is priced otherwise."""
    priced = {**CLAUDE, "model_info": changes}
    [outlet] = built(tmp_path, priced, batch=batch).batching.outlets.of("m")
    assert outlet.price is not None
    assert outlet.price.cost(MILLION) == Decimal(cost)


def test_a_rate_for_batches_needs_the_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="output_cost_per_token_batches: expected a rate beside"):
        built(tmp_path, {**CLAUDE, "model_info": {"input_cost_per_token_batches": 0.1}})


def test_a_model_without_a_price_has_none_in_batches(tmp_path: Path) -> None:
    unknown = entry("m", "openai/nobody-knows-this", api_key="sk-x")
    [outlet] = built(tmp_path, unknown).batching.outlets.of("m")
    assert outlet.price is None
