"""How long a search and an addition take in each vector index, and how much each finds.

    python benchmarks/vector_index.py [--sizes 1000,10000,100000] [--only exact,flat,…]
                                      [--data DIR] [--replace]

The vectors are the static embedder's, of questions from a grammar of our own, two about each topic,
or with ``--data``, the folder of `cache_qqp_gptcache.jsonl.gz`, of people's questions. ``exact``:
numpy, every entry compared; ``flat``: the same after a look at the signs where there are many;
``graph``: usearch; ``hnswlib``: for comparison, where it is installed; ``pgvector``: PostgreSQL at
$STEPDOWN_TEST_PGVECTOR. Milliseconds are of this thread's processor time, so that other work on the
machine does not count, and of the clock on the wall for pgvector. Recall is of the nearest one, of
texts that were not added, and of those among them whose nearest has a similarity of 0.8 or more:
the only ones that a cache could serve. ``--replace`` removes and adds every entry of the graph
twice, and measures again.
"""

import argparse
import asyncio
import gzip
import json
import os
import random
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from stepdown.caching.index.flat import Flat
from stepdown.caching.index.graph import Graph
from stepdown.caching.index.postgresql import PostgresIndex
from stepdown.embedding.embedder import Vectors
from stepdown.embedding.static import FIRST_WORD, NAME, static, vocabulary
from stepdown.storage.address import parse

ASKED = 300
K = 5
NEAR = 0.8
AS_NEAR = 0.002
"""A found one counts as the nearest when it is as near, but for the rounding to half precision."""

FORMS = (
    "How do I {} my {} for the {}?",
    "Why does the {} of our {} fail after a {}?",
    "What is the best {} to {} a {}?",
    "Can you explain {} and {} in the context of {}?",
    "My {} shows {} whenever I open the {}.",
)


def questions(count: int) -> list[str]:
    """Questions about the vocabulary's own words."""
    words = [word for word in vocabulary()[FIRST_WORD + 1_000 : 20_000] if word.isalpha()]
    chosen = random.Random(0)
    said: list[str] = []
    while len(said) < count:
        topic = chosen.sample(words, 3)
        said += [form.format(*topic) for form in chosen.sample(FORMS, 2)]
    chosen.shuffle(said)
    return said[:count]


def peoples(data: Path, count: int) -> list[str]:
    with gzip.open(data / "cache_qqp_gptcache.jsonl.gz", "rt", encoding="utf-8") as lines:
        pairs = [json.loads(line) for line in lines]
    said = list(dict.fromkeys(pair[side] for pair in pairs for side in ("a", "b")))
    random.Random(0).shuffle(said)
    return said[:count]


class Contender:
    """One index behind two functions."""

    def __init__(
        self,
        add: Callable[[int, Vectors], object],
        search: Callable[[Vectors], list[int]],
        size: Callable[[], int],
        remove: Callable[[int], object] | None = None,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self.add, self.search, self.size, self.remove = add, search, size, remove
        self.clock = clock


def ours(made: Flat | Graph) -> Contender:
    return Contender(
        lambda number, vector: made.add(str(number), vector),
        lambda vector: [int(match.id) for match in made.search(vector, K)],
        lambda: made.bytes,
        lambda number: made.remove(str(number)),
    )


def hnswlib(dimensions: int, most: int) -> Contender:
    library: Any = import_module("hnswlib")
    index = library.Index("ip", dimensions)
    index.init_index(most, ef_construction=128, M=16)
    index.set_ef(128)
    index.set_num_threads(1)
    return Contender(
        lambda number, vector: index.add_items(vector[None], [number]),
        lambda vector: index.knn_query(vector, K)[0][0].tolist(),
        index.index_file_size,
    )


def pgvector(dimensions: int, most: int) -> Contender:
    runner = asyncio.Runner()
    index = PostgresIndex(parse(os.environ["STEPDOWN_TEST_PGVECTOR"]), NAME, dimensions, most)
    runner.run(index.clear())

    def search(vector: Vectors) -> list[int]:
        return [int(match.id) for match in runner.run(index.search("bench", vector, K))]

    return Contender(
        lambda number, vector: runner.run(index.add("bench", str(number), vector)),
        search,
        lambda: runner.run(index.size()).bytes,
        clock=time.perf_counter,
    )


CONTENDERS: dict[str, Callable[[int, int], Contender]] = {
    "exact": lambda dimensions, most: ours(Flat(dimensions, screened=most)),
    "flat": lambda dimensions, _: ours(Flat(dimensions)),
    "graph": lambda dimensions, _: ours(Graph(dimensions)),
    "hnswlib": hnswlib,
    "pgvector": pgvector,
}
MISSING = {
    "graph": lambda: find_spec("usearch") is None,
    "hnswlib": lambda: find_spec("hnswlib") is None,
    "pgvector": lambda: "STEPDOWN_TEST_PGVECTOR" not in os.environ,
}


def measured(contender: Contender, held: dict[int, Vectors], asked: Vectors) -> str:
    """Search times and recall, as cells of a table."""
    rows = np.stack(list(held.values()))
    times: list[float] = []
    found: list[bool] = []
    near: list[bool] = []
    for vector in asked:
        start = contender.clock()
        got = contender.search(vector)
        times.append((contender.clock() - start) * 1e3)
        best = float(np.vecdot(rows, vector).max())
        found.append(max(float(held[number] @ vector) for number in got) >= best - AS_NEAR)
        if best >= NEAR:
            near.append(found[-1])
    times.sort()
    spent = f"{times[len(times) // 2]:.3f} ({times[len(times) * 99 // 100]:.3f})"
    return f"{spent} | {np.mean(found):.3f} | {np.mean(near):.3f} of {len(near)}"


def row(name: str, size: int, vectors: Vectors, asked: Vectors, *, replace: bool) -> None:
    contender = CONTENDERS[name](vectors.shape[1], 2 * size)
    start = contender.clock()
    for number in range(size):
        contender.add(number, vectors[number])
    added = (contender.clock() - start) / size * 1e3
    held = dict(enumerate(vectors[:size]))
    cells = measured(contender, held, asked)
    print(f"| {name} | {size} | {added:.3f} | {cells} | {contender.size() / 1e6:.0f} |", flush=True)
    if not replace or name != "graph" or contender.remove is None:
        return
    for number in range(size, 3 * size):
        contender.remove(number - size)
        contender.add(number, vectors[number % len(vectors)])
    held = {number: vectors[number % len(vectors)] for number in range(2 * size, 3 * size)}
    cells = measured(contender, held, asked)
    print(f"| {name}, replaced twice | {size} | | {cells} | {contender.size() / 1e6:.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--only", default=",".join(CONTENDERS))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--replace", action="store_true")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    count = max(sizes) * (3 if options.replace else 1)
    wanted = count + ASKED
    said = questions(wanted) if options.data is None else peoples(options.data, wanted)
    vectors = static().vectors(said)
    asked, vectors = vectors[-ASKED:], vectors[:-ASKED]
    print("| index | entries | ms to add | ms to search (p99) | recall | recall, near | MB |")
    print("|---|---|---|---|---|---|---|")
    for name in options.only.split(","):
        if MISSING.get(name, lambda: False)():
            print(f"{name}: left out, it is not installed")
            continue
        for size in sizes:
            row(name, size, vectors, asked, replace=options.replace)


if __name__ == "__main__":
    main()
