"""``Flat``: one array that is compared as a whole; what it finds is exact."""

from collections.abc import Iterator

import numpy as np

from stepdown.caching.index.index import Match
from stepdown.embedding.embedder import Vectors

FIRST_ROWS = 16


class Flat:
    """Vectors of one partition, by id. Not for use by two threads at once."""

    def __init__(self, dimensions: int) -> None:
        self._rows: Vectors = np.zeros((FIRST_ROWS, dimensions), np.float32)
        self._ids: list[str] = []
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, entry: str) -> bool:
        return entry in self._places

    @property
    def bytes(self) -> int:
        """Memory of the array, the part that is free included."""
        return self._rows.nbytes

    def add(self, entry: str, vector: Vectors) -> None:
        place = self._places.get(entry)
        if place is None:
            place = len(self._ids)
            if place == len(self._rows):
                self._resize(2 * place)
            self._places[entry] = place
            self._ids.append(entry)
        self._rows[place] = vector

    def remove(self, entry: str) -> bool:
        """Whether it was there. The last row takes its place."""
        place = self._places.pop(entry, None)
        if place is None:
            return False
        last = self._ids.pop()
        if last != entry:
            self._rows[place] = self._rows[len(self._ids)]
            self._ids[place] = last
            self._places[last] = place
        if FIRST_ROWS < len(self._rows) >= 4 * len(self._ids):
            self._resize(len(self._rows) // 2)
        return True

    def search(self, vector: Vectors, k: int) -> list[Match]:
        """The nearest ``k`` at most, nearest first."""
        # not the matrix product: its library's threads keep a busy machine waiting
        similarities: Vectors = np.vecdot(self._rows[: len(self._ids)], vector)
        best = np.arange(len(similarities))
        if k < len(best):
            best = np.argpartition(similarities, -k)[-k:]
        places: list[int] = best[np.argsort(-similarities[best], kind="stable")].tolist()
        return [Match(self._ids[at], min(1.0, float(similarities[at]))) for at in places]

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
