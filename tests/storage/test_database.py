"""Engines for reading: tables up to date, nothing made by accident."""

from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.database import open_database
from stepdown.storage.tables import rollup


def test_opens_what_is_there(database_url: str) -> None:
    engine = open_database(database_url)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(rollup)).scalar_one() == 0
    engine.dispose()


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="Nothing is recorded yet"):
        open_database(str(tmp_path / "ledger.db"))
    assert not (tmp_path / "ledger.db").exists()


def test_a_missing_file_is_made_when_asked(tmp_path: Path) -> None:
    engine = open_database(str(tmp_path / "new" / "ledger.db"), create=True)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    engine.dispose()
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
