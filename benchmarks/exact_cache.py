"""What the exact cache costs a request: its key, a miss, and a hit, for each store.

    python benchmarks/exact_cache.py [--redis redis://127.0.0.1:6379/0] [--json]

Prints medians and 99th percentiles in microseconds. "key" is the canonical key alone. "miss" is
``look`` with nothing stored and ``offer`` of what failed; "hit" is ``look`` with the answer stored,
as a body and as a stream. Answers are 2 KB. Without ``--redis``, memory and SQLite alone.
"""

import argparse
import asyncio
import gc
import json
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from decision import body
from stepdown.caching.exact.cache import ExactCache
from stepdown.caching.exact.memory import MemoryStore
from stepdown.caching.exact.sqlite import SQLiteStore
from stepdown.caching.exact.store import Store
from stepdown.caching.exact.terms import ExactTerms
from stepdown.caching.key import key_of
from stepdown.providers.openai import OpenAIDialect
from stepdown.requests import request_of
from stepdown.types import Attempt, Decision, Journey, Request

SIZES = {"2 KB": 2_000, "50 KB": 50_000}
ROUNDS = 2_000
ENTRIES = 2_000
"""Stored beside the one that is asked for."""
MEMORY = 256_000_000


class Nobody:
    """A client that does not listen."""

    async def answer(self, journey: Journey, body: bytes) -> None: ...

    async def open_stream(self, journey: Journey) -> None: ...

    async def write(self, data: bytes) -> None: ...

    async def close_stream(self) -> None: ...


def answer() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": "word " * 380}}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "m",
            "choices": [{**choice, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 500, "completion_tokens": 380, "total_tokens": 880},
        }
    ).encode()


def asked(data: bytes, serial: int | None = None, *, streams: bool = False) -> Request:
    """A request of its own, as a gateway's is; ``serial`` makes it another question."""
    whole: dict[str, Any] = json.loads(data)
    if serial is not None:
        whole["messages"][-1]["content"] += f" ({serial})"
    return request_of({**whole, "stream": streams})


def percentiles(times: list[int]) -> tuple[float, float]:
    times.sort()
    return round(times[len(times) // 2] / 1000, 1), round(times[len(times) * 99 // 100] / 1000, 1)


def key_cost(data: bytes) -> tuple[float, float]:
    times: list[int] = []
    gc.disable()
    for _ in range(ROUNDS):
        request = asked(data)
        start = time.perf_counter_ns()
        key_of(request)
        times.append(time.perf_counter_ns() - start)
    gc.enable()
    return percentiles(times)


async def timed(
    requests: Iterator[Request], work: Callable[[Journey], Awaitable[None]]
) -> tuple[float, float]:
    times: list[int] = []
    for request in requests:
        journey = Journey(request, time.monotonic(), time.time())
        start = time.perf_counter_ns()
        await work(journey)
        times.append(time.perf_counter_ns() - start)
    return percentiles(times)


async def store(cache: ExactCache, request: Request) -> None:
    """Have the cache keep an answer to this request, as a pipeline would."""
    journey = Journey(request, time.monotonic(), time.time())
    await cache.look(journey)
    await cache.listen(journey, Nobody()).answer(journey, answer())
    journey.decision, journey.served = Decision("direct", "m"), Attempt("m", "m/1", 0.0)
    journey.outcome = "answered"
    cache.offer(journey)


async def store_costs(backend: Store, data: bytes) -> dict[str, tuple[float, float]]:
    cache = ExactCache(backend, {"auto": ExactTerms()}, OpenAIDialect())
    cache.start()
    for serial in range(ENTRIES):
        await store(cache, asked(data, serial))
        if serial % 100 == 0:
            await cache.drained()
    await store(cache, asked(data))
    await cache.drained()

    async def miss(journey: Journey) -> None:
        assert await cache.look(journey) is None
        cache.offer(journey)

    async def hit(journey: Journey) -> None:
        assert await cache.look(journey) is not None

    costs = {
        "miss": await timed((asked(data, -n) for n in range(1, ROUNDS)), miss),
        "hit": await timed((asked(data) for _ in range(ROUNDS)), hit),
        "hit, as a stream": await timed((asked(data, streams=True) for _ in range(ROUNDS)), hit),
    }
    assert cache.status().failures == 0
    await cache.purge()
    await cache.aclose()
    return costs


def backends(folder: Path, redis_url: str | None) -> Iterator[Store]:
    yield MemoryStore(MEMORY)
    yield SQLiteStore(folder / f"{uuid.uuid4().hex}.db", MEMORY)
    if redis_url is not None:
        from stepdown.caching.exact.redis import RedisStore

        yield RedisStore(redis_url, prefix=f"stepdown-bench:{uuid.uuid4().hex}:", timeout=2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis", metavar="URL")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, size in SIZES.items():
            data = body(size)
            median, tail = key_cost(data)
            rows.append({"prompt": name, "store": "", "what": "key", "p50": median, "p99": tail})
            for backend in backends(Path(folder), options.redis):
                for what, (median, tail) in asyncio.run(store_costs(backend, data)).items():
                    row = {"prompt": name, "store": backend.kind, "what": what}
                    rows.append({**row, "p50": median, "p99": tail})
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print("| prompt | store | what | p50 µs | p99 µs |\n|---|---|---|---:|---:|")
    for row in rows:
        print(f"| {' | '.join(str(value) for value in row.values())} |")


if __name__ == "__main__":
    main()
