"""What each layer of the cost stack adds to a request: ``python benchmarks/cost_stack.py --help``.

One process, no HTTP server: the pipeline of a configuration is asked directly, over a simulated
upstream that answers at once, with a ledger on disk. Each layer is switched on alone, then all of
them together; a request is one that the layer has nothing for (a miss), or one that it answers (a
hit); what caches learn beside the requests is waited for. Medians and 99th percentiles, in
microseconds, and what the layer adds to the median of the stack without it. The prompts are a
question of some 80 characters, a request of 2 KB, and a document of about 3,000 tokens.
"""

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from msgspec import Struct

from decision import body
from stepdown.config.build import Built, build
from stepdown.config.reading import interpret
from stepdown.requests import request_of
from stepdown.types import Journey, Request

LADDER = ["small (simulated)", "large (simulated)"]
PRICES = {"small": (0.15, 0.6), "large": (2.5, 10.0)}
EXACT = {"exact": {"nondeterministic": True}}
SEMANTIC = {"semantic": {"nondeterministic": True}}
LOSSLESS: Any = True
LOSSY: Any = {"techniques": ["minify", "duplicates", "tables", "extract"], "target": 0.5}
QUESTION, SHORT, LONG = "a question", "2 KB", "3,000 tokens"

_serial = count()


class Case(Struct, frozen=True):
    """One configuration of the stack, and what is asked of it: always the same (``hit``), much the
    same (``near``), or something else each time."""

    name: str
    prompt: str
    cache: dict[str, Any] = {}
    compression: Any = False
    hit: bool = False
    near: bool = False
    base: str = "nothing on"


CASES = (
    Case("nothing on", QUESTION),
    Case("exact cache, a miss", QUESTION, EXACT),
    Case("exact cache, a hit", QUESTION, EXACT, hit=True),
    Case("semantic cache, nothing near", QUESTION, SEMANTIC, base="nothing on"),
    Case("semantic cache, a would-be hit asked afresh", QUESTION, SEMANTIC, near=True),
    Case("compression, lossless", QUESTION, compression=LOSSLESS),
    Case("all of them, a miss", QUESTION, {**EXACT, **SEMANTIC}, LOSSLESS, near=True),
    Case("nothing on, 2 KB", SHORT, base="nothing on, 2 KB"),
    Case("exact cache, a miss", SHORT, EXACT, base="nothing on, 2 KB"),
    Case("compression, lossless", SHORT, compression=LOSSLESS, base="nothing on, 2 KB"),
    Case("all of them, a miss", SHORT, {**EXACT, **SEMANTIC}, LOSSLESS, base="nothing on, 2 KB"),
    Case("nothing on, a document", LONG, base="nothing on, a document"),
    Case("exact cache, a miss", LONG, EXACT, base="nothing on, a document"),
    Case("compression, lossless", LONG, compression=LOSSLESS, base="nothing on, a document"),
    Case("compression, lossy", LONG, compression=LOSSY, base="nothing on, a document"),
)
THINGS = ("kettle", "toaster", "window", "invoice", "password", "parcel", "garden", "meeting")
NEAR = "Please tell me how I get a refund for the kettle that I bought in week {n}."


class Nobody:
    """A client that does not listen."""

    async def answer(self, journey: Journey, body: bytes) -> None: ...

    async def open_stream(self, journey: Journey) -> None: ...

    async def write(self, data: bytes) -> None: ...

    async def close_stream(self) -> None: ...


def built(case: Case, folder: Path) -> Built:
    """The case's configuration, brought to life."""
    models = [
        {
            "model_name": f"{name} (simulated)",
            "litellm_params": {"model": f"simulated/{name}"},
            "model_info": {
                "input_cost_per_token": low / 1e6,
                "output_cost_per_token": high / 1e6,
            },
        }
        for name, (low, high) in PRICES.items()
    ]
    cache = {name: {**each} for name, each in case.cache.items()}
    if "semantic" in cache:
        cache["semantic"]["evidence"] = str(folder / "evidence.json")
    document = {
        "model_list": models,
        "routes": {"auto": {"ladder": LADDER, "sessions": False}},
        "cache": cache,
        "compression": case.compression,
        "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
    }
    return build(interpret(document, {}), price_of=lambda model: None)


def requests(case: Case) -> Iterator[Request]:
    """The same request again and again where it is to be a hit, otherwise another each time."""
    while True:
        number = 0 if case.hit else next(_serial)
        if case.prompt == QUESTION:
            prompt = {"messages": [{"role": "user", "content": question(case, number)}]}
        elif case.prompt == SHORT:
            prompt = json.loads(body(2_000).replace(b" today", b""))  # which is never cached
            prompt["messages"][-1]["content"] += f"\n\nThis is question {number}."
        else:
            prompt = {"messages": [{"role": "user", "content": document(number)}]}
        yield request_of({**prompt, "model": "auto"})


def question(case: Case, number: int) -> str:
    if case.near:
        return NEAR.format(n=number)
    words = (THINGS[number // 8**place % 8] for place in range(4))
    return f"{number} {' '.join(words)}: what does the {number % 997}th of these cost?"


def document(number: int) -> str:
    """About 3,000 tokens: a table as JSON, and passages of which some say the same again."""
    rows = [{"order": n + number, "city": f"Town {n % 7}", "paid": n % 3 == 0} for n in range(60)]
    passages = [
        f"The shop in Town {n % 25} opens at {7 + n % 4} and keeps {n % 25 + number} spare parts. "
        "Deliveries come on the first working day of a month, unless that is a holiday, and are "
        "checked by the same two people who sign for them."
        for n in range(40)
    ]
    table = json.dumps(rows, indent=2)
    return "\n\n".join((table, *passages, f"When does the shop in Town {number % 25} open?"))


async def measure(case: Case, rounds: int) -> list[float]:
    """Microseconds of each request."""
    took: list[float] = []
    with tempfile.TemporaryDirectory(prefix="stepdown-stack-") as folder:
        site = built(case, Path(folder))
        site.ledger.start()
        if site.caching is not None:
            site.caching.start()
        client, asked = Nobody(), requests(case)
        for number in range(rounds + rounds // 10 + 1):
            request = next(asked)
            begun = time.perf_counter()
            await site.pipeline.handle(request, client)
            if number > rounds // 10:
                took.append((time.perf_counter() - begun) * 1e6)
            await settled(site)
        if site.caching is not None:
            await site.caching.aclose()
        await asyncio.to_thread(site.ledger.close)
    return took


async def settled(site: Built) -> None:
    """Wait for what goes on beside the requests."""
    await asyncio.sleep(0)
    if site.caching is not None:
        await site.caching.exact.drained()
        if site.caching.semantic is not None:
            await site.caching.semantic.cache.drained()


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--rounds", type=int, default=1000)
    rounds: int = made.parse_args().rounds
    medians: dict[str, float] = {}
    print("| layer | prompt | p50 µs | p99 µs | adds to p50 |")
    print("|---|---|---:|---:|---:|")
    for case in CASES:
        gc.collect()
        took = sorted(asyncio.run(measure(case, rounds)))
        p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
        medians.setdefault(case.name, p50)
        added = p50 - medians[case.base]
        print(f"| {case.name} | {case.prompt} | {p50:,.0f} | {p99:,.0f} | {added:+,.0f} |")


if __name__ == "__main__":
    main()
