"""The thread that writes: it flushes, tidies up, waits for a database that is away, and ends."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.session import Session
from stepdown.storage.writer import Wording, Writer

AWAY = DatabaseUnavailable("it is away")


class Diary(Writer):
    """Writes to a list; each of ``troubles`` is raised once by a write, ``old`` items are tidied
    away one at a time."""

    def __init__(self, session: Session) -> None:
        wording = Wording("The diary", "pages", logging.getLogger("stepdown.diary"))
        super().__init__(session, wording, 0.001, 0.01)
        self.waiting: list[str] = []
        self.written: list[str] = []
        self.troubles: list[Exception] = []
        self.old = 0
        self.away = False

    def _write(self) -> None:
        if self.troubles:
            raise self.troubles.pop()
        self.written += self.waiting
        self.waiting.clear()

    def _tidy(self, now: float) -> bool:
        if self.away:
            raise AWAY
        self.old = max(0, self.old - 1)
        return self.old > 0

    def _unwritten(self) -> int:
        return len(self.waiting)


@pytest.fixture
def diary(sqlite_url: str) -> Diary:
    return Diary(Session(parse(sqlite_url)))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 20 s"
        time.sleep(0.001)


def test_what_gathers_is_written(diary: Diary) -> None:
    diary.start()
    thread = diary._thread
    diary.start()
    assert diary._thread is thread
    assert thread is not None
    assert thread.name == "stepdown-diary"
    diary.waiting.append("a")
    until(lambda: diary.written == ["a"])
    assert diary.tried
    diary.waiting.append("b")
    diary.close()
    assert diary.written == ["a", "b"]
    assert not thread.is_alive()


def test_without_a_thread_the_end_writes(diary: Diary) -> None:
    diary.waiting.append("a")
    diary.close()
    assert diary.written == ["a"]
    assert not diary.tried


def test_any_failure_is_survived_and_told_once(
    diary: Diary, caplog: pytest.LogCaptureFixture
) -> None:
    diary.troubles = [ZeroDivisionError(), RuntimeError("odd"), AWAY]
    diary.waiting.append("a")
    diary.start()
    until(lambda: diary.written == ["a"])
    diary.close()
    assert [record.message for record in caplog.records] == [
        "The diary cannot write; it keeps trying. it is away",
        "The diary writes again after 3 failures.",
    ]
    assert diary._error is None


def test_pauses_grow_up_to_the_longest(diary: Diary) -> None:
    pauses = []
    for failures in range(6):
        diary._failures_in_a_row = failures
        pauses.append(diary._pause())
    assert pauses == [0.001, 0.002, 0.004, 0.008, 0.01, 0.01]


def test_tidying_goes_on_until_nothing_is_left(diary: Diary) -> None:
    diary.old = 3
    for left in (2, 1, 0):
        diary._care()
        assert diary.old == left
    diary.old = 5
    diary._care()  # not due again for a minute
    assert diary.old == 5


def test_a_failed_tidying_is_tried_again(diary: Diary) -> None:
    diary.away, diary.old = True, 1
    diary._care()
    assert (diary._error, diary._failures) == ("it is away", 1)
    diary.away = False
    diary._care()
    assert diary.old == 0


def test_what_is_left_at_the_end_is_told(diary: Diary, caplog: pytest.LogCaptureFixture) -> None:
    diary.troubles, diary.waiting = [AWAY], ["a", "b"]
    diary.close()
    assert "The diary closes with 2 pages unwritten." in caplog.text


def test_a_writer_that_hangs_is_left_behind(
    diary: Diary, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    free, hangs = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        free.wait(20)

    monkeypatch.setattr(diary, "_write", hang)
    diary.start()
    thread = diary._thread
    assert thread is not None
    assert hangs.wait(20)
    diary.close(timeout=0.01)
    assert "The diary's writer does not stop" in caplog.text
    free.set()
    thread.join(20)
