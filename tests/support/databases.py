"""A fresh database of each kind for one test: a SQLite file, and a schema of a real PostgreSQL."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from stepdown.storage.address import parse
from stepdown.storage.migrate import migrate

SERVER = os.environ.get("STEPDOWN_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/test")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    server = _server()
    schema = f"stepdown_{uuid.uuid4().hex}"
    try:
        server.execute(f'CREATE SCHEMA "{schema}"'.encode())
        yield f"{SERVER}?options={quote(f'-csearch_path={schema}')}"
        server.execute(f'DROP SCHEMA "{schema}" CASCADE'.encode())
    finally:
        server.close()


@pytest.fixture
def database_url(empty_url: str) -> str:
    """The URL of a database whose tables are up to date."""
    migrate(parse(empty_url))
    return empty_url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file whose tables are up to date, where the kind makes no difference."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    migrate(parse(url))
    return url


def _server() -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(SERVER, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL at {SERVER.rpartition('@')[2]}: {error}")
