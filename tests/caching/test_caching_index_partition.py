"""A partition that grows: its entries move into the graph a few at a time, and are found there."""

import numpy as np
import pytest

from stepdown.caching.index import partition as partition_module
from stepdown.caching.index.partition import MOVED, Partition
from stepdown.embedding.embedder import Vectors, unit
from support.vector_indexes import directions

pytest.importorskip("usearch", reason="needs the extra graph")

DIMENSIONS = 64
FLAT = 500
ENTRIES = 3_000
RECALL = 0.97
"""Of the nearest one, where every vector has near ones, as a cache's have."""
RECALL_REPLACED = 0.9
"""The same after every entry was replaced twice."""


def clustered(count: int, seed: int) -> Vectors:
    """Vectors around 200 centres: questions are asked again in other words."""
    rng = np.random.default_rng(seed)
    centres = directions(200, DIMENSIONS)
    spread = rng.standard_normal((count, DIMENSIONS)).astype(np.float32) / DIMENSIONS**0.5
    return unit(centres[rng.integers(0, len(centres), count)] + 0.5 * spread)


def recall(partition: Partition, held: dict[str, Vectors]) -> float:
    names, rows = list(held), np.stack(list(held.values()))
    asked = clustered(300, seed=99)
    nearest = [names[at] for at in (asked @ rows.T).argmax(axis=1)]
    found = [partition.search(vector, 3) for vector in asked]
    return float(
        np.mean(
            [name in {match.id for match in its} for name, its in zip(nearest, found, strict=True)]
        )
    )


def test_it_is_an_array_up_to_a_size_and_moves_a_few_entries_at_each_addition() -> None:
    partition, vectors = Partition(DIMENSIONS, FLAT), clustered(ENTRIES, seed=1)
    held: dict[str, Vectors] = {}
    for number, vector in enumerate(vectors):
        partition.add(str(number), vector)
        held[str(number)] = vector
        assert partition.has_graph == (number >= FLAT)
        assert len(partition) == len(held)
        if number in (FLAT - 1, FLAT + FLAT // MOVED // 2):  # before, and half moved
            assert recall(partition, held) >= RECALL
    assert recall(partition, held) >= RECALL


def test_replacing_entries_does_not_grow_it_and_costs_little_recall() -> None:
    partition, vectors = Partition(DIMENSIONS, FLAT), clustered(3 * ENTRIES, seed=2)
    held: dict[str, Vectors] = {}
    used = 0
    for number, vector in enumerate(vectors):
        if number >= ENTRIES:
            assert partition.remove(str(number - ENTRIES))
            del held[str(number - ENTRIES)]
        partition.add(str(number), vector)
        held[str(number)] = vector
        if number == ENTRIES + 1:
            used = partition.measure()
    assert len(partition) == ENTRIES
    assert partition.measure() == used
    assert recall(partition, held) >= RECALL_REPLACED


def test_an_entry_is_replaced_wherever_it_is() -> None:
    partition = Partition(DIMENSIONS, 4)
    vectors = directions(20, DIMENSIONS)
    for number in range(10):
        partition.add(str(number), vectors[number])
    for number in range(10):
        partition.add(str(number), vectors[10 + number])
    assert len(partition) == 10
    for number in range(10):
        assert partition.search(vectors[10 + number], 1)[0].id == str(number)
        assert partition.search(vectors[number], 1)[0].similarity < 0.9
    assert all(partition.remove(str(number)) for number in range(10))
    assert partition.search(vectors[0], 3) == []


def test_without_the_library_it_stays_an_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_module, "available", lambda: False)
    partition, vectors = Partition(DIMENSIONS, 10), clustered(100, seed=3)
    for number, vector in enumerate(vectors):
        partition.add(str(number), vector)
    assert not partition.has_graph
    assert recall(partition, {str(at): its for at, its in enumerate(vectors)}) == 1
