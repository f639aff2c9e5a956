"""``Signs``: one bit of each part of a vector, to find quickly the few that can be near.

Vectors at a small angle agree in most signs: by chance, a part of them that is the angle over pi
differs (Charikar 2002, "Similarity estimation techniques from rounding algorithms"). Counting bits
takes a tenth of the time of comparing vectors; those that agree in most are then compared.
"""

import numpy as np
from numpy.typing import NDArray

from stepdown.embedding.embedder import Vectors

WORD = 64  # bits


class Signs:
    """The signs of rows' differences from their centre. Without the centre the rows of an embedder
    whose vectors all point one way would agree in every bit."""

    def __init__(self, rows: Vectors, used: int) -> None:
        """``rows``: room for all there can be, of which the first ``used`` are there."""
        self._centre: Vectors = rows[:used].mean(axis=0)
        words = -(-rows.shape[1] // WORD)
        self._columns = np.zeros((words, len(rows)), np.uint64)  # one beside another: see `nearest`
        for begin in range(0, used, WORD * WORD):
            end = min(used, begin + WORD * WORD)
            self._columns[:, begin:end] = self._bits(rows[begin:end])

    @property
    def bytes(self) -> int:
        return self._columns.nbytes

    def put(self, place: int, vector: Vectors) -> None:
        self._columns[:, place] = self._bits(vector[None])[:, 0]

    def move(self, source: int, place: int) -> None:
        self._columns[:, place] = self._columns[:, source]

    def nearest(self, vector: Vectors, used: int, count: int) -> NDArray[np.intp]:
        """The places, of the first ``used``, of the ``count`` that agree in most signs, and of all
        that agree in as many as the last of these."""
        asked = self._bits(vector[None])[:, 0]
        apart = np.zeros(used, np.uint16)
        for column, word in zip(self._columns, asked, strict=True):
            apart += np.bitwise_count(column[:used] ^ word)
        within = np.searchsorted(np.cumsum(np.bincount(apart)), count)
        return np.flatnonzero(apart <= within)

    def _bits(self, rows: Vectors) -> NDArray[np.uint64]:
        """Shape ``(words, rows)``."""
        padded = np.zeros((len(rows), len(self._columns) * WORD), np.bool_)
        padded[:, : rows.shape[1]] = rows > self._centre
        words: NDArray[np.uint64] = np.packbits(padded, axis=1).view(np.uint64).T
        return words
