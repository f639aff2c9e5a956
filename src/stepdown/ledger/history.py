"""Reads the details and the prompts back, oldest first."""

from collections.abc import Iterator

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from stepdown.ledger.detail import FORMAT, Detail, PromptRecord, unpack, unpack_prompts
from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.tables import prompt_log, request_log

SEGMENTS_AT_A_TIME = 50


def requests(database: Engine, since: float = 0.0) -> Iterator[Detail]:
    """The details of requests since a moment (seconds since 1970), a few segments in memory.

    Those that a cache answered are left out: no policy decided on them.
    Raises DatabaseUnavailable where the database fails, ValueError where a segment is damaged.
    """
    for body in _bodies(database, "request", since):
        yield from (d for d in unpack(body) if d.time >= since and not d.is_hit)


def prompts(database: Engine, since: float = 0.0) -> Iterator[PromptRecord]:
    """The prompts since a moment, where they were stored. Raises as ``requests`` does."""
    for body in _bodies(database, "prompt", since):
        yield from (prompt for prompt in unpack_prompts(body) if prompt.time >= since)


def _bodies(database: Engine, kind: str, since: float) -> Iterator[bytes]:
    table = {"request": request_log, "prompt": prompt_log}[kind]
    after = 0
    while True:
        query = (
            select(table.c.id, table.c.format, table.c.body)
            .where(table.c.last_time >= since, table.c.id > after)
            .order_by(table.c.id)
            .limit(SEGMENTS_AT_A_TIME)
        )
        try:
            with database.connect() as connection:
                rows = connection.execute(query).all()
        except SQLAlchemyError as error:
            raise DatabaseUnavailable(f"The ledger cannot be read: {error}") from error
        for after, written_as, body in rows:
            if written_as != FORMAT:
                raise ValueError(f"format: expected {FORMAT}, got {written_as} in segment {after}")
            yield bytes(body)
        if len(rows) < SEGMENTS_AT_A_TIME:
            return
