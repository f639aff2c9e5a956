"""``Flat``: one array, compared as a whole or, where it is large, after a look at the signs.

Up to ``screened`` entries what it finds is exact. Beyond, only the SCREENED_TO entries are compared
that agree with the asked vector in most signs: nearly always the nearest is among them, and the
more surely the nearer it is (docs/embeddings.md has figures).
"""

from collections.abc import Iterator

import numpy as np

from stepdown.caching.index.index import Match
from stepdown.caching.index.signs import Signs
from stepdown.embedding.embedder import Vectors

FIRST_ROWS = 16

SCREENED = 16_384
"""Entries up to which each is compared; measured in `benchmarks/vector_index.py`."""

SCREENED_TO = 256
"""Entries that are compared of a larger number."""


class Flat:
    """Vectors of one partition, by id. Not for use by two threads at once."""

    def __init__(self, dimensions: int, screened: int = SCREENED) -> None:
        self._screened = screened
        self._signs: Signs | None = None
        self._rows: Vectors = np.zeros((FIRST_ROWS, dimensions), np.float32)
        self._ids: list[str] = []
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, entry: str) -> bool:
        return entry in self._places

    @property
    def bytes(self) -> int:
        """Memory of the arrays, the part that is free included."""
        return self._rows.nbytes + (0 if self._signs is None else self._signs.bytes)

    def add(self, entry: str, vector: Vectors) -> None:
        place = self._places.get(entry)
        if place is None:
            place = len(self._ids)
            if place == len(self._rows):
                self._resize(2 * place)
            self._places[entry] = place
            self._ids.append(entry)
        self._rows[place] = vector
        if self._signs is not None:
            self._signs.put(place, vector)

    def remove(self, entry: str) -> bool:
        """Whether it was there. The last row takes its place."""
        place = self._places.pop(entry, None)
        if place is None:
            return False
        last = self._ids.pop()
        if last != entry:
            self._rows[place] = self._rows[len(self._ids)]
            if self._signs is not None:
                self._signs.move(len(self._ids), place)
            self._ids[place] = last
            self._places[last] = place
        if FIRST_ROWS < len(self._rows) >= 4 * len(self._ids):
            self._resize(len(self._rows) // 2)
        return True

    def search(self, vector: Vectors, k: int) -> list[Match]:
        """The nearest ``k`` at most, nearest first."""
        used = len(self._ids)
        if self._signs is None or used <= self._screened:
            places, rows = None, self._rows[:used]
        else:
            places = self._signs.nearest(vector, used, max(SCREENED_TO, 2 * k))
            rows = self._rows[places]
        # not the matrix product: its library's threads keep a busy machine waiting
        similarities: Vectors = np.vecdot(rows, vector)
        best = np.arange(len(rows))
        if k < len(best):
            best = np.argpartition(similarities, -k)[-k:]
        best = best[np.argsort(-similarities[best], kind="stable")]
        cosines: list[float] = similarities[best].tolist()
        found: list[int] = (best if places is None else places[best]).tolist()
        return [
            Match(self._ids[place], min(1.0, cosine))
            for place, cosine in zip(found, cosines, strict=True)
        ]

    def take_last(self, count: int) -> Iterator[tuple[str, Vectors]]:
        """Give so many entries away."""
        for _ in range(min(count, len(self._ids))):
            entry = self._ids[-1]
            vector = self._rows[len(self._ids) - 1].copy()
            self.remove(entry)
            yield entry, vector

    def _resize(self, rows: int) -> None:
        grown: Vectors = np.zeros((rows, self._rows.shape[1]), np.float32)
        grown[: len(self._ids)] = self._rows[: len(self._ids)]
        self._rows = grown
        self._signs = Signs(grown, len(self._ids)) if rows > self._screened else None
