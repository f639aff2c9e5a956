"""The exact cache, as a configuration switches it on: where, on which terms, and over a reload."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from stepdown.caching.exact.memory import MemoryStore
from stepdown.caching.exact.redis import RedisStore
from stepdown.caching.exact.sqlite import SQLiteStore
from stepdown.caching.exact.terms import ExactTerms
from stepdown.config.build import Built, build
from stepdown.config.caching import Caching, secret_of
from stepdown.config.reading import interpret
from stepdown.errors import ConfigError
from stepdown.requests import request_of
from stepdown.routing.guarded import Guarded, view_of
from stepdown.types import Journey
from support.scripted import Ear

MODELS: list[dict[str, Any]] = [
    {"model_name": name, "litellm_params": {"model": f"simulated/{name}"}}
    for name in ("small", "large")
]
DOCUMENT: dict[str, Any] = {
    "model_list": MODELS,
    "routes": {
        "auto": {"ladder": ["small", "large"]},
        "bot": {
            "ladder": ["small", "large"],
            "rules": [{"name": "gold", "when": {"header.x-plan": "gold"}, "rung": "small"}],
        },
    },
}


def built(tmp_path: Path, previous: Built | None = None, **sections: Any) -> Built:
    document = {**DOCUMENT, "ledger": {"url": f"sqlite:///{tmp_path}/ledger.db"}, **sections}
    config = interpret(document, {})
    return build(config, price_of=lambda model: None, previous=previous)


def caching(tmp_path: Path, **sections: Any) -> Caching:
    found = built(tmp_path, **sections).caching
    assert found is not None
    return found


def routes(**cache: Any) -> dict[str, Any]:
    return {name: {**route, "cache": cache} for name, route in DOCUMENT["routes"].items()}


def test_nothing_is_cached_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert built(tmp_path).caching is None
    assert built(tmp_path, cache={"exact": False}).caching is not None
    assert caching(tmp_path, cache={"exact": False}).by_target == {}


def test_one_line_switches_it_on_for_every_route_and_model(tmp_path: Path) -> None:
    found = caching(tmp_path, cache={"exact": True})
    assert set(found.by_target) == {"auto", "bot", "small", "large"}
    assert isinstance(found.exact.store, MemoryStore)
    assert found.terms["auto"].ttl == 3600.0
    assert found.terms["bot"].varies == ("header.x-plan",)
    assert len({found.terms[name].policy for name in ("auto", "bot", "small", "large")}) == 4


def test_what_may_be_stored_in_redis_can_be_read_again(tmp_path: Path) -> None:
    exact = {"store": "redis", "url": "redis://127.0.0.1:1", "most_entry": "20MB"}
    store = caching(tmp_path, cache={"exact": exact}).exact.store
    assert isinstance(store, RedisStore)
    assert store._most > 20_000_000


def test_a_route_may_say_otherwise(tmp_path: Path) -> None:
    given = {**DOCUMENT["routes"]}
    given["auto"] = {**given["auto"], "cache": {"exact": {"ttl": "5m", "nondeterministic": True}}}
    given["bot"] = {**given["bot"], "cache": {"exact": False}}
    found = caching(tmp_path, cache={"exact": {"ttl": "1d", "most_entry": "2MB"}}, routes=given)
    assert set(found.terms) == {"auto", "small", "large"}
    auto, small = found.terms["auto"], found.terms["small"]
    assert (auto.ttl, auto.nondeterministic, auto.most_entry) == (300.0, True, 2_000_000)
    assert (small.ttl, small.nondeterministic) == (86_400.0, False)


def test_a_route_alone_has_one(tmp_path: Path) -> None:
    assert set(caching(tmp_path, routes=routes(exact=True)).terms) == {"auto", "bot"}
    stored = {"exact": {"enabled": False, "store": "sqlite", "url": f"sqlite:///{tmp_path}/c.db"}}
    found = caching(tmp_path, cache=stored, routes=routes(exact={}))
    assert isinstance(found.exact.store, SQLiteStore)
    terms = found.terms["auto"]
    ladder = ("small", "large")
    assert terms == ExactTerms(policy=terms.policy, held=terms.held, ladder=ladder)


def test_another_upstream_other_rules_or_checks_have_answers_of_their_own(tmp_path: Path) -> None:
    moved = [MODELS[0], {**MODELS[1], "litellm_params": {"model": "simulated/larger"}}]
    ruled = {"auto": {"ladder": ["small", "large"], "rules": []}}
    checked = {"auto": {"ladder": ["small", "large"], "cascade": ["refusal"]}}
    served = {"model": "openai/large", "api_key": "k", "api_base": "http://127.0.0.1:9/v1"}
    elsewhere = {**served, "api_base": "http://127.0.0.1:8/v1"}
    cases: list[dict[str, Any]] = [
        {},
        {"model_list": moved},
        {"routes": ruled},
        {"routes": checked},
        {"compression": True},
        {"model_list": [MODELS[0], {"model_name": "large", "litellm_params": served}]},
        {"model_list": [MODELS[0], {"model_name": "large", "litellm_params": elsewhere}]},
    ]
    policies = [
        caching(tmp_path, cache={"exact": True}, **each).terms["auto"].policy for each in cases
    ]
    assert len(set(policies)) == len(cases)
    assert policies[0] == caching(tmp_path, cache={"exact": True}).terms["auto"].policy


def test_what_the_guard_holds_is_no_longer_answered_as_before(tmp_path: Path) -> None:
    place = built(tmp_path, cache={"exact": True})
    assert place.caching is not None
    held = place.caching.terms["bot"].held
    assert held() == frozenset()
    place.routes["bot"].guard = view_of({"gold": Guarded("tripped", "key")})
    assert held() == {"gold"}
    assert place.caching.terms["auto"].held() == frozenset()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"store": "redis"}, "cache.exact: expected a url with the store redis, such as"),
        ({"url": "sqlite:///x"}, "cache.exact: expected no url with the store memory"),
        ({"store": "sqlite", "url": "postgresql://x/y"}, "cache.exact.url: expected sqlite:///"),
        ({"store": "redis", "url": "http://x"}, "cache.exact.url: "),
        ({"ttl": "soon"}, "cache.exact.ttl: expected a time such as"),
        ({"stroe": "memory"}, "cache.exact.stroe: expected one of the keys enabled, store"),
        ("yes please", "cache.exact: expected a mapping"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, given: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        built(tmp_path, cache={"exact": given})
    assert any(line.startswith(problem) for line in raised.value.problems), raised.value.problems


def test_what_is_held_outlives_a_reload_unless_its_store_changes(tmp_path: Path) -> None:
    first = built(tmp_path, cache={"exact": True})
    second = built(tmp_path, first, cache={"exact": {"ttl": "5m"}})
    third = built(tmp_path, second, cache={"exact": {"size": "1MB"}})
    assert first.caching is not None
    assert second.caching is not None
    assert third.caching is not None
    assert first.caching.exact is second.caching.exact is not third.caching.exact

    async def go() -> list[str | None]:
        assert first.caching is not None
        assert second.caching is not None
        first.caching.start()
        said = [await ask(first)]
        await first.caching.exact.drained()
        second.caching.start()
        await first.caching.aclose(second.caching)
        said += [await ask(second)]
        await second.caching.aclose()
        return said

    async def ask(site: Built) -> str | None:
        message = {"role": "user", "content": "Tell me."}
        asked = request_of({"model": "small", "temperature": 0, "messages": [message]})
        ear = Ear()
        journey: Journey = await site.pipeline.handle(asked, ear)
        assert json.decode(ear.heard)["choices"]
        return journey.cache

    assert asyncio.run(go()) == ["miss", "exact"]


def test_entries_are_sealed_with_what_follows_from_the_master_key() -> None:
    def secret(**general: str) -> bytes:
        return secret_of(interpret({**DOCUMENT, "general_settings": general}, {}))

    assert secret() == b""
    assert secret(master_key="sk-1") != secret(master_key="sk-2") != b""
    assert b"sk-1" not in secret(master_key="sk-1")
