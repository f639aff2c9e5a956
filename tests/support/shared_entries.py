"""Entries of every kind, each beside an index of its own kind, for one suite."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from msgspec import structs

from stepdown.caching.index.index import VectorIndex
from stepdown.caching.index.memory import MemoryIndex
from stepdown.caching.index.postgresql import PostgresIndex
from stepdown.caching.semantic.entries import Entries, Entry, MemoryEntries
from stepdown.caching.semantic.postgres_entries import PostgresEntries
from stepdown.storage.address import parse
from stepdown.types import Usage
from support.vector_indexes import DIMENSIONS, directions

T = TypeVar("T")
VECTOR = directions(1)[0]


def entry(name: str = "a", *, partition: str = "p", **more: Any) -> Entry:
    """An entry of a known size: 1,400 bytes and those of its body."""
    plain = Entry(
        id=name,
        partition=partition,
        text="q" * 100,
        target="auto",
        body=b'{"choices": []}',
        model="strong",
        usage=Usage(input=3, output=5),
        stored=time.time(),
    )
    return structs.replace(plain, **more)


class Held:
    """Entries and their index, with an event loop of their own."""

    def __init__(self, index: VectorIndex, entries: Entries) -> None:
        self.index = index
        self.entries = entries
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def put(self, entry: Entry) -> list[str]:
        """Keep an entry, after its vector. The ids of those that made room."""
        self.run(self.index.add(entry.partition, entry.id, VECTOR))
        return [gone.id for gone in self.run(self.entries.put(entry))]

    def get(self, entry_id: str) -> Entry | None:
        return self.run(self.entries.get(entry_id))

    def remove(self, entry_id: str) -> Entry | None:
        return self.run(self.entries.remove(entry_id))

    def clear(self) -> int:
        return self.run(self.entries.clear())

    def vectors(self) -> int:
        """How many there are."""
        return self.run(self.index.size()).entries

    def close(self) -> None:
        self.run(self.index.aclose())
        self._runner.close()


def in_memory(most: int) -> Held:
    return Held(MemoryIndex(DIMENSIONS, 1_000), MemoryEntries(most))


class Shared(Held):
    """Entries in PostgreSQL."""

    def __init__(self, url: str, embedder: str, *, most: int, vectors: int = 1_000) -> None:
        index = PostgresIndex(parse(url), embedder, DIMENSIONS, vectors)
        self.postgres = PostgresEntries(index, most)
        super().__init__(index, self.postgres)

    def sweep(self) -> int:
        return self.run(self.postgres.sweep())


def in_postgresql(
    url: str, embedder: str = "e", *, most: int = 64_000_000, vectors: int = 1_000
) -> Shared:
    return Shared(url, embedder, most=most, vectors=vectors)
