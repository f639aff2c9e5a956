"""Brings a database's tables up to date, once, however many replicas start together.

``python -m stepdown.storage.migrate`` does it for $STEPDOWN_DATABASE.
"""

import os
import subprocess
import sys
from pathlib import Path

from stepdown.storage.address import Address, DatabaseUnavailable, parse
from stepdown.storage.columns import REVISION
from stepdown.storage.connection import connect

_LOCK = 5_394_117_001
"""The advisory lock that PostgreSQL's migrations take: any number that nobody else uses."""


def migrate(address: Address) -> None:
    """Run the migrations that are missing, under a lock. Raises DatabaseUnavailable."""
    if revision(address) == REVISION:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from stepdown.storage.database import make_engine

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = make_engine(address, writes=True)
    try:
        with engine.begin() as connection:
            if address.file is None:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise DatabaseUnavailable(
            f"The database {address} is at a revision that this version does not know: {error}"
        ) from error
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"The tables in {address} cannot be made: {error}") from error
    finally:
        engine.dispose()


def migrate_apart(address: Address) -> None:
    """Like ``migrate``, in a process of its own, so that the caller's stays small and swift.

    Raises DatabaseUnavailable.
    """
    if revision(address) == REVISION:
        return
    url = str(address.file) if address.file is not None else address.url
    package_root = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "stepdown.storage.migrate"],
        env={**os.environ, "STEPDOWN_DATABASE": url, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DatabaseUnavailable(done.stderr.strip() or f"Migrating {address} failed.")


def revision(address: Address) -> str | None:
    """The newest migration that the database has seen, or None for an empty one.

    Raises DatabaseUnavailable when it cannot be opened.
    """
    connection = connect(address)
    try:
        cursor = connection.cursor()
        cursor.execute(_HAS_VERSION["postgresql" if address.file is None else "sqlite"])
        if cursor.fetchone() is None:
            return None
        cursor.execute("SELECT version_num FROM alembic_version")
        row = cursor.fetchone()
        return None if row is None else str(row[0])
    except (connection.Error, OSError) as error:
        raise DatabaseUnavailable(f"The database {address} cannot be read: {error}") from error
    finally:
        connection.close()


_HAS_VERSION = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'",
    "postgresql": "SELECT 1 FROM pg_tables WHERE tablename = 'alembic_version'"
    " AND schemaname = ANY (current_schemas(false))",
}


if __name__ == "__main__":
    try:
        migrate(parse())
    except DatabaseUnavailable as error:
        sys.exit(str(error))
