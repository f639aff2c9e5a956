"""The cost stack: whichever layers are on, the answers are the same and the savings add up.

The upstreams are simulated, and answer a question by its topic, whatever its wording and whichever
model is asked: what a layer does to a request must then not show in the answer.
"""

import asyncio
import itertools
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from stepdown.config.live import Live
from stepdown.deferral.batch import worker
from stepdown.deferral.batch.interface import ENDED, NewBatch
from stepdown.deferral.run import Keeper
from stepdown.ledger.savings import Savings, savings
from stepdown.providers.simulated_answer import compose
from stepdown.requests import request_of
from stepdown.storage.database import open_database
from support.batches import jsonl, pieces

LAYERS = ("exact", "semantic", "route", "compression", "batch")
TOPICS = ("the refund of a kettle", "opening hours on Sunday", "how to clean a grill")
WORDINGS = (
    "Please tell me about {}.",
    "Can you tell me about {}?",
    "I would like to know about {}.",
    "I have a question about {}.",
    "Could you explain {}?",
)
TABLE = json.dumps([{"shop": n, "town": "Ulm", "open": True} for n in range(60)], indent=4)
ROUNDS = 10
"""How often everything is asked: the semantic cache has to learn before it may serve."""
LINES = 6


class Question(Struct, frozen=True):
    topic: str
    text: str

    @property
    def body(self) -> dict[str, Any]:
        turns = [{"role": "user", "content": self.text}]
        return {"model": "auto", "temperature": 0, "messages": turns}

    @property
    def answer(self) -> str:
        prompt = request_of(self.body).prompt
        return compose(prompt, "any", 24, 0, 0, TOPICS).content


def questions() -> Iterator[Question]:
    """Each topic in each wording, again and again, and once over a table that says nothing of it.
    Every other one has a number, so that it is not just the same as before."""
    for number in range(ROUNDS):
        for topic in TOPICS:
            for place, wording in enumerate(WORDINGS):
                text = wording.format(topic)
                yield Question(topic, text if place % 2 else f"{text} My ticket is {number}.")
            yield Question(topic, f"{TABLE}\n\nPlease tell me about {topic} in shop {number}.")


def document(on: frozenset[str], place: Path) -> dict[str, Any]:
    simulated = {"topics": list(TOPICS)}
    batch = {"batch": {**simulated, "delay": 0.01}} if "batch" in on else {}
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": f"simulated/{name}", "simulated": simulated, **batch},
            "model_info": {"input_cost_per_token": price, "output_cost_per_token": 2 * price},
        }
        for name, price in (("small", 0.000001), ("large", 0.00001))
    ]
    everything = {"name": "everything", "when": {"tokens": {"ge": 0}}, "rung": "cheap"}
    route = {"ladder": ["small", "large"], "rules": [everything], "sessions": False}
    bound = {"max_error": 0.3, "confidence": 0.8, "tuning": 30, "floor": 0.5}
    semantic = {**bound, "evidence": str(place / "evidence.json")} if "semantic" in on else False
    return {
        "model_list": models,
        "routes": {"auto": route if "route" in on else {**route, "ladder": ["large"], "rules": []}},
        "cache": {"exact": "exact" in on, "semantic": semantic},
        "compression": "compression" in on,
        "shadow": {"scorers": ["normalised"]},
        "batch": {"poll": 0.02, "gather": 0.02},
        "ledger": {"url": f"sqlite:///{place}/ledger.db", "flush_interval": 0.02},
    }


class Day(Struct):
    """What came of it: wrong answers, how often which cache answered, and what was saved."""

    wrong: list[tuple[str, str]]
    cached: Counter[str]
    status: dict[str, Any]
    total: Savings
    asked: int


def day(on: frozenset[str], place: Path) -> Day:
    path = place / "config.yaml"
    path.write_text(json.dumps(document(on, place)))
    found: Day | None = None

    async def main() -> Day:
        live = Live(path, {})
        live.start()
        try:
            return await _asked(live)
        finally:
            await live.aclose()

    found = asyncio.run(main())
    engine = open_database(f"sqlite:///{place}/ledger.db")
    try:
        found.total = savings(engine).total
    finally:
        engine.dispose()
    return found


