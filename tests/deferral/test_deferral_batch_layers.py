"""Batches as the configuration builds them: behind the caches, the cascades and compression, before
the ledger and the shadow."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stepdown.config.live import Live
from stepdown.deferral.batch import worker
from stepdown.deferral.batch.interface import ENDED, Batch, NewBatch
from stepdown.deferral.run import Keeper
from stepdown.ledger.savings import savings
from stepdown.requests import request_of
from stepdown.storage.database import open_database
from support.batches import entry, jsonl, pieces

LONG = "word " * 500
SPACED = json.dumps({"rows": [{"id": n, "name": "Ann"} for n in range(40)]}, indent=8)


@pytest.fixture(autouse=True)
def swift(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> None:
    """The database is at ``tmp_path / "ledger.db"``, and has its tables already."""
    monkeypatch.setattr(worker, "FIRST", 0.02)
    monkeypatch.setattr(worker, "TICK", 0.02)


def document(tmp_path: Path, route: dict[str, Any], **sections: Any) -> dict[str, Any]:
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": f"simulated/{name}", "batch": {"delay": 0.02}},
            "model_info": {
                "input_cost_per_token": price,
                "output_cost_per_token": price * 2,
            },
        }
        for name, price in (("cheap", 0.000001), ("strong", 0.00001))
    ]
    rules = [
        {"name": "short", "when": {"tokens": {"lt": 400}}, "rung": "cheap"},
        {"name": "long", "when": {"tokens": {"ge": 400}}, "rung": "strong"},
    ]
    return {
        "model_list": models,
        "routes": {"auto": {"ladder": ["cheap", "strong"], "rules": rules, **route}},
        "ledger": {"url": f"sqlite:///{tmp_path}/ledger.db", "flush_interval": 0.02},
        "batch": {"poll": 0.05, "gather": 0.05},
        **sections,
    }


def run(
    tmp_path: Path,
    steps: Callable[[Live], Awaitable[None]],
    route: dict[str, Any] | None = None,
    **sections: Any,
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(document(tmp_path, route or {}, **sections)))

    async def main() -> None:
        live = Live(path, {})
        live.start()
        try:
            await steps(live)
        finally:
            await live.aclose()

    asyncio.run(main())


async def through(live: Live, *entries: dict[str, Any]) -> tuple[Batch, list[dict[str, Any]]]:
    """A batch to its end, and its answers."""
    file = await live.batches.put_file("red", pieces(jsonl(entries)), filename="in.jsonl")
    batch = await live.batches.create("red", NewBatch(file.id))
    async with asyncio.timeout(30):
        while batch.status not in ENDED:
            await asyncio.sleep(0.02)
            batch = await live.batches.get("red", batch.id)
    assert batch.output_file_id is not None
    data = b"".join([p async for p in live.batches.file_content("red", batch.output_file_id)])
    return batch, [json.loads(line) for line in data.splitlines()]


def counts(live: Live) -> dict[str, int]:
    found: dict[str, int] = live.batches.status()["counts"]
    return found


def saved(tmp_path: Path) -> tuple[Decimal, dict[str, Decimal]]:
    """What the ledger says was saved, in all and by saver."""
    engine = open_database(f"sqlite:///{tmp_path}/ledger.db")
    try:
        total = savings(engine).total
        return total.saved, total.saved_by
    finally:
        engine.dispose()


def test_the_savers_add_up_in_the_ledger(tmp_path: Path) -> None:
    told: list[Batch] = []

    async def steps(live: Live) -> None:
        batch, _ = await through(live, entry(0), entry(1), entry(2, LONG))
        told.append(batch)
        assert counts(live)["answered"] == 3

    run(tmp_path, steps)
    [batch] = told
    total, by = saved(tmp_path)
    assert total == Decimal(batch.money.reference) - Decimal(batch.money.cost)
    assert by["batch"] == Decimal(batch.money.discount) == Decimal(batch.money.cost)
    assert sum(by.values()) == total
    assert by["route"] > 0


def test_compressed_prompts_are_what_is_sent(tmp_path: Path) -> None:
    told: list[Batch] = []

    async def steps(live: Live) -> None:
        batch, answers = await through(live, entry(0, SPACED))
        told.append(batch)
        asked = answers[0]["response"]["body"]["usage"]["prompt_tokens"]
        assert asked < len(SPACED) / 4

    run(tmp_path, steps, {"compression": True})
    total, by = saved(tmp_path)
    assert by["compression"] > 0
    assert by["batch"] == Decimal(told[0].money.discount)
    assert sum(by.values()) == total


def test_what_a_cache_holds_goes_into_no_batch(tmp_path: Path) -> None:
    async def steps(live: Live) -> None:
        asked = request_of(entry(0)["body"])
        asked.tenant = "red"
        keeper = Keeper()
        await live.pipeline.handle(asked, keeper)
        batch, answers = await through(live, entry(0), entry(1))
        assert batch.counts.completed == 2
        assert answers[0]["response"]["body"] == json.loads(keeper.body)
        assert (counts(live)["called"], counts(live)["submitted"]) == (1, 1)

    run(tmp_path, steps, {"cache": {"exact": True}}, cache={"exact": {"nondeterministic": True}})
    _, by = saved(tmp_path)
    assert by["exact"] > 0


def test_a_batch_keeps_nobody_waiting_who_asks_the_same(tmp_path: Path) -> None:
    """The cache's flights are for answers that come soon."""

    async def steps(live: Live) -> None:
        file = await live.batches.put_file("red", pieces(jsonl([entry(0)])), filename="x")
        batch = await live.batches.create("red", NewBatch(file.id))
        while batch.status == "validating":
            await asyncio.sleep(0.01)
            batch = await live.batches.get("red", batch.id)
        asked = request_of(entry(0)["body"])
        asked.tenant = "red"
        async with asyncio.timeout(10):
            journey = await live.pipeline.handle(asked, Keeper())
        assert journey.outcome == "answered"
        assert (await live.batches.get("red", batch.id)).status == "in_progress"

    models = document(tmp_path, {})["model_list"]
    for model in models:
        model["litellm_params"]["batch"] = {"delay": 600.0}
    route = {"cache": {"exact": True}}
    run(tmp_path, steps, route, cache={"exact": {"nondeterministic": True}}, model_list=models)


