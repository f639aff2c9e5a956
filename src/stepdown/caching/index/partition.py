"""``Partition``: an array, and beyond a size a graph, moved there a few entries at a time.

Moving all at once would keep every other call waiting for seconds. So each addition takes MOVED
entries along, and until none is left both halves are searched.
"""

from heapq import nlargest

from stepdown.caching.index.flat import Flat
from stepdown.caching.index.graph import Graph, available
from stepdown.caching.index.index import Match
from stepdown.embedding.embedder import Vectors

MOST_FLAT = 262_144
"""Entries of a partition up to which the array is searched; measured in
`benchmarks/vector_index.py`: the graph is quicker beyond, and finds less."""

MOVED = 4
"""Entries that each addition moves into the graph."""


class Partition:
    """The vectors of one partition, by id. Not for use by two threads at once."""

    def __init__(self, dimensions: int, most_flat: int = MOST_FLAT) -> None:
        """``most_flat``: entries above which a graph is used, where its library is installed."""
        self._dimensions = dimensions
        self._most_flat = most_flat
        self._flat = Flat(dimensions)
        self._graph: Graph | None = None

    def __len__(self) -> int:
        return len(self._flat) + (0 if self._graph is None else len(self._graph))

    @property
    def has_graph(self) -> bool:
        return self._graph is not None

    def measure(self) -> int:
        """Bytes of memory."""
        return self._flat.bytes + (0 if self._graph is None else self._graph.bytes)

    def add(self, entry: str, vector: Vectors) -> None:
        """Keep a vector, in place of an earlier one of this id."""
        if self._graph is not None:
            self._graph.remove(entry)
        self._flat.add(entry, vector)
        if self._graph is None and len(self._flat) > self._most_flat and available():
            self._graph = Graph(self._dimensions)
        if self._graph is not None:
            for moved, its in self._flat.take_last(MOVED):
                self._graph.add(moved, its)

    def remove(self, entry: str) -> bool:
        """Whether it was there."""
        there = self._flat.remove(entry)
        return there or (self._graph is not None and self._graph.remove(entry))

    def search(self, vector: Vectors, k: int) -> list[Match]:
        """The nearest ``k`` at most, nearest first."""
        found = self._flat.search(vector, k)
        if self._graph is None:
            return found
        found += self._graph.search(vector, k)
        return nlargest(k, found, key=lambda match: match.similarity)
