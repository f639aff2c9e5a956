"""Jobs in both kinds of database: the first end stays, tenants see their own, old ones go."""

from collections.abc import Iterator

import pytest
from msgspec import structs
from sqlalchemy import inspect

from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.database import make_engine
from stepdown.storage.job_table import jobs
from stepdown.storage.jobs import AT_A_TIME, COLUMNS, PATIENCE, JobRow, JobStore

NOW = 1_000_000.0
ROW = JobRow("job_1", "red", "host:1", "queued", NOW, NOW + 3600, NOW + 86_400)
ANSWER = b'{ "id":"x",\n "odd":\xff}\x00'


@pytest.fixture
def store(database_url: str) -> Iterator[JobStore]:
    made = JobStore(parse(database_url))
    yield made
    made.close()


def test_rows_agree_with_the_table() -> None:
    assert tuple(column.name for column in jobs.columns) == COLUMNS


def test_the_indexes(database_url: str) -> None:
    engine = make_engine(parse(database_url))
    with engine.connect() as connection:
        names = {index["name"] for index in inspect(connection).get_indexes("jobs")}
    engine.dispose()
    assert names == {"jobs_expires_at", "jobs_owner"}


def test_from_queued_to_answered(store: JobStore) -> None:
    store.add(ROW, NOW)
    assert store.read("job_1", "red", NOW) == ROW
    store.started("job_1")
    assert store.read("job_1", "red", NOW) == structs.replace(ROW, status="running")
    assert store.end("job_1", "succeeded", ANSWER, "{}")
    ended = structs.replace(ROW, status="succeeded", response=ANSWER, facts="{}")
    assert store.read("job_1", "red", NOW) == ended


def test_another_process_reads_it(store: JobStore) -> None:
    store.add(ROW, NOW)
    other = JobStore(store.address)
    assert other.read("job_1", "red", NOW) == ROW
    other.close()


def test_a_job_is_its_tenants_own(store: JobStore) -> None:
    store.add(ROW, NOW)
    for tenant in ("", "blue", "RED", "red "):
        assert store.read("job_1", tenant, NOW) is None
        store.cancel("job_1", tenant)
    assert store.read("job_1", "red", NOW) == ROW
    assert store.read("job_2", "red", NOW) is None


def test_the_first_end_stays(store: JobStore) -> None:
    store.add(ROW, NOW)
    store.cancel("job_1", "red")
    assert not store.end("job_1", "succeeded", ANSWER, "{}")
    store.cancel("job_1", "red")
    store.started("job_1")
    assert store.read("job_1", "red", NOW) == structs.replace(ROW, status="cancelled")


def test_live_jobs_of_an_owner(store: JobStore) -> None:
    for number in range(4):
        owner = "host:2" if number == 3 else "host:1"
        store.add(structs.replace(ROW, id=f"job_{number}", owner=owner), NOW)
    store.cancel("job_0", "red")
    store.started("job_1")
    assert store.live("host:1") == {"job_1", "job_2"}


def test_a_process_that_is_silent_has_lost_its_jobs(store: JobStore) -> None:
    store.add(ROW, NOW)
    later = NOW + PATIENCE
    assert store.read("job_1", "red", later - 1) == ROW
    store.beat("host:1", later)
    assert store.read("job_1", "red", later + 1) == ROW
    lost = structs.replace(ROW, status="lost")
    assert store.read("job_1", "red", later + PATIENCE + 1) == lost
    assert not store.end("job_1", "succeeded", ANSWER)


def test_a_deadline_that_passed_unnoticed(store: JobStore) -> None:
    store.add(ROW, NOW)
    late = ROW.deadline_at + PATIENCE + 1
    store.beat("host:1", late)
    assert store.read("job_1", "red", late) == structs.replace(ROW, status="lost")


def test_ended_jobs_outlive_their_process(store: JobStore) -> None:
    store.add(ROW, NOW)
    store.end("job_1", "failed", error='{"message":"No."}')
    read = store.read("job_1", "red", NOW + 3600)
    assert read is not None
    assert (read.status, read.error) == ("failed", '{"message":"No."}')


def test_a_webhook_whose_sender_is_gone(store: JobStore) -> None:
    store.add(structs.replace(ROW, webhook="mine", delivery="pending"), NOW)
    store.end("job_1", "succeeded", ANSWER, "{}")
    store.note_delivery("job_1", "pending", 2, "status 500")
    fresh = store.read("job_1", "red", NOW + 1)
    assert fresh is not None
    assert (fresh.delivery, fresh.tries, fresh.delivery_error) == ("pending", 2, "status 500")
    left = store.read("job_1", "red", NOW + PATIENCE + 1)
    assert left is not None
    assert (left.status, left.delivery, left.tries) == ("succeeded", "failed", 2)
    assert left.delivery_error == "the process that sends it has ended"


def test_a_process_that_ends_in_good_order(store: JobStore) -> None:
    store.add(structs.replace(ROW, webhook="mine", delivery="pending"), NOW)
    store.add(structs.replace(ROW, id="job_2", owner="host:2"), NOW)
    store.abandon("host:1", "stopped")
    left = store.read("job_1", "red", NOW)
    assert left is not None
    assert (left.status, left.delivery, left.delivery_error) == ("lost", "failed", "stopped")
    other = store.read("job_2", "red", NOW)
    assert other is not None
    assert other.status == "queued"


def test_old_jobs_are_deleted_in_parts(store: JobStore) -> None:
    store.add(ROW, NOW)
    for number in range(AT_A_TIME + 1):
        store.add(structs.replace(ROW, id=f"old_{number}", expires_at=NOW), NOW)
    assert store.read("old_1", "red", NOW) is None
    assert store.expire(NOW, 0.0)
    assert not store.expire(NOW, 0.0)
    assert store.live("host:1") == {"job_1"}


def test_owners_are_forgotten(store: JobStore) -> None:
    store.add(ROW, NOW)
    store.expire(NOW, NOW + 1)
    lost = store.read("job_1", "red", NOW)
    assert lost is not None
    assert lost.status == "lost"


def test_the_same_id_twice(store: JobStore) -> None:
    store.add(ROW, NOW)
    with pytest.raises(DatabaseUnavailable, match="failed"):
        store.add(ROW, NOW)
    assert store.read("job_1", "red", NOW) == ROW