async def _asked(live: Live) -> Day:
    wrong: list[tuple[str, str]] = []
    cached: Counter[str] = Counter()
    asked = list(questions())
    for question in asked:
        keeper = Keeper()
        journey = await live.pipeline.handle(request_of(question.body), keeper)
        said = json.loads(keeper.body)["choices"][0]["message"]["content"]
        if said != question.answer:
            wrong.append((question.text[-60:], str(journey.cache)))
        cached[journey.cache or "off"] += 1
        await _settled(live)
    lines = [Question(topic, f"{topic}, and why? Line {n}.") for n in range(2) for topic in TOPICS]
    for line, said in zip(lines, await _batch(live, lines), strict=True):
        if said != line.answer:
            wrong.append((line.text, "batch"))
    return Day(wrong, cached, live.status(), Savings("none"), len(asked) + len(lines))


async def _settled(live: Live) -> None:
    """Wait until the caches have what was just answered."""
    if live.caching is not None:
        await live.caching.exact.drained()
        if live.caching.semantic is not None:
            await live.caching.semantic.cache.drained()


async def _batch(live: Live, lines: list[Question]) -> list[str]:
    """The answers to a file of requests, in its order."""
    entries = [
        {"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": line.body}
        for n, line in enumerate(lines)
    ]
    file = await live.batches.put_file("", pieces(jsonl(entries)), filename="in.jsonl")
    batch = await live.batches.create("", NewBatch(file.id))
    async with asyncio.timeout(60):
        while batch.status not in ENDED:
            await asyncio.sleep(0.02)
            batch = await live.batches.get("", batch.id)
    assert batch.output_file_id is not None
    data = b"".join([p async for p in live.batches.file_content("", batch.output_file_id)])
    rows = [json.loads(row) for row in data.splitlines()]
    return [row["response"]["body"]["choices"][0]["message"]["content"] for row in rows]


@pytest.fixture(autouse=True)
def swift(monkeypatch: pytest.MonkeyPatch, migrated: Path, tmp_path: Path) -> None:
    """The database has its tables already, and batches are looked at all the time."""
    shutil.copy(migrated, tmp_path / "ledger.db")
    monkeypatch.setattr(worker, "TICK", 0.02)


COMBINATIONS = [frozenset(on) for size in range(6) for on in itertools.combinations(LAYERS, size)]


@pytest.mark.parametrize("on", COMBINATIONS, ids=lambda on: "+".join(sorted(on)) or "none")
def test_each_combination_gives_the_same_answers_and_adds_up(
    on: frozenset[str], tmp_path: Path
) -> None:
    found = day(on, tmp_path)
    assert found.wrong == []
    total = found.total
    assert total.requests == found.asked == ROUNDS * len(TOPICS) * (len(WORDINGS) + 1) + LINES
    assert total.unpriced == 0
    assert sum(total.saved_by.values(), Decimal(0)) == total.saved
    saving = {saver for saver, saved in total.saved_by.items() if saved}
    assert saving == on
    assert all(saved >= 0 for saved in total.saved_by.values())


def test_each_layer_sees_only_what_those_before_it_missed(tmp_path: Path) -> None:
    found = day(frozenset(LAYERS), tmp_path)
    exact, semantic = found.status["cache"]["exact"], found.status["cache"]["semantic"]
    looks = exact["hits"] + exact["misses"]
    assert looks == found.asked
    assert exact["hits"] == found.cached["exact"] > 0
    seen = semantic["hits"] + semantic["misses"] + sum(semantic["bypasses"].values())
    assert seen == exact["misses"]
    assert semantic["hits"] == found.cached["semantic"] > 0
    assert found.status["compression"]["auto"]["requests"] == found.asked - sum(
        found.cached[name] for name in ("exact", "semantic")
    )
