"""The queue of batches in the database: one contract over SQLite and PostgreSQL."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from stepdown.storage.address import Address, DatabaseUnavailable, parse
from stepdown.storage.batch_rows import (
    NEVER,
    BatchRow,
    Ended,
    FileRow,
    Group,
    Held,
    LeaseLost,
    LineRow,
    SubmissionRow,
)
from stepdown.storage.batch_submissions import Pick
from stepdown.storage.batches import BatchStore

NOW = 1_000_000.0
GROUP = Group("cheap/1", "cheap", "b1")


@pytest.fixture
def address(database_url: str) -> Address:
    return parse(database_url)


@pytest.fixture
def store(address: Address) -> Iterator[BatchStore]:
    made = BatchStore(address)
    yield made
    made.close()


@pytest.fixture
def other(address: Address) -> Iterator[BatchStore]:
    """Another process."""
    made = BatchStore(address)
    yield made
    made.close()


def batch(name: str = "b1", **given: Any) -> BatchRow:
    values: dict[str, Any] = {
        "id": name,
        "tenant": "red",
        "kind": "file",
        "status": "in_progress",
        "endpoint": "/v1/chat/completions",
        "input_file": "f1",
        "completion_window": "24h",
        "created_at": NOW,
        "expires_at": NOW + 100,
        "forget_at": NOW + 1000,
        "in_progress_at": NOW,
        "total": 4,
        **given,
    }
    return BatchRow(**values)


def line(seq: int, **given: Any) -> LineRow:
    values: dict[str, Any] = {
        "batch": "b1",
        "seq": seq,
        "custom_id": f"c{seq}",
        "state": "ready",
        "way": "batch",
        "model": "cheap",
        "deployment": "cheap/1",
        "pool": "b1",
        "due_at": 0.0,
        "digest": f"d{seq}",
        "body": b'{"n":%d}' % seq,
        **given,
    }
    return LineRow(**values)


def choose(picks: Sequence[Pick]) -> tuple[str, int]:
    return "sub_" + "-".join(f"{pick.seq}.{pick.round}" for pick in picks), len(picks)


def formed(store: BatchStore, group: Group = GROUP, owner: str = "me") -> SubmissionRow | None:
    return store.submissions.form(group, owner, NOW, NOW + 30, 100, choose)


# ── files ────────────────────────────────────────────────────────────────────────────────────


def file(name: str = "f1", **given: Any) -> FileRow:
    values: dict[str, Any] = {
        "id": name,
        "tenant": "red",
        "purpose": "batch",
        "filename": "in.jsonl",
        "bytes": 0,
        "created_at": NOW,
        "expires_at": NOW + 50,
        **given,
    }
    return FileRow(**values)


def test_a_file_is_there_once_it_is_whole(store: BatchStore) -> None:
    files = store.files
    files.add(file())
    files.write("f1", 0, b"ab\x00")
    assert files.read("red", "f1", NOW) is None
    files.write("f1", 1, b"old")
    files.write("f1", 1, b"new")
    files.finish("f1", 6, NOW + 70)
    found = files.read("red", "f1", NOW)
    assert found is not None
    assert (found.bytes, found.expires_at, found.state) == (6, NOW + 70, "ready")
    assert [files.piece("f1", number) for number in range(3)] == [b"ab\x00", b"new", None]
    assert files.read("blue", "f1", NOW) is None
    assert files.read("red", "f1", NOW + 71) is None


def test_expired_and_deleted_files_go_piece_by_piece(
    store: BatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("f1", "f2"):
        store.files.add(file(name))
        for seq in range(70):
            store.files.write(name, seq, b"x")
        store.files.finish(name, 70, NOW + 50)
    assert store.files.delete("blue", "f1", NOW) is False
    assert store.files.delete("red", "f1", NOW) is True
    assert store.files.delete("red", "f1", NOW) is False
    assert store.files.stored("red") == 140
    passes = 0
    while store.files.expire(NOW):
        passes += 1
    assert passes == 2
    assert (store.files.piece("f1", 0), store.files.piece("f2", 0)) == (None, b"x")
    assert store.files.stored("red") == 70


def test_what_a_batch_still_reads_stays_whole(store: BatchStore) -> None:
    store.files.add(file())
    store.files.write("f1", 0, b"x")
    store.files.finish("f1", 1, NOW + 50)
    store.add(batch(status="validating", in_progress_at=None))
    assert store.files.expire(NOW + 60) is False
    assert store.files.piece("f1", 0) == b"x"
    [held] = store.claim("me", NOW, NOW + 30, 1)
    store.begin(held.id, "me", NOW, (4, 0), "{}")
    assert store.files.expire(NOW + 60) is True
    assert store.files.piece("f1", 0) is None


def test_files_are_listed_by_age(store: BatchStore) -> None:
    for number in range(5):
        store.files.add(file(f"f{number}", created_at=NOW + number // 2))
        store.files.finish(f"f{number}", 1, NOW + 50)
    store.files.add(file("out", purpose="batch_output"))
    store.files.finish("out", 1, NOW + 50)
    store.files.add(file("unfinished"))

    def listed(**wanted: Any) -> list[str]:
        options: dict[str, Any] = {
            "purpose": "batch",
            "after": None,
            "limit": 10,
            "order": "desc",
            **wanted,
        }
        return [each.id for each in store.files.listed("red", NOW, **options)]

    assert listed() == ["f4", "f3", "f2", "f1", "f0"]
    assert listed(order="asc", limit=2) == ["f0", "f1"]
    after = store.files.read("red", "f2", NOW)
    assert listed(after=after) == ["f1", "f0"]
    assert listed(after=after, order="asc") == ["f3", "f4"]
    assert listed(purpose="batch_output") == ["out"]
    assert len(listed(purpose=None)) == 6
    assert store.files.listed("blue", NOW, purpose=None, after=None, limit=9, order="asc") == []


# ── leases ───────────────────────────────────────────────────────────────────────────────────


def test_what_one_holds_no_other_gets(store: BatchStore, other: BatchStore) -> None:
    store.add(batch("b1"))
    store.add(batch("b2"))
    [first] = store.claim("me", NOW, NOW + 30, 1)
    [second] = other.claim("you", NOW, NOW + 30, 5)
    assert {first.id, second.id} == {"b1", "b2"}
    assert other.claim("you", NOW, NOW + 30, 5) == []
    assert (first.owner, second.owner) == ("me", "you")


def test_a_lease_ends_unless_there_are_signs_of_life(store: BatchStore, other: BatchStore) -> None:
    store.add(batch())
    store.claim("me", NOW, NOW + 30, 1)
    assert store.beat("me", NOW + 60, {Held("batches", "b1")}) == set()
    assert other.claim("you", NOW + 40, NOW + 70, 1) == []
    [taken] = other.claim("you", NOW + 61, NOW + 90, 1)
    assert taken.owner == "you"
    held = {Held("batches", "b1")}
    assert store.beat("me", NOW + 99, held) == held
    with pytest.raises(LeaseLost):
        store.finalize("b1", "me", NOW, "o", "e")
    with pytest.raises(LeaseLost):
        store.complete(batch(owner="me"), NOW)
    store.release("b1", "me", NEVER)
    assert store.read("red", "b1", "file", NOW) is not None
    other.finalize("b1", "you", NOW, "o", "e")


def test_a_process_that_ends_gives_back_at_once(store: BatchStore, other: BatchStore) -> None:
    store.add(batch(), [line(1), line(2, way="call")])
    assert formed(store) is not None
    store.claim("me", NOW, NOW + 30, 1)
    store.lines.claim_calls("me", NOW, NOW + 30, 1)
    store.abandon("me")
    assert len(other.claim("you", NOW, NOW + 30, 9)) == 1
    assert len(other.submissions.claim("you", NOW, NOW + 30, 9)) == 1
    assert len(other.lines.claim_calls("you", NOW, NOW + 30, 9)) == 1


def test_released_until_it_is_due_or_something_happens(store: BatchStore) -> None:
    store.add(batch(total=1), [line(1, way="call")])
    [held] = store.claim("me", NOW, NOW + 30, 1)
    store.release(held.id, "me", NOW + 500)
    assert store.claim("me", NOW + 100, NOW + 130, 1) == []
    store.lines.claim_calls("me", NOW, NOW + 30, 1)
    store.lines.end_calls("me", [Ended("b1", 1, 200, b"{}")])
    [due] = store.claim("me", NOW + 100, NOW + 130, 1)  # its last line has ended
    assert due.open == 0


def test_what_happens_while_it_is_held_is_not_missed(store: BatchStore) -> None:
    store.add(batch())
    store.claim("me", NOW, NOW + 30, 1)
    store.cancel("red", "b1", NOW)
    store.release("b1", "me", NOW + 500)
    [again] = store.claim("me", NOW + 1, NOW + 31, 1)
    assert (again.status, again.ending) == ("cancelling", "cancelled")


def test_many_processes_claim_each_thing_once(address: Address) -> None:
    """With threads for processes: each has its own connection."""
    first = BatchStore(address)
    for number in range(40):
        first.add(batch(f"b{number}"))
    first.lines.add([line(seq, batch="b0", way="call") for seq in range(40)])
    got: list[tuple[str, object]] = []
    start = threading.Barrier(4)

    def work(owner: str) -> None:
        store = BatchStore(address)
        start.wait()
        for _ in range(20):
            got.extend(("batch", row.id) for row in store.claim(owner, NOW, NOW + 30, 3))
            calls = store.lines.claim_calls(owner, NOW, NOW + 30, 3)
            got.extend(("line", row.seq) for row in calls)
        store.close()

    threads = [threading.Thread(target=work, args=(f"p{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got)) == 80
    first.close()


# ── batches ──────────────────────────────────────────────────────────────────────────────────


def test_validated_its_lines_may_go(store: BatchStore) -> None:
    store.add(batch(status="validating", in_progress_at=None, total=0))
    store.lines.add([line(1, state="planned"), line(3, state="planned")])
    store.lines.add([line(3, state="planned", custom_id="twice")])
    store.lines.add([line(4, state="ended", status=400, model="")])
    assert store.lines.planned("b1") == 4
    assert store.lines.tallied("b1") == (1, {"cheap": 2})
    assert store.submissions.groups(NOW) == []
    [held] = store.claim("me", NOW, NOW + 30, 1)
    store.begin("b1", "me", NOW + 1, (3, 1), '{"cheap":2}')
    found = store.read("red", "b1", "file", NOW)
    assert found is not None
    assert (found.status, found.total, found.failed, found.open) == ("in_progress", 3, 1, 2)
    assert found.in_progress_at == NOW + 1
    assert store.submissions.groups(NOW) == [GROUP]
    with pytest.raises(LeaseLost):
        store.begin("b1", "me", NOW, (3, 1), "{}")
    with pytest.raises(LeaseLost):
        store.refuse(held.id, "me", NOW, "[]")


def test_one_that_is_cancelled_meanwhile_does_not_begin(store: BatchStore) -> None:
    store.add(batch(status="validating", in_progress_at=None))
    store.claim("me", NOW, NOW + 30, 1)
    store.cancel("red", "b1", NOW)
    with pytest.raises(LeaseLost):
        store.begin("b1", "me", NOW, (1, 0), "{}")


def test_cancelling_only_what_has_not_ended_and_is_ones_own(store: BatchStore) -> None:
    for name, status in (("b1", "in_progress"), ("b2", "completed"), ("b3", "finalizing")):
        store.add(batch(name, status=status))
        store.cancel("blue", name, NOW)
        store.cancel("red", name, NOW)
    found = [store.read("red", name, "file", NOW) for name in ("b1", "b2", "b3")]
    assert [row and row.status for row in found] == ["cancelling", "completed", "finalizing"]


def test_completed_with_its_files(store: BatchStore) -> None:
    store.add(batch())
    [held] = store.claim("me", NOW, NOW + 30, 1)
    store.finalize("b1", "me", NOW + 1, "out", "err")
    store.files.add(file("out", purpose="batch_output"))
    store.complete(held, NOW + 2, file("out", bytes=7))
    found = store.read("red", "b1", "file", NOW)
    assert found is not None
    assert (found.status, found.completed_at, found.expired_at) == ("completed", NOW + 2, None)
    assert (found.output_file, found.error_file) == ("out", "")
    assert store.files.read("red", "out", NOW) is not None


def test_batches_are_listed_and_counted(store: BatchStore) -> None:
    for number in range(4):
        store.add(batch(f"b{number}", created_at=NOW + number // 2))
    store.add(batch("call", kind="call"))
    store.add(batch("over", status="expired", created_at=NOW - 5))
    listed = store.listed("red", NOW, None, 3)
    assert [row.id for row in listed] == ["b3", "b2", "b1"]
    assert [row.id for row in store.listed("red", NOW, listed[-1], 9)] == ["b0", "over"]
    assert store.live("red") == 5
    assert store.live("blue") == 0
    assert (store.reads("f1"), store.is_due(NOW)) == (False, True)


def test_the_old_are_forgotten_with_their_lines(store: BatchStore) -> None:
    store.add(batch(), [line(seq) for seq in range(3)])
    store.add(batch("b2", forget_at=NOW + 9000))
    submission = formed(store)
    assert submission is not None
    while store.forget(NOW + 999, NOW):
        pass
    assert store.read("red", "b1", "file", NOW) is not None
    store.submissions.write(submission, state="collected")
    for _ in range(3):
        store.forget(NOW + 1000, NOW + 1)
    assert store.read("red", "b1", "file", NOW) is None
    assert store.lines.of("b1", -1, 9) == []
    assert store.submissions.counts() == {}
    assert store.read("red", "b2", "file", NOW) is not None


# ── submissions ──────────────────────────────────────────────────────────────────────────────


def test_each_line_is_in_one_submission(store: BatchStore, other: BatchStore) -> None:
    store.add(batch(), [line(seq) for seq in (1, 2, 3)])
    store.lines.add([line(4, due_at=NOW + 9, pool=""), line(5, deployment="x", pool="")])
    assert store.submissions.groups(NOW) == [GROUP, Group("x", "cheap", "")]
    row = formed(store)
    assert row is not None
    assert (row.id, row.lines, row.state, row.owner) == ("sub_1.0-2.0-3.0", 3, "new", "me")
    assert formed(other, owner="you") is None
    assert [each.place for each in store.lines.submitted(row.id, 1, 9)] == [1, 2]
    assert [each.seq for each in store.lines.at(row.id, (0, 2, 7))] == [1, 3]
    store.lines.end(row.id, [Ended("b1", 2, 200)])
    store.lines.give_up("b1", "batch_cancelled", "why", sent_too=True)
    assert store.lines.detach(row.id, [0, 1, 2, 9]) == [0, 2]  # not the one that was answered
    assert store.lines.detach(row.id, [0, 1, 2]) == []


def test_lines_of_a_batch_that_ends_are_not_submitted(store: BatchStore) -> None:
    store.add(batch(), [line(1), line(2, way="call")])
    store.cancel("red", "b1", NOW)
    assert formed(store) is None
    assert store.lines.claim_calls("me", NOW, NOW + 30, 9) == []


def test_a_submission_is_written_by_its_holder_only(store: BatchStore, other: BatchStore) -> None:
    store.add(batch(), [line(1)])
    mine = formed(store)
    assert mine is not None
    mine = store.submissions.write(mine, staged="file-1", begun=1)
    assert (mine.staged, mine.begun) == ("file-1", 1)
    assert other.submissions.claim("you", NOW, NOW + 30, 9) == []
    [taken] = other.submissions.claim("you", NOW + 31, NOW + 61, 9)
    assert (taken.staged, taken.begun) == ("file-1", 1)
    with pytest.raises(LeaseLost):
        store.submissions.write(mine, remote="twice")
    other.submissions.write(taken, remote="r1", state="submitted")
    assert store.submissions.known("cheap/1") == ["r1"]
    assert other.beat("you", NOW + 70, {Held("submissions", taken.id)}) == set()
    other.submissions.release(taken.id, "you", NOW + 500)
    assert other.submissions.claim("you", NOW + 100, NOW + 130, 9) == []
    store.submissions.cancel("b1")
    [cancelled] = store.submissions.claim("me", NOW + 100, NOW + 130, 9)
    assert cancelled.cancel == 1


def test_ends_are_written_once_and_summed(store: BatchStore) -> None:
    store.add(batch(total=4), [line(seq) for seq in (1, 2, 3, 4)])
    row = formed(store)
    assert row is not None
    good = Ended("b1", 1, 200, b"{}", "", "", 10, 2, 5, 1, cost=7, reference_cost=20, discount=6)
    unpriced = Ended("b1", 2, 200, b"{}", input_tokens=1, cost=None)
    bad = Ended("b1", 3, 400, b'{"error":{}}')
    assert store.lines.end(row.id, [good, unpriced]) == [good, unpriced]
    assert store.lines.end(row.id, [good, bad]) == [bad]
    assert store.lines.end("another", [Ended("b1", 4, 200)]) == []
    found = store.read("red", "b1", "file", NOW)
    assert found is not None
    assert (found.completed, found.failed, found.open) == (2, 1, 1)
    tokens = (
        found.input_tokens,
        found.cached_tokens,
        found.output_tokens,
        found.reasoning_tokens,
    )
    assert tokens == (11, 2, 5, 1)
    assert (found.cost, found.reference_cost, found.discount) == (7, 20, 6)
    assert found.unpriced == 1
    [first, *_] = store.lines.of("b1", 0, 9)
    assert (first.state, first.status, first.response) == ("ended", 200, b"{}")


def test_words_of_providers_and_callers_that_no_database_takes(store: BatchStore) -> None:
    store.add(batch(total=1), [line(1)])
    row = formed(store)
    assert row is not None
    store.submissions.write(row, error="no\0thing")
    assert len(store.lines.end(row.id, [Ended("b1", 1, code="a\0", message="b\0c")])) == 1
    [ended] = store.lines.of("b1", 0, 9)
    assert (ended.code, ended.message) == ("a\ufffd", "b\ufffdc")
    asked = {"after": None, "limit": 9, "order": "asc"}
    assert store.files.listed("red", NOW, purpose="a\0", **asked) == []  # type: ignore[arg-type]


def test_lines_go_again_and_then_are_called(store: BatchStore) -> None:
    store.add(batch(), [line(seq) for seq in (1, 2, 3)])
    row = formed(store)
    assert row is not None
    assert store.lines.put_back(row.id, [1], NOW, 2) == 1
    assert store.lines.put_back(row.id, [1], NOW, 2) == 0
    assert store.lines.put_back(row.id, None, NOW, 2) == 2
    again = formed(store)
    assert again is not None
    assert again.round == 1
    assert store.lines.put_back(again.id, None, NOW, 2) == 3
    assert formed(store) is None
    assert len(store.lines.claim_calls("me", NOW, NOW + 30, 9)) == 3


def test_a_call_ends_by_its_holder_only(store: BatchStore, other: BatchStore) -> None:
    store.add(batch(), [line(1, way="call"), line(2, way="call", due_at=NOW + 5)])
    [mine] = store.lines.claim_calls("me", NOW, NOW + 30, 9)
    assert (mine.seq, mine.state) == (1, "calling")
    mine_too = Held("calls", "b1", 1)
    assert store.beat("me", NOW + 40, {mine_too}) == set()
    [later] = other.lines.claim_calls("you", NOW + 35, NOW + 60, 9)
    assert later.seq == 2
    assert len(other.lines.end_calls("you", [Ended("b1", 2, 500)])) == 1
    [taken] = other.lines.claim_calls("you", NOW + 41, NOW + 70, 9)
    assert taken.seq == 1
    assert store.beat("me", NOW + 90, {mine_too}) == {mine_too}
    assert store.lines.end_calls("me", [Ended("b1", 1, 200, b"{}")]) == []
    other.lines.call_again(taken, "you", NOW + 100)
    assert other.lines.end_calls("you", [Ended("b1", 1, 200, b"{}")]) == []
    [again] = other.lines.claim_calls("you", NOW + 100, NOW + 130, 9)
    assert again.round == 1
    assert len(other.lines.end_calls("you", [Ended("b1", 1, 200, b"{}")])) == 1


def test_given_up(store: BatchStore) -> None:
    store.add(batch(), [line(1), line(2)])
    assert formed(store) is not None
    store.lines.add([line(3), line(4, state="planned")])
    assert store.lines.give_up("b1", "batch_cancelled", "why", sent_too=False) == 2
    assert store.lines.give_up("b1", "batch_cancelled", "why", sent_too=False) == 0
    assert store.lines.give_up("b1", "batch_cancelled", "why", sent_too=True) == 2
    found = store.read("red", "b1", "file", NOW)
    assert found is not None
    assert (found.failed, found.open) == (4, 0)
    assert {each.code for each in store.lines.of("b1", 0, 9)} == {"batch_cancelled"}


def test_called_instead(store: BatchStore) -> None:
    """Of those that are in a submission already, once it lets go of them."""
    store.add(batch(kind="call"), [line(1, pool="")])
    row = formed(store, Group("cheap/1", "cheap", ""))
    assert row is not None
    assert store.lines.call_instead("b1", NOW) == 1
    assert store.lines.claim_calls("me", NOW, NOW + 30, 9) == []
    store.submissions.cancel_of("b1")
    store.lines.put_back(row.id, None, NOW, 99)
    assert len(store.lines.claim_calls("me", NOW, NOW + 30, 9)) == 1


def test_a_group_that_nobody_takes_is_called(store: BatchStore) -> None:
    store.add(batch(), [line(1), line(2, model="other")])
    assert store.lines.call_group(GROUP, NOW) == 1
    assert [each.seq for each in store.lines.claim_calls("me", NOW, NOW + 30, 9)] == [1]


def test_a_finished_transaction_is_on_the_disk(sqlite_url: str) -> None:
    """In SQLite, where the ledger's need not be."""
    store = BatchStore(parse(sqlite_url))
    for _ in range(2):
        with store.session.transaction(writes=False) as cursor:
            cursor.execute("PRAGMA synchronous")
            assert cursor.fetchone() == (2,)
        store.close()


def test_a_database_that_is_away() -> None:
    store = BatchStore(parse("postgresql://me@127.0.0.1:9/x"))
    with pytest.raises(DatabaseUnavailable):
        store.add(batch())
