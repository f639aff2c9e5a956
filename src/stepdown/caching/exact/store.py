"""What every store of the exact cache can do."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from stepdown.errors import StepdownError


class StoreUnavailable(StepdownError):
    """The store cannot be reached or used; the message says which and why, without secrets."""

    code = "cache_unavailable"
    status = 503
    retryable = True


class Record(Struct, frozen=True):
    """A value to keep under an id, for so many seconds."""

    id: str
    value: bytes
    ttl: float


class StoreStats(Struct, frozen=True):
    """``size`` is what the entries take, in bytes. ``evicted`` counts those that had to make room
    since this process began, None where the store does not tell."""

    entries: int
    size: int
    evicted: int | None = None


class Store(Protocol):
    """Keeps values by id until they expire, or until others need their place.

    Every method but ``aclose`` raises StoreUnavailable. To be used on one event loop.
    """

    @property
    def kind(self) -> str:
        """``memory``, ``sqlite`` or ``redis``."""
        ...

    @property
    def timeout(self) -> float | None:
        """Seconds after which an answer is not worth waiting for; None: it never takes any."""
        ...

    @property
    def last(self) -> StoreStats | None:
        """What is known of it without asking."""
        ...

    async def get(self, entry_id: str) -> bytes | None:
        """The value, or None. One that is far too large may come cut short."""
        ...

    async def put(self, records: Sequence[Record]) -> None:
        """Keep these; one that is larger than the whole store is left out."""
        ...

    async def delete(self, entry_id: str) -> bool:
        """Whether there was such an entry."""
        ...

    async def clear(self) -> int:
        """Delete every entry; how many there were."""
        ...

    async def stats(self) -> StoreStats: ...

    async def aclose(self) -> None: ...
