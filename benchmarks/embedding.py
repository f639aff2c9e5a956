"""How long each embedder takes, and how well its similarities tell what means the same.

    python benchmarks/embedding.py [--only static,minilm] [--data DIR [--pairs N]] [--json]

Milliseconds of this thread's processor time, so that other work on the machine does not count, for
one text of about 20, 200 and 1000 tokens: the median and the 99th percentile. One thread does the
work, but for ``multilingual``, which uses every core and is timed by the clock on the wall. With
``--data``, the folder of `cache_qqp_gptcache.jsonl.gz` and `cache_gptcache_mock1000.jsonl.gz`: the
AUC of the cosine for labelled pairs of questions, and how often a paraphrase's nearest original
is its own.
"""

import argparse
import gzip
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from stepdown.embedding.embedder import LocalEmbedder, Vectors
from stepdown.embedding.registry import LOCAL, local
from stepdown.embedding.static import static, vocabulary
from stepdown.embedding.wordpiece import WordPiece
from stepdown.errors import ConfigError

SIZES = (20, 200, 1_000)
SECONDS = 4.0
"""At most so long for one size."""

MOST_ROUNDS = 2_000
TEXT = (
    "the valve was opened twice by hand and the operator noted a faint noise from the bearing "
    "please compare both invoices with last year's contract before Monday's audit in Rotterdam "
    "why does kubectl report error 403 after I renewed the certificate of our staging cluster"
)


def text_of(tokens: int) -> str:
    """A text of that many tokens or one or two more."""
    tokenizer, chosen = WordPiece(vocabulary()), random.Random(tokens)
    words = TEXT.split()
    said: list[str] = []
    while len(tokenizer.ids(" ".join(said))) < tokens:
        said.append(chosen.choice(words))
    return " ".join(said)


def timed(embedder: LocalEmbedder, text: str) -> tuple[float, float]:
    """Median and 99th percentile, ms."""
    clock = time.perf_counter if embedder.name.startswith("multilingual") else time.thread_time
    embedder.vectors([text])
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    while len(times) < MOST_ROUNDS and time.perf_counter() < until:
        start = clock()
        embedder.vectors([text])
        times.append((clock() - start) * 1e3)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def read(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def area(scores: Vectors, same: np.ndarray) -> float:
    """The chance that a pair of one meaning is nearer than a pair of two (AUC)."""
    ranks = np.argsort(np.argsort(scores)).astype(float)
    ones = int(same.sum())
    return float((ranks[same].sum() - ones * (ones - 1) / 2) / (ones * (len(same) - ones)))


def quality(embedder: LocalEmbedder, data: Path, count: int) -> dict[str, float]:
    pairs = read(data / "cache_qqp_gptcache.jsonl.gz")
    random.Random(0).shuffle(pairs)
    pairs = pairs[:count]
    first = embedder.vectors([pair["a"] for pair in pairs])
    second = embedder.vectors([pair["b"] for pair in pairs])
    same = np.array([pair["label"] == 1 for pair in pairs])
    asked = read(data / "cache_gptcache_mock1000.jsonl.gz")
    originals = embedder.vectors([row["origin"] for row in asked])
    paraphrases = embedder.vectors([row["similar"] for row in asked])
    nearest = (paraphrases @ originals.T).argmax(axis=1)
    return {
        "auc": area((first * second).sum(axis=1), same),
        "nearest": float((nearest == np.arange(len(asked))).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(LOCAL))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--pairs", type=int, default=6_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    texts = {size: text_of(size) for size in SIZES}
    static()
    if not options.json:
        print("| embedder | 20 / 200 / 1000 tokens, ms (p99) | AUC | own original nearest |")
        print("|---|---|---|---|")
    for name in options.only.split(","):
        try:
            embedder = local(name)
        except ConfigError as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
            continue
        row: dict[str, Any] = {"embedder": name, "dimensions": embedder.dimensions}
        for size, text in texts.items():
            row[f"{size} tokens"] = timed(embedder, text)
        if options.data is not None:
            row |= quality(embedder, options.data, options.pairs)
        print(json.dumps(row) if options.json else shown(row), flush=True)


def shown(row: dict[str, Any]) -> str:
    times = " / ".join("{:.3g} ({:.3g})".format(*row[f"{size} tokens"]) for size in SIZES)
    told = [f"{row[key]:.3f}" if key in row else "–" for key in ("auc", "nearest")]
    return f"| {row['embedder']} | {times} | {' | '.join(told)} |"


if __name__ == "__main__":
    main()
