"""What a semantic cache holds of an answer, and the entries that are held in memory.

Entries hold the last turn's text, which the verifier compares: by default they live in memory only,
and are gone with the process.
"""

from collections import OrderedDict
from hashlib import blake2b
from typing import Protocol

from msgspec import Struct

from stepdown.caching.semantic.question import Question
from stepdown.types import Usage

_ID = 16
_OVERHEAD = 1_000
"""Bytes of an entry besides its texts, about."""


class Entry(Struct, frozen=True):
    """An answer to the question ``text`` in its partition.

    ``body`` is the chat completion as one object, ``model`` the one that gave it, ``usage`` what
    its call used, ``stored`` the time in seconds since 1970. ``target`` is the route or model that
    was asked.
    """

    id: str
    partition: str
    text: str
    target: str
    body: bytes
    model: str
    usage: Usage | None
    stored: float

    @property
    def size(self) -> int:
        """In bytes, about."""
        return len(self.body) + 4 * len(self.text) + _OVERHEAD


def id_of(question: Question) -> str:
    """The id of a question's entry: 32 hex digits, the same for the same text and partition."""
    digest = blake2b(question.text.encode("utf-8", "surrogatepass"), key=question.partition)
    return digest.digest()[:_ID].hex()


class Entries(Protocol):
    """Keeps entries by their ids, which are unique in all partitions together.

    An entry is put after its vector, in the index that these entries belong to. Every method raises
    StepdownError where what it needs is away.
    """

    @property
    def kind(self) -> str:
        """``memory`` or ``postgresql``."""
        ...

    async def get(self, entry_id: str) -> Entry | None: ...

    async def put(self, entry: Entry) -> list[Entry]:
        """Keep an entry, in place of an earlier one of this id. Returns those that made room."""
        ...

    async def remove(self, entry_id: str) -> Entry | None: ...

    async def clear(self) -> int:
        """How many there were."""
        ...

    @property
    def held(self) -> tuple[int, int]:
        """Entries, and their bytes, about."""
        ...


class MemoryEntries:
    """Implements ``Entries`` in this process: ``most`` bytes; those go that were used longest ago.

    How many there are is bounded by the index, which tells what it drops.
    """

    kind = "memory"

    def __init__(self, most: int = 64_000_000) -> None:
        self.most = most
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._size = 0

    async def get(self, entry_id: str) -> Entry | None:
        entry = self._entries.get(entry_id)
        if entry is not None:
            self._entries.move_to_end(entry_id)
        return entry

    async def put(self, entry: Entry) -> list[Entry]:
        await self.remove(entry.id)
        self._entries[entry.id] = entry
        self._size += entry.size
        gone: list[Entry] = []
        while self._size > self.most:
            _, oldest = self._entries.popitem(last=False)
            self._size -= oldest.size
            gone.append(oldest)
        return gone

    async def remove(self, entry_id: str) -> Entry | None:
        entry = self._entries.pop(entry_id, None)
        if entry is not None:
            self._size -= entry.size
        return entry

    async def clear(self) -> int:
        number = len(self._entries)
        self._entries.clear()
        self._size = 0
        return number

    @property
    def held(self) -> tuple[int, int]:
        return len(self._entries), self._size
