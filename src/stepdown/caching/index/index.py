"""What every vector index can do."""

from typing import Protocol

from msgspec import Struct

from stepdown.embedding.embedder import Vectors
from stepdown.errors import StepdownError


class IndexUnavailable(StepdownError):
    """The index cannot answer now: who asks it to save time goes on without."""

    code = "vector_index_unavailable"
    status = 503
    retryable = True


class Match(Struct, frozen=True):
    """A stored vector that is near; ``similarity`` is the cosine, at most 1."""

    id: str
    similarity: float


class IndexSize(Struct, frozen=True):
    """``bytes``: memory or disk of vectors and graphs, about; ``evicted``: entries that had to make
    room since this process began."""

    entries: int
    bytes: int
    evicted: int


class VectorIndex(Protocol):
    """Vectors of length 1 by id, in partitions. A search never sees another partition's vectors.

    ``most`` entries are kept in all partitions together; then those go that were added or hit
    longest ago. Ids are unique within a partition. To be used on one event loop, which it never
    blocks. Every method but ``aclose`` raises IndexUnavailable; ``add`` and ``search`` raise
    ValueError for a vector of another shape than ``(dimensions,)``.
    """

    @property
    def dimensions(self) -> int: ...

    @property
    def most(self) -> int: ...

    async def add(self, partition: str, entry: str, vector: Vectors) -> list[str]:
        """Keep a vector, in place of an earlier one of this id. Returns the ids, of any partition,
        of entries that had to make room."""
        ...

    async def remove(self, partition: str, entry: str) -> bool:
        """Whether there was such an entry."""
        ...

    async def hit(self, partition: str, entry: str) -> None:
        """Note that this entry was of use: it is kept for longer."""
        ...

    async def search(self, partition: str, vector: Vectors, k: int) -> list[Match]:
        """The nearest ``k`` at most, nearest first."""
        ...

    async def clear(self, partition: str | None = None) -> int:
        """Remove a partition's entries, or all; how many there were."""
        ...

    async def size(self) -> IndexSize: ...

    async def aclose(self) -> None: ...


def checked(vector: Vectors, dimensions: int) -> Vectors:
    """The vector. Raises ValueError where it has another shape."""
    if vector.shape != (dimensions,):
        raise ValueError(f"expected a vector of shape ({dimensions},), got {vector.shape}")
    return vector
