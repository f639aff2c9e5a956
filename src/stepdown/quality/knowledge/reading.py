"""Asks the record what ``records`` does not."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Executable
from sqlalchemy.exc import SQLAlchemyError

from stepdown.storage.address import DatabaseUnavailable


def rows_of(database: Engine, query: Executable) -> Sequence[Sequence[Any]]:
    """Raises DatabaseUnavailable where the database fails."""
    try:
        with database.connect() as connection:
            return connection.execute(query).all()
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"The record of shadows cannot be read: {error}") from error
