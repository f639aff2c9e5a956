"""A session, on both kinds of databases: all of a transaction or nothing, and a fresh start."""

from collections.abc import Iterator

import pytest

from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.session import Session


class Notes(Session):
    """Keeps the owners of jobs, which is as good a table as any."""

    _failure = "Noting in {address} failed"

    def note(self, *owners: str, fail: BaseException | None = None) -> None:
        with self._transaction() as cursor:
            for owner in owners:
                statement = self._marked("INSERT INTO job_owners (owner, seen_at) VALUES (?, ?)")
                cursor.execute(statement, (owner, 1.0))
            if fail is not None:
                raise fail

    def noted(self) -> list[str]:
        with self._transaction(writes=False) as cursor:
            cursor.execute("SELECT owner FROM job_owners ORDER BY owner")
            return [row[0] for row in iter(cursor.fetchone, None)]


@pytest.fixture
def notes(database_url: str) -> Iterator[Notes]:
    made = Notes(parse(database_url))
    yield made
    made.close()


def test_what_is_written_stays(notes: Notes) -> None:
    notes.note("a", "b")
    other = Notes(notes.address)
    assert other.noted() == ["a", "b"]
    other.close()


def test_a_failure_writes_nothing_and_the_next_call_connects_anew(notes: Notes) -> None:
    notes.note("a")
    with pytest.raises(DatabaseUnavailable, match=r"^Noting in .* failed: "):
        notes.note("b", "a")
    assert notes.noted() == ["a"]
    notes.note("b")
    assert notes.noted() == ["a", "b"]


@pytest.mark.parametrize("fail", [ValueError("not the database's fault"), KeyboardInterrupt()])
def test_what_is_not_the_databases_fault_is_not_blamed_on_it(
    notes: Notes, fail: BaseException
) -> None:
    with pytest.raises(type(fail)):
        notes.note("a", fail=fail)
    assert notes.noted() == []
    notes.note("a")
    assert notes.noted() == ["a"]


def test_the_tables_are_made(empty_url: str) -> None:
    made = Notes(parse(empty_url))
    made.open()
    assert made.noted() == []
    made.close()
    made.close()
