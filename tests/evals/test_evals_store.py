"""Answers on disk: what is kept, for how long, by whom, and what becomes of a damaged file."""

import sqlite3
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from msgspec import msgpack, structs

from stepdown.evals.store import AnswersUnavailable, Store, Stored, default_path
from stepdown.types import Choice, Token, ToolCall, Usage

DAY = 86_400.0
SAID = Choice(
    "Grüße 🙂",
    None,
    (ToolCall("look_up", '{"city": "Turin"}'),),
    "stop",
    (Token("Gr", -0.25, -1.5), Token("üße", -0.5)),
)


def stored(**changes: object) -> Stored:
    made = Stored(
        choices=(SAID, Choice("more")),
        usage=Usage(input=10, output=20, reasoning=3),
        seconds=1.25,
        error=None,
        model="m",
        role="answer",
        at=time.time(),
    )
    return structs.replace(made, **changes)


def failed(**changes: object) -> Stored:
    return stored(choices=(), usage=None, error="upstream_failed: No.", **changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "evals" / "answers.db"


def test_what_is_put_is_got_by_whoever_opens_the_file_next(path: Path) -> None:
    answer, failure = stored(), failed()
    with Store(path) as store:
        assert store.get(b"one") is None
        store.put(b"one", answer)
        store.put(b"two", failure)
        assert store.get(b"one") == answer
    with Store(path) as store:
        assert (store.get(b"one"), store.get(b"two"), store.get(b"three")) == (
            answer,
            failure,
            None,
        )
        assert store.damaged == 0


def test_the_last_answer_counts(path: Path) -> None:
    with Store(path) as store:
        store.put(b"one", failed())
        store.put(b"one", stored(model="other"))
        kept = store.get(b"one")
        assert kept is not None
        assert kept.model == "other"


def test_only_its_owner_may_read_it(path: Path) -> None:
    with Store(path) as store:
        store.put(b"one", stored())
        files = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    assert files == dict.fromkeys(["answers.db", "answers.db-wal", "answers.db-shm"], 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_old_answers_expire(path: Path) -> None:
    now = time.time()
    with Store(path) as store:
        store.put(b"old", stored(at=now - 91 * DAY))
        store.put(b"young", stored(at=now - 89 * DAY))
    with Store(path) as store:
        assert store.get(b"old") is None
        assert store.get(b"young") is not None
    with Store(path, keep=1) as store:
        assert store.get(b"young") is None


def test_failures_are_forgotten_where_they_are_to_be_tried_again(path: Path) -> None:
    with Store(path) as store:
        store.put(b"good", stored())
        store.put(b"bad", failed())
    with Store(path) as store:
        assert store.get(b"bad") is not None
    with Store(path, retry_failed=True) as store:
        assert store.get(b"good") is not None
        assert store.get(b"bad") is None
        store.put(b"bad", failed())
        assert store.get(b"bad") is not None  # tried again by now


def _torn(value: bytes) -> bytes:
    return value[: len(value) // 2]


def _flipped(value: bytes) -> bytes:
    middle = len(value) // 2
    return value[:middle] + bytes([value[middle] ^ 0xFF]) + value[middle + 1 :]


DAMAGES: dict[str, object] = {
    "torn": _torn,
    "flipped": _flipped,
    "empty": b"",
    "text": "text",
    "no-msgpack": zlib.compress(b"\xc1"),
    "another-shape": zlib.compress(msgpack.encode({"choices": 7})),
    "no-utf-8": zlib.compress(b"\xa2\xff\xff"),
    "bomb": zlib.compress(bytes(65 * 1024 * 1024)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_value_is_a_miss_and_counted(path: Path, damage: object) -> None:
    with Store(path) as store:
        store.put(b"one", stored())
        store.put(b"two", stored())
    with sqlite3.connect(path) as database:
        [value] = database.execute("SELECT value FROM answers WHERE key = ?", (b"one",)).fetchone()
        broken = damage(value) if callable(damage) else damage
        database.execute("UPDATE answers SET value = ? WHERE key = ?", (broken, b"one"))
    database.close()
    with Store(path) as store:
        assert store.get(b"one") is None
        assert store.damaged == 1
        assert store.get(b"one") is None  # it is gone, so it is no longer damaged
        assert store.damaged == 1
        assert store.get(b"two") is not None


def test_a_file_that_is_no_database_is_named_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("these are my notes, not a database\n" * 100)
    with pytest.raises(AnswersUnavailable, match=r"answers\.db cannot be used: .*not a database"):
        Store(path)
    assert path.read_text().startswith("these are my notes")


def test_a_later_version_is_not_touched(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(AnswersUnavailable, match="a later version"):
        Store(path)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "file" / "answers.db"):
        with pytest.raises(AnswersUnavailable):
            Store(place)


def test_a_closed_store_says_so(path: Path) -> None:
    store = Store(path)
    store.close()
    with pytest.raises(AnswersUnavailable, match="closed"):
        store.put(b"one", stored())


def test_two_that_are_open_at_once_see_each_others_answers(path: Path) -> None:
    with Store(path) as one, Store(path) as other:
        one.put(b"a", stored(model="one"))
        other.put(b"b", stored(model="other"))
        assert (one.get(b"b"), other.get(b"a")) != (None, None)
        assert one.get(b"b") is not None
        assert other.get(b"a") is not None


WRITER = """
import sys, time
from pathlib import Path
from stepdown.evals.store import Store, Stored

path, name = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
with Store(path) as store:
    for number in range(100):
        key = f"{name}-{number}".encode()
        store.put(key, Stored((), None, 0.1, None, name, "answer", time.time()))
"""


def test_processes_that_make_the_file_at_once_lose_nothing(path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in ("a", "b", "c")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    with Store(path) as store:
        keys = [f"{name}-{number}".encode() for name in "abc" for number in range(100)]
        assert all(store.get(key) for key in keys)


def test_by_default_it_lies_in_the_cache_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "stepdown" / "evals" / "answers.db"
