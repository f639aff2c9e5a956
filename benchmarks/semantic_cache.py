"""The semantic cache over real questions: ``python benchmarks/semantic_cache.py DATA``.

The data is third parties' and no part of the project: labelled pairs of Quora questions, GPTCache's
own 999 pairs, and banking77's queries by intent. ``made`` questions are the project's own, of
families that the verifier in that row was not trained on.

    pairs    the verifiers on labelled pairs: what a threshold keeps of the right ones
    streams  questions one after the other, the first of a kind a miss: thresholds, and the bound
    bound    shuffled streams: how often more of the hits were wrong than allowed
    cost     what a look takes: microseconds, medians

A pair's stream is the first question held, the second asked. In the other streams an answer is kept
unless a hit was served, or a verified one was right. A hit is right where both questions have the
same answer: the same pair, intent, or thing asked.
"""

import argparse
import asyncio
import gzip
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from rich.console import Console

from stepdown.caching.index.index import VectorIndex
from stepdown.caching.index.memory import MemoryIndex
from stepdown.caching.index.postgresql import PostgresIndex
from stepdown.caching.semantic.bound import Bound, BoundTerms, Choice
from stepdown.caching.semantic.cache import SemanticCache, row_of
from stepdown.caching.semantic.calibration import fit_logistic
from stepdown.caching.semantic.entries import Entries, Entry, MemoryEntries, id_of
from stepdown.caching.semantic.families import FAMILIES
from stepdown.caching.semantic.features import features
from stepdown.caching.semantic.fit import auc, fit, held_out
from stepdown.caching.semantic.freshness import Freshness
from stepdown.caching.semantic.generate import LabelledPair, asked_again, generate
from stepdown.caching.semantic.postgres_entries import PostgresEntries
from stepdown.caching.semantic.question import Question, question_of
from stepdown.caching.semantic.shelf import Record
from stepdown.caching.semantic.terms import SemanticTerms
from stepdown.caching.semantic.turn import Reader, Turn
from stepdown.caching.semantic.verifier import Verifier, shipped
from stepdown.embedding.registry import local
from stepdown.embedding.static import static
from stepdown.providers.openai import OpenAIDialect
from stepdown.requests import request_of
from stepdown.storage.address import parse
from stepdown.types import Journey, Request

Matrix = NDArray[np.float32]
FLOOR = 0.7
BOUNDS = (0.01, 0.02, 0.05)
PUBLISHED = {0.95: (425, 25), 0.9: (804, 77), 0.8: (904, 92)}
"""GPTCache's own figures on its 999 pairs: threshold → hits right, hits wrong."""
waiting = Console(stderr=True)


class Asked(Struct):
    """Questions in an order, with what each is about, and how similar any two are."""

    name: str
    texts: list[str]
    about: list[str]
    similar: Matrix
    verifier: Verifier
    rows: dict[tuple[int, int], list[float]] = {}
    odds: dict[tuple[int, int], float] = {}
    turns: dict[int, Turn] = {}

    def row(self, one: int, other: int) -> list[float]:
        """The features of two questions; either way round they are the same."""
        key = (one, other) if one < other else (other, one)
        found = self.rows.get(key)
        if found is None:
            found = self.rows[key] = features(self.turn(one), self.turn(other))
        return found

    def turn(self, place: int) -> Turn:
        found = self.turns.get(place)
        if found is None:
            found = self.turns[place] = reader.read(self.texts[place])
        return found


class Would(Struct):
    """A would-be hit: the places of both questions, and what the index says."""

    asked: Asked
    one: int
    other: int
    similarity: float
    runner_up: float

    @property
    def right(self) -> bool:
        return self.asked.about[self.one] == self.asked.about[self.other]

    @property
    def log_odds(self) -> float:
        asked, key = self.asked, (self.one, self.other)
        found = asked.odds.get(key)
        if found is None:
            found = asked.odds[key] = asked.verifier.log_odds(asked.row(*key))
        return found

    def row(self, record: Record) -> NDArray[np.float64]:
        pair = self.asked.row(self.one, self.other)
        lead = self.similarity - self.runner_up
        return row_of(pair, self.log_odds, self.similarity, lead, record)


class Policy(Protocol):
    """Decides on would-be hits: whether one is served, and whether it is kept as its own entry."""

    def serves(self, would: Would) -> tuple[bool, bool]: ...


