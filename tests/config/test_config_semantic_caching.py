"""The semantic cache, as a configuration switches it on: what it is made of, and over a reload."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from stepdown.caching.semantic.cache import SemanticCache
from stepdown.config.build import Built, build
from stepdown.config.semantic_caching import Semantic, address_of, semantic_settings
from stepdown.errors import ConfigError
from support.documents import entry, read

LADDER = {"ladder": ["weak", "strong"]}
MODELS = [entry("weak", "simulated/weak"), entry("strong", "simulated/strong")]
EMBEDS = entry(
    "vectors",
    "openai/text-embedding-3-small",
    api_key="sk-x",
    api_base="http://127.0.0.1:9/v1",
    model_info={"mode": "embedding"},
)


def built(tmp_path: Path, *entries: Any, previous: Built | None = None, **sections: Any) -> Built:
    ledger = {"url": f"sqlite:///{tmp_path}/ledger.db"}
    sections = {"routes": {"auto": LADDER, "bot": LADDER}, **sections}
    semantic = sections.get("cache", {}).get("semantic")
    if isinstance(semantic, dict):
        semantic.setdefault("evidence", str(tmp_path / "evidence.json"))
    config = read(*MODELS, *entries, ledger=ledger, **sections)
    return build(config, price_of=lambda model: None, previous=previous)


def semantic(tmp_path: Path, *entries: Any, **sections: Any) -> Semantic:
    found = built(tmp_path, *entries, **sections).caching
    assert found is not None
    assert found.semantic is not None
    return found.semantic


def test_one_line_switches_it_on_after_the_exact_one(tmp_path: Path) -> None:
    found = built(tmp_path, cache={"exact": True, "semantic": True}).caching
    assert found is not None
    assert [cache.name for cache in found.by_target["auto"]] == ["exact", "semantic"]
    assert [cache.name for cache in found.by_target["weak"]] == ["exact", "semantic"]
    status = json.loads(json.dumps(found.status()))["semantic"]
    assert (status["routes"]["auto"]["pairs"], status["judges_spent"]) == (0, "0")
    alone = built(tmp_path, cache={"semantic": True}).caching
    assert alone is not None
    assert [cache.name for cache in alone.by_target["auto"]] == ["semantic"]


def test_where_it_is_off_nothing_of_it_is_made(tmp_path: Path) -> None:
    routes = {"auto": {**LADDER, "cache": {"semantic": False}}}
    found = built(tmp_path, cache={"semantic": False}, routes=routes).caching
    assert found is not None
    assert found.semantic is None


def test_a_route_may_say_otherwise(tmp_path: Path) -> None:
    own = {"semantic": {"max_error": 0.05, "ttl": "1h", "fresh_words": ["stock"]}}
    routes = {
        "auto": {**LADDER, "cache": own},
        "bot": {**LADDER, "cache": {"semantic": False}},
    }
    found = semantic(tmp_path, routes=routes, cache={"semantic": {"sample": 0.2}})
    assert set(found.terms) == {"auto", "weak", "strong"}
    auto, weak = found.terms["auto"], found.terms["weak"]
    assert (auto.bound.max_error, auto.bound.sample, weak.bound.max_error) == (0.05, 0.2, 0.01)
    assert (auto.answers.ttl, weak.answers.ttl) == (3600.0, 86_400.0)
    assert auto.fresh_words == ("stock",)
    assert auto.answers.policy != weak.answers.policy


def test_a_route_alone_has_one(tmp_path: Path) -> None:
    routes = {"auto": {**LADDER, "cache": {"semantic": True}}, "bot": LADDER}
    assert set(semantic(tmp_path, routes=routes).terms) == {"auto"}


def test_an_endpoint_may_embed(tmp_path: Path) -> None:
    given = {"semantic": {"embedder": "vectors", "dimensions": 1536}}
    site = built(tmp_path, EMBEDS, cache=given)
    assert site.caching is not None
    assert site.caching.semantic is not None
    assert site.caching.semantic.embeddings is not None
    assert site.caching.status()["semantic"]["embedding_tokens"] == 0
    assert "vectors" not in site.fleet.models()  # it embeds, and answers nobody
    asyncio.run(site.caching.aclose())


@pytest.mark.parametrize(
    ("given", "entries", "problem"),
    [
        ({"embedder": "sttaic"}, (), "cache.semantic.embedder: expected static, minilm, multi"),
        ({"embedder": "vectors"}, (), "cache.semantic.embedder: expected static, minilm, multi"),
        ({"embedder": "vectors"}, (EMBEDS,), "cache.semantic.dimensions: expected the number of"),
        ({"verifier": "/nowhere.json"}, (), "cache.semantic.verifier: /nowhere.json: "),
        ({"max_error": 0}, (), "cache.semantic.max_error: expected a number above 0"),
        ({"tuning": 5}, (), "cache.semantic.tuning: expected a number of at least 20, got 5"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, given: Any, entries: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        built(tmp_path, *entries, cache={"semantic": given})
    assert any(line.startswith(problem) for line in raised.value.problems), raised.value.problems


def test_scorers_and_a_judge_compare_as_they_do_for_shadows(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        built(tmp_path, cache={"semantic": {}}, shadow={"scorers": ["nromalised"]})
    assert raised.value.problems[0].startswith("shadow.scorers[0]: ")


def test_what_is_held_outlives_a_reload_unless_its_size_or_embedder_changes(
    tmp_path: Path,
) -> None:
    def cache(site: Built) -> SemanticCache:
        assert site.caching is not None
        assert site.caching.semantic is not None
        return site.caching.semantic.cache

    async def go() -> None:
        first = built(tmp_path, cache={"semantic": {}})
        second = built(tmp_path, previous=first, cache={"semantic": {"max_error": 0.05}})
        third = built(tmp_path, previous=second, cache={"semantic": {"most": 10}})
        assert cache(first) is cache(second) is not cache(third)
        assert first.caching is not None
        assert second.caching is not None
        first.caching.start()
        assert cache(first).terms["auto"].bound.max_error == 0.01
        second.caching.start()
        await first.caching.aclose(second.caching)
        assert cache(second).is_running
        assert cache(second).terms["auto"].bound.max_error == 0.05
        await second.caching.aclose()
        assert not cache(second).is_running

    asyncio.run(go())


DATABASE = "postgresql://someone:hunter2@127.0.0.1:1/nowhere"


def test_replicas_share_what_is_kept_in_postgresql(tmp_path: Path) -> None:
    given = {"store": "postgresql", "url": DATABASE, "ttl": "2h", "size": "1MB", "most": 10}
    own = {"semantic": {"ttl": "1h"}}
    found = semantic(
        tmp_path,
        cache={"semantic": given},
        routes={"auto": {**LADDER, "cache": own}, "bot": LADDER},
    )
    assert found.shared is not None
    assert (found.shared.most, found.cache.status().store) == (1_000_000, "postgresql")

    async def go() -> None:
        found.start()
        assert found.shared is not None
        assert (found.shared.ttls["auto"], found.shared.ttls["weak"]) == (3600.0, 7200.0)
        await found.aclose()
        assert not found.cache.is_running

    asyncio.run(go())


def test_the_ledger_s_database_keeps_it_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = {"semantic": {"store": "postgresql", "evidence": str(tmp_path / "evidence.json")}}
    routes = {"auto": LADDER, "bot": LADDER}

    def address(**sections: Any) -> Any:
        config = read(*MODELS, routes=routes, cache=cache, **sections)
        return address_of(config, semantic_settings(config))

    assert address(ledger={"url": DATABASE}).url == DATABASE
    monkeypatch.setenv("STEPDOWN_DATABASE", f"{DATABASE}2")
    assert address().url == f"{DATABASE}2"


def test_another_place_is_another_cache(tmp_path: Path) -> None:
    memory = built(tmp_path, cache={"semantic": {}})
    there = {"store": "postgresql", "url": DATABASE}
    one = built(tmp_path, previous=memory, cache={"semantic": there})
    same = built(tmp_path, previous=one, cache={"semantic": {**there, "ttl": "1h"}})
    other = built(tmp_path, previous=same, cache={"semantic": {**there, "url": f"{DATABASE}2"}})
    caches = [
        each.caching.semantic.cache
        for each in (memory, one, same, other)
        if each.caching is not None and each.caching.semantic is not None
    ]
    assert caches[0] is not caches[1] is caches[2] is not caches[3]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"store": "postgres"}, "cache.semantic.store: "),
        ({"url": DATABASE}, "cache.semantic: expected no url with the store memory"),
        (
            {"store": "postgresql"},
            "cache.semantic.url: expected postgresql://… with the store postgresql, got none",
        ),
        (
            {"store": "postgresql", "url": "postgresql://u:hunter2@h:hunter2/d"},
            "cache.semantic.url: expected postgresql://USER@HOST:PORT/DATABASE, got a URL that",
        ),
        (
            {"store": "postgresql", "url": "sqlite:////tmp/a.db"},
            "cache.semantic.url: expected postgresql://…, got the file /tmp/a.db",
        ),
        (
            {"store": "postgresql", "url": "postgresq://u:hunter2@h/d"},
            "cache.semantic.url: expected postgresql://…, got the scheme 'postgresq'",
        ),
    ],
)
def test_what_is_wrong_with_the_place_is_named(tmp_path: Path, given: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        built(tmp_path, cache={"semantic": given})
    assert any(line.startswith(problem) for line in raised.value.problems), raised.value.problems
    assert not any("hunter2" in line for line in raised.value.problems)


def test_postgresql_without_its_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError) as raised:
        built(tmp_path, cache={"semantic": {"store": "postgresql", "url": DATABASE}})
    [problem] = raised.value.problems
    assert problem.startswith("cache.semantic.store: ")
    assert "pip install 'stepdown[postgres]'" in problem