def test_answers_that_are_to_be_checked_are_called(tmp_path: Path) -> None:
    """A batch cannot climb: a cascade's requests keep their checks."""

    async def steps(live: Live) -> None:
        batch, answers = await through(live, entry(0), entry(1, LONG))
        assert batch.counts.completed == 2
        models = [each["response"]["body"]["model"] for each in answers]
        assert models == ["strong", "strong"]  # the cheap answer is no JSON, and was rejected
        assert (counts(live)["called"], counts(live)["submitted"]) == (1, 1)

    run(tmp_path, steps, {"cascade": {"validators": ["json"]}})


def test_answered_lines_are_shadowed(tmp_path: Path) -> None:
    """Rules are judged by what batches ask, too."""

    async def steps(live: Live) -> None:
        await through(live, entry(0), entry(1), entry(2, LONG))
        async with asyncio.timeout(20):
            while live.status()["shadow"]["paired"] < 2:  # noqa: ASYNC110  nothing announces it
                await asyncio.sleep(0.02)
        assert live.status()["shadow"]["sampled"] >= 2

    run(tmp_path, steps, {"shadow": 1.0})


def test_over_a_reload(tmp_path: Path) -> None:
    async def steps(live: Live) -> None:
        await through(live, entry(0))
        live.reload(tell=False)
        batch, _ = await through(live, entry(1))
        assert batch.counts.completed == 1

    run(tmp_path, steps)