class Threshold:
    """Serves what scores at least so much."""

    def __init__(self, score: Callable[[Would], float], least: float) -> None:
        self._score, self._least = score, least

    def serves(self, would: Would) -> tuple[bool, bool]:
        served = self._score(would) >= self._least
        return served, not served


class Bounded:
    """The project's own controller."""

    def __init__(self, terms: BoundTerms, seed: int) -> None:
        self.bound = Bound(terms)
        self._chance = random.Random(seed)
        self._records: dict[int, Record] = {}

    def serves(self, would: Would) -> tuple[bool, bool]:
        record = self._records.setdefault(would.other, Record())
        row = would.row(record)
        choice = self.bound.decide(row, self._chance.random())
        if choice.verdict == "verify":
            self.bound.learn(row, choice, would.right)
            self.bound.settle()
            record.right += would.right
            record.wrong += not would.right
            return False, not would.right
        return choice.verdict == "serve", choice.verdict == "miss"


class PerEntry:
    """A decision for each entry, after vCache (arXiv 2502.03771), as we read it.

    Each entry has observations (similarity, right). With six or more, a logistic curve is fitted;
    its threshold is moved up by its standard error for each of 50 confidences, and the least
    probability of asking afresh that keeps the expected share of wrong answers within ``delta`` is
    used. There wrong hits are counted among all answers, misses included. The paper's simulated
    variances for observations that a threshold separates are replaced by a ridge in the fit.
    """

    LEAST = 6
    CONFIDENCES = np.linspace(1e-6, 1.0 - 1e-6, 50)
    ERRORS = np.array([NormalDist().inv_cdf(1.0 - float(each)) for each in CONFIDENCES])

    def __init__(self, delta: float, seed: int) -> None:
        self._delta = delta
        self._seen: dict[int, list[tuple[float, bool]]] = {}
        self._chance = random.Random(seed)

    def serves(self, would: Would) -> tuple[bool, bool]:
        seen = self._seen.setdefault(would.other, [])
        if len(seen) >= self.LEAST and self._chance.random() > self._afresh(seen, would.similarity):
            return True, False
        seen.append((would.similarity, would.right))
        return False, not would.right

    def _afresh(self, seen: Sequence[tuple[float, bool]], similarity: float) -> float:
        x = np.array([[each, 1.0] for each, _ in seen])
        y = np.array([right for _, right in seen], float)
        weights = np.array([10.0, -8.0])
        curve = np.eye(2)
        for _ in range(12):
            chance = chances(x @ weights)
            curve = (x * (chance * (1 - chance))[:, None]).T @ x + 0.01 * np.eye(2)
            weights = weights + np.linalg.solve(curve, x.T @ (y - chance) - 0.01 * weights)
        slope = max(float(weights[0]), 1e-6)
        middle = float(np.clip(-weights[1] / slope, 0.0, 1.0))
        gradient = np.array([weights[1] / slope**2, -1.0 / slope])
        error = float(np.sqrt(max(0.0, gradient @ np.linalg.inv(curve) @ gradient)))
        moved = np.clip(middle + self.ERRORS * error, 0.0, 1.0)
        surely = (1.0 - self.CONFIDENCES) * chances(slope * (similarity - moved))
        return float((1.0 - self._delta / (1.0 - surely)).min())


def chances(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    odds: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0)))
    return odds


class Came(Struct):
    """What came of a stream."""

    asked: int
    could: int
    hits: int = 0
    wrong: int = 0

    @property
    def share(self) -> float:
        return self.wrong / self.hits if self.hits else 0.0


def run(asked: Asked, order: Sequence[int], policy: Policy) -> Came:
    """Questions in this order; the nearest one that is held is the would-be hit."""
    seen = set[str]()
    could = 0
    for place in order:
        could += asked.about[place] in seen
        seen.add(asked.about[place])
    came = Came(len(order), could)
    held = np.empty(len(order), np.int64)
    number = 0
    for place in order:
        would = _nearest(asked, place, held[:number])
        keep = True
        if would is not None:
            served, keep = policy.serves(would)
            came.hits += served
            came.wrong += served and not would.right
        if keep:
            held[number] = place
            number += 1
    return came


