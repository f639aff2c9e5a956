"""What every embedder is: a name, a size, limits, and vectors of length 1 for texts."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from stepdown.errors import StepdownError

Vectors = NDArray[np.float32]
"""One row a text: shape ``(texts, dimensions)``."""

MOST_WAITING = 32
"""Calls of a slow embedder that wait for its thread; the next one fails at once."""


class EmbeddingFailed(StepdownError):
    """No vectors could be had: a caller that can do without goes on without."""

    code = "embedding_failed"
    status = 502
    retryable = True


class EmbedderBusy(EmbeddingFailed):
    """Too many calls wait already."""

    code = "embedder_busy"
    status = 503


class Embedder(Protocol):
    """Texts into vectors. Two vectors can be compared only where their embedders' names agree."""

    @property
    def name(self) -> str:
        """What made a vector, to the version of its weights: it changes when the vectors would."""
        ...

    @property
    def dimensions(self) -> int: ...

    @property
    def most_tokens(self) -> int:
        """Tokens of a text that are read; what follows them does not count."""
        ...

    @property
    def quick(self) -> bool:
        """Whether a text of usual length costs less than a millisecond, on the caller's thread."""
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """The texts' vectors, each of length 1, or of zeros for a blank text.

        Never blocks the event loop. Raises StepdownError (EmbeddingFailed, UpstreamError).
        """
        ...


class LocalEmbedder(ABC):
    """An embedder that computes in this process.

    ``embed`` does quick work at once, and slow work on one thread of its own, so that a model takes
    no more than one core and only a bounded number of calls waits for it.
    """

    quick: ClassVar[bool] = False
    most_tokens: ClassVar[int]

    def __init__(self, name: str, dimensions: int) -> None:
        self.name = name
        self.dimensions = dimensions
        self._thread: ThreadPoolExecutor | None = None
        self._waiting = 0

    @abstractmethod
    def vectors(self, texts: Sequence[str]) -> Vectors:
        """As ``embed``, on the caller's thread."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """As Embedder says. Raises EmbedderBusy when MOST_WAITING calls wait already."""
        if self.quick:
            return self.vectors(texts)
        if self._waiting >= MOST_WAITING:
            raise EmbedderBusy(f"{self.name}: {self._waiting} calls are waiting for it already.")
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, f"embedding-{self.name}")
        self._waiting += 1
        try:
            running = asyncio.get_running_loop().run_in_executor(self._thread, self.vectors, texts)
            return await running
        finally:
            self._waiting -= 1


def unit(rows: Vectors) -> Vectors:
    """Each row at length 1; a row of zeros stays as it is."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    directions: Vectors = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return directions
