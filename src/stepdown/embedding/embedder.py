"""What every embedder is: a name, a size, limits, and vectors of length 1 for texts."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stepdown.embedding.own_thread import Busy, OwnThread
from stepdown.errors import StepdownError

Vectors = NDArray[np.float32]
"""One row a text: shape ``(texts, dimensions)``."""


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

    quick: bool = False
    most_tokens: int

    def __init__(self, name: str, dimensions: int) -> None:
        self.name = name
        self.dimensions = dimensions
        self._thread = OwnThread(f"embedding-{name}")

    @abstractmethod
    def vectors(self, texts: Sequence[str]) -> Vectors:
        """As ``embed``, on the caller's thread."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """As Embedder says. Raises EmbedderBusy when too many calls wait already."""
        if self.quick:
            return self.vectors(texts)
        try:
            return await self._thread.run(self.vectors, texts)
        except Busy as error:
            raise EmbedderBusy(str(error)) from error


def unit(rows: Vectors) -> Vectors:
    """Each row at length 1; a row of zeros stays as it is."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    directions: Vectors = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return directions