def _nearest(asked: Asked, place: int, held: NDArray[np.int64]) -> Would | None:
    if not len(held):
        return None
    cosines = asked.similar[place, held]
    first = int(cosines.argmax())
    similarity = float(cosines[first])
    if similarity < FLOOR:
        return None
    runner_up = float(np.partition(cosines, -2)[-2]) if len(held) > 1 else 0.0
    return Would(asked, place, int(held[first]), similarity, runner_up)


def run_pairs(would: Sequence[Would], order: Sequence[int], policy: Policy) -> Came:
    """Pairs in this order: the first question is held, the second asked."""
    came = Came(len(order), sum(would[place].right for place in order))
    for place in order:
        served, _ = policy.serves(would[place])
        came.hits += served
        came.wrong += served and not would[place].right
    return came


# ── the data ─────────────────────────────────────────────────────────────────────────────────


def read(data: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def quora(data: Path, number: int) -> tuple[list[LabelledPair], list[LabelledPair]]:
    """So many pairs to train on, and as many others that share no text with them."""
    pairs = [LabelledPair(r["a"], r["b"], r["label"]) for r in read(data, "cache_qqp_gptcache")]
    random.Random(1).shuffle(pairs)
    kept = held_out(pairs)
    train = [pair for pair, out in zip(pairs, kept, strict=True) if not out]
    test = [pair for pair, out in zip(pairs, kept, strict=True) if out]
    return train[:number], test[:number]


def banking(data: Path, number: int, verifier: Verifier, embedder: str) -> Asked:
    rows = read(data, "cache_banking77_intents")
    random.Random(2).shuffle(rows)
    rows = rows[:number]
    texts = [row["query"] for row in rows]
    return asked_of("banking77", texts, [row["intent"] for row in rows], verifier, embedder)


def gptcache(data: Path, verifier: Verifier, embedder: str) -> Asked:
    """The 999 first texts, then the 999 second ones; a text that comes twice is one."""
    rows = read(data, "cache_gptcache_mock1000")
    names = {row["origin"]: str(place) for place, row in reversed(list(enumerate(rows)))}
    about = [names[row["origin"]] for row in rows]
    texts = [row["origin"] for row in rows] + [row["similar"] for row in rows]
    return asked_of("GPTCache's 999", texts, about * 2, verifier, embedder)


def made(number: int, embedder: str) -> Asked:
    """The project's own questions: the verifier is trained on every other family."""
    verifier, _ = fit(list(generate(8_000, 3, FAMILIES[::2])), static().vectors)
    asked = asked_again(number, 4, FAMILIES[1::2])
    return asked_of(
        "made", [text for text, _ in asked], [about for _, about in asked], verifier, embedder
    )


def asked_of(
    name: str, texts: list[str], about: list[str], verifier: Verifier, embedder: str
) -> Asked:
    vectors = local(embedder).vectors(texts)
    return Asked(name, texts, about, vectors @ vectors.T, verifier)


def would_be(pairs: Sequence[LabelledPair], verifier: Verifier, embedder: str) -> list[Would]:
    """The second question finds the first."""
    texts = [text for pair in pairs for text in (pair.a, pair.b)]
    vectors = local(embedder).vectors(texts)
    about = [
        str(each)
        for place, pair in enumerate(pairs)
        for each in (place, place if pair.label else f"not {place}")
    ]
    asked = Asked("Quora pairs", texts, about, vectors[:0], verifier)
    cosines = np.einsum("ij,ij->i", vectors[::2], vectors[1::2])
    return [
        Would(asked, 2 * place + 1, 2 * place, float(cosine), 0.0)
        for place, cosine in enumerate(cosines)
    ]


# ── what is printed ──────────────────────────────────────────────────────────────────────────


def print_pairs(data: Path, number: int, embedder: str) -> None:
    train, test = quora(data, number)
    print(f"\n### Quora pairs: {len(test):,}, {np.mean([p.label for p in test]):.1%} right\n")
    print("| scored by | AUC | right ones kept at precision .8 | .9 | .95 |")
    print("|---|---|---|---|---|")
    would = would_be(test, shipped(), embedder)
    right = np.array([each.right for each in would])
    print_scores(f"similarity ({embedder})", np.array([w.similarity for w in would]), right)
    print_scores("shipped verifier", np.array([each.log_odds for each in would]), right)
    for kind in ("logistic", "trees"):
        verifier, _ = fit(train, static().vectors, kind=kind)
        for each in would:
            each.asked.verifier = verifier
            each.asked.odds.clear()
        scores = np.array([each.log_odds for each in would])
        print_scores(f"{kind}, fitted to {len(train):,} other pairs", scores, right)


def print_scores(name: str, scores: NDArray[np.float64], right: NDArray[np.bool_]) -> None:
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(right[order])
    precision = found / np.arange(1, len(order) + 1)
    kept = [max(found[precision >= least], default=0) / right.sum() for least in (0.8, 0.9, 0.95)]
    print(f"| {name} | {auc(scores, right):.3f} | " + " | ".join(f"{k:.1%}" for k in kept) + " |")


def print_streams(data: Path, number: int, max_error: float, embedder: str) -> None:
    streams = [banking(data, number, shipped(), embedder), made(2 * number, embedder)]
    for asked in streams:
        order = list(range(len(asked.texts)))
        random.Random(5).shuffle(order)
        came = run(asked, order, Threshold(lambda would: would.similarity, 2.0))
        print(f"\n### {asked.name}: {came.asked:,} questions, {came.could:,} asked before\n")
        print_head()
        for least in (0.95, 0.9, 0.8):
            by = Threshold(lambda would: would.similarity, least)
            print_came(f"similarity ≥ {least}", run(asked, order, by))
        print_best(asked, order, "similarity", lambda w: w.similarity, max_error, FLOOR, 1.0)
        print_best(asked, order, "verifier", lambda w: w.log_odds, max_error, -2.0, 4.5)
        for bound in (max_error, 0.02, 0.05):
            by_bound = Bounded(BoundTerms(max_error=bound), 6)
            print_came(f"bounded, at most {bound:.0%} wrong", run(asked, order, by_bound))


def print_gptcache(data: Path, embedder: str) -> None:
    asked = gptcache(data, shipped(), embedder)
    half = len(asked.texts) // 2
    held = np.arange(half)
    found = [_nearest(asked, place, held) for place in range(half, 2 * half)]
    would = [each for each in found if each is not None]
    print(f"\n### GPTCache's {half} pairs: all first ones held, all second ones asked\n")
    print("| | hits right | hits wrong | wrong share | misses |")
    print("|---|---|---|---|---|")
    for least, (well, wrong) in PUBLISHED.items():
        print_pairs_row(f"GPTCache, as published, {least}", well, wrong, half)
    for least in PUBLISHED:
        served = [each for each in would if each.similarity >= least]
        wrong = sum(not each.right for each in served)
        print_pairs_row(f"similarity ≥ {least} ({embedder})", len(served) - wrong, wrong, half)
    rows = np.stack([each.row(Record()) for each in would])
    right = np.array([each.right for each in would])
    for name, column in (("similarity", 1), ("verifier", 0), ("lead over the next entry", 2)):
        hits, errors = most(rows[:, column], right, 0.01)[1:]
        print_pairs_row(f"{name}, best threshold in hindsight", hits - errors, errors, half)
    print_halves(rows, right, half)
    order = list(range(len(would)))
    for bound in (0.01, 0.02, 0.05):
        terms = BoundTerms(max_error=bound, tuning=100)
        came = run_pairs(would, random.Random(3).sample(order, len(order)), Bounded(terms, 7))
        told = f"bounded, at most {bound:.0%}, learning while it is asked"
        print_pairs_row(told, came.hits - came.wrong, came.wrong, half)


def print_halves(rows: NDArray[np.float64], right: NDArray[np.bool_], asked: int) -> None:
    """The score learned on one half, and a threshold that had at most half of 1 % wrong there among
    pairs that the score was not learned from; counted on the other half. Of ten random halvings,
    both ways, the mean."""
    hits = errors = 0
    splits = 10
    for seed in range(splits):
        order = np.random.default_rng(seed).permutation(len(rows))
        one, other = np.array_split(order, 2)
        for learned, counted in ((one, other), (other, one)):
            scores = np.empty(len(rows))
            for fold in np.array_split(learned, 5):
                rest = np.setdiff1d(learned, fold)
                scores[fold] = fit_logistic(rows[rest], right[rest]).scores(rows[fold])
            threshold = most(scores[learned], right[learned], 0.005)[0]
            served = fit_logistic(rows[learned], right[learned]).scores(rows[counted]) >= threshold
            hits += int(served.sum())
            errors += int((served & ~right[counted]).sum())
    wrong = round(errors / splits)
    told = "score and threshold learned on the other half of the pairs"
    print_pairs_row(told, round(hits / splits) - wrong, wrong, asked)


def most(
    score: NDArray[np.float64], right: NDArray[np.bool_], max_error: float
) -> tuple[float, int, int]:
    """The threshold that serves most with so few wrong, its hits, and the wrong ones of them."""
    ranked = np.argsort(-score, kind="stable")
    wrong = np.cumsum(~right[ranked])
    fine = np.flatnonzero(wrong <= max_error * np.arange(1, len(ranked) + 1))
    if not len(fine):
        return np.inf, 0, 0
    last = int(fine[-1])
    return float(score[ranked[last]]), last + 1, int(wrong[last])


def print_pairs_row(name: str, right: int, wrong: int, asked: int) -> None:
    share = wrong / (right + wrong) if right + wrong else 0.0
    print(f"| {name} | {right} | {wrong} | {share:.1%} | {asked - right - wrong} |")


def print_head() -> None:
    print("| | hits | wrong | wrong share | hit rate | of what was asked before |")
    print("|---|---|---|---|---|---|")


def print_came(name: str, came: Came) -> None:
    right = came.hits - came.wrong
    print(
        f"| {name} | {came.hits:,} | {came.wrong} | {came.share:.2%} | "
        f"{came.hits / came.asked:.1%} | {right / max(1, came.could):.1%} |",
        flush=True,
    )


def print_best(
    asked: Asked,
    order: Sequence[int],
    name: str,
    score: Callable[[Would], float],
    max_error: float,
    low: float,
    high: float,
) -> None:
    """The threshold that would have served most, of those with few enough wrong."""
    best = Came(len(order), 0)
    chosen = high
    for least in np.linspace(low, high, 26):
        came = run(asked, order, Threshold(score, float(least)))
        if came.share <= max_error and came.hits > best.hits:
            best, chosen = came, float(least)
    print_came(f"{name} ≥ {chosen:.2f}, best in hindsight", best)


def print_bound(data: Path, number: int, streams: int, embedder: str, only: str | None) -> None:
    print(f"\n### Shuffled streams, {streams} for one threshold and {streams // 10} per entry\n")
    print(
        "| stream | rule | streams with hits | hits, mean | wrong share, pooled "
        "| streams with more wrong than allowed |"
    )
    print("|---|---|---|---|---|---|")
    if only in (None, "quora"):
        _, test = quora(data, 2 * number)
        would = would_be(test, shipped(), embedder)
        for bound in BOUNDS:
            rule, one = f"one threshold, {bound:.0%}", _of_pairs(would, bound)
            name = f"Quora pairs, {len(would):,}"
            print_shuffled(name, rule, bound, streams, len(would), one)
    asked: list[Asked] = []
    if only in (None, "banking"):
        asked.append(banking(data, number, shipped(), embedder))
    if only in (None, "made"):
        asked.append(made(3 * number, embedder))
    for each in asked:
        name = f"{each.name}, {len(each.texts):,}"
        for bound in BOUNDS:
            rule, one = f"one threshold, {bound:.0%}", _of_stream(each, bound, per_entry=False)
            print_shuffled(name, rule, bound, streams, len(each.texts), one)
            rule, one = f"per entry, {bound:.0%}", _of_stream(each, bound, per_entry=True)
            print_shuffled(name, rule, bound, streams // 10, len(each.texts), one)


def _of_pairs(would: Sequence[Would], bound: float) -> Callable[[list[int], int], Came]:
    terms = BoundTerms(max_error=bound)
    return lambda order, seed: run_pairs(would, order, Bounded(terms, seed))


def _of_stream(asked: Asked, bound: float, *, per_entry: bool) -> Callable[[list[int], int], Came]:
    if per_entry:
        return lambda order, seed: run(asked, order, PerEntry(bound, seed))
    return lambda order, seed: run(asked, order, Bounded(BoundTerms(max_error=bound), seed))


def print_shuffled(
    name: str,
    rule: str,
    bound: float,
    streams: int,
    places: int,
    one: Callable[[list[int], int], Came],
) -> None:
    came: list[Came] = []
    with waiting.status(f"{name}, {rule}") as status:
        for seed in range(streams):
            came.append(one(random.Random(seed).sample(range(places), places), seed))
            status.update(f"{name}, {rule}: {seed + 1} of {streams}")
    hits = sum(each.hits for each in came)
    wrong = sum(each.wrong for each in came)
    over = sum(each.share > bound for each in came)
    print(
        f"| {name} | {rule} | {sum(each.hits > 0 for each in came)} of {streams} | "
        f"{hits / streams:,.0f} | {wrong / max(1, hits):.2%} | {over} of {streams} |",
        flush=True,
    )


# ── what it costs ────────────────────────────────────────────────────────────────────────────


def print_cost(held: int, url: str | None) -> None:
    """A look with so many entries held in one partition, in the database at ``url`` where there is
    one; one question in three is new to it."""
    place = "in memory" if url is None else "in PostgreSQL"
    print(f"\n### A look, {held:,} entries in its partition {place}, static embedder\n")
    print("| | median, µs |")
    print("|---|---|")
    for name, median in asyncio.run(costs(held, url)).items():
        print(f"| {name} | {median:,.0f} |")


async def costs(held: int, url: str | None) -> dict[str, float]:
    index: VectorIndex = MemoryIndex(256, held)
    entries: Entries = MemoryEntries()
    if url is not None:
        index = PostgresIndex(parse(url), "benchmark", 256, held)
        entries = PostgresEntries(index)
    terms = {"auto": SemanticTerms()}
    cache = SemanticCache(terms, static(), index, OpenAIDialect(), entries=entries)
    cache.start()
    texts = list(dict.fromkeys(pair.a for pair in generate(3 * held, 9)))[:held]
    lead = question_of(chat(texts[0]), SemanticTerms(), Freshness())
    assert isinstance(lead, Question)
    body = json.dumps({"choices": [{"message": {"content": "x" * 500}}]}).encode()
    for text in texts:
        entry = Entry(
            id_of(Question(lead.partition, text)),
            lead.partition.hex(),
            text,
            "auto",
            body,
            "m",
            None,
            time.time(),
        )
        await cache._shelf.put(entry, static().vectors([text])[0])
    took: dict[str, list[float]] = {}
    far = [f"Lorem ipsum {n} dolor sit amet consectetur" for n in range(500)]
    for name, bound, asked in (
        ("miss, nothing near", Bound(BoundTerms()), far),
        ("miss, a would-be hit is verified", Bound(BoundTerms()), [f"{t} please" for t in texts]),
        ("hit", Serving(BoundTerms()), [f"{t} thanks" for t in texts]),
    ):
        cache.bounds["auto"] = bound
        for text in asked[:500]:
            journey = Journey(chat(text), time.monotonic(), time.time())
            begun = time.perf_counter()
            hit = await cache.look(journey)
            took.setdefault(name, []).append(1e6 * (time.perf_counter() - begun))
            assert (hit is None) == name.startswith("miss"), text
            cache.offer(journey)
    await cache.purge()
    await cache.aclose()
    return {name: statistics.median(each) for name, each in took.items()}


def chat(text: str) -> Request:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
    return request_of({"model": "auto", "messages": turns})


class Serving(Bound):
    """Serves all there is, without having certified anything."""

    def decide(self, row: NDArray[np.float64], uniform: float) -> Choice:
        return Choice("serve")


reader = Reader(static().vectors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", choices=["pairs", "streams", "gptcache", "bound", "cost"])
    parser.add_argument("--number", type=int, default=3_000, help="questions of a stream")
    parser.add_argument("--pairs", type=int, default=8_000)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--set", choices=["quora", "banking", "made"], help="of `bound`, one only")
    parser.add_argument("--postgresql", metavar="URL", help="of `cost`: with pgvector")
    parser.add_argument("--embedder", default="static", help="static or minilm")
    given = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "pairs": lambda: print_pairs(given.data, given.pairs, given.embedder),
        "gptcache": lambda: print_gptcache(given.data, given.embedder),
        "streams": lambda: print_streams(given.data, given.number, 0.01, given.embedder),
        "bound": lambda: print_bound(
            given.data, given.number, given.streams, given.embedder, given.set
        ),
        "cost": lambda: print_cost(4_000, given.postgresql),
    }
    for name, part in parts.items():
        if given.only in (None, name):
            part()


if __name__ == "__main__":
    main()
