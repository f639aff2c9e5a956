"""``Graph``: a navigable graph over many vectors (HNSW, by usearch); what it finds is near exact.

Source: Malkov and Yashunin 2018, arxiv.org/abs/1603.09320
"""

from importlib import import_module
from importlib.util import find_spec
from itertools import count
from typing import Any

from stepdown.caching.index.index import Match
from stepdown.embedding.embedder import Vectors

LIBRARY = "usearch"
LINKS = 16
LOOKED_AT = 128
"""Candidates that are looked at when a vector is added, and when one is searched for."""


def available() -> bool:
    """Whether the library is installed."""
    return find_spec(LIBRARY) is not None


class Graph:
    """Vectors of one partition in half precision, by id. Not for use by two threads at once.

    A removed entry's place is used again, which leaves some ways through the graph worse: after
    many replacements it finds a little less than at first.
    """

    def __init__(self, dimensions: int) -> None:
        """Raises ImportError without the extra."""
        library: Any = import_module(f"{LIBRARY}.index")
        self._index = library.Index(
            ndim=dimensions,
            metric="cos",
            dtype="f16",
            connectivity=LINKS,
            expansion_add=LOOKED_AT,
            expansion_search=LOOKED_AT,
        )
        self._keys: dict[str, int] = {}
        self._ids: dict[int, str] = {}
        self._next = count()

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def bytes(self) -> int:
        return int(self._index.memory_usage)

    def add(self, entry: str, vector: Vectors) -> None:
        self.remove(entry)
        key = next(self._next)
        self._index.add(key, vector)
        self._keys[entry], self._ids[key] = key, entry

    def remove(self, entry: str) -> bool:
        """Whether it was there."""
        key = self._keys.pop(entry, None)
        if key is None:
            return False
        del self._ids[key]
        self._index.remove(key)
        return True

    def search(self, vector: Vectors, k: int) -> list[Match]:
        """The nearest ``k`` at most, nearest first."""
        found = self._index.search(vector, k)
        return [
            Match(self._ids[key], min(1.0, 1 - distance))
            for key, distance in zip(found.keys.tolist(), found.distances.tolist(), strict=True)
            if key in self._ids
        ]
