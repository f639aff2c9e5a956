"""Code of a model runs under limits, and nothing of it survives."""

import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

import psutil
import pytest

from stepdown.quality import code_run, code_warden
from stepdown.quality.code_run import Limits, can_run, passes

pytestmark = pytest.mark.skipif(not can_run(), reason="needs POSIX resource limits")

ADD = "def add(a, b):\n    return a + b\n"
TEST = "assert add(1, 2) == 3"
UNIT = """
import unittest

class Adding(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 3)

if __name__ == "__main__":
    unittest.main()
"""
USUAL, SHORT = Limits(), Limits(seconds=0.5)


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where programs run; nothing may be left there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def runs(answer: str, tests: str = TEST, limits: Limits = USUAL) -> bool:
    passed = passes(answer, tests, limits)
    assert list(Path(tempfile.gettempdir()).glob("stepdown-code-*")) == []
    return passed


@pytest.mark.parametrize(
    ("answer", "tests", "passed"),
    [
        (ADD, TEST, True),
        ("def add(a, b): return a - b", TEST, False),
        ("def add(a, b:", TEST, False),
        ("", TEST, False),
        (ADD, "assert add(", False),
        (ADD, UNIT, True),
        ("def add(a, b): return 4", UNIT, False),
        (ADD, f"{TEST}\nraise SystemExit(1)", False),
        (ADD, f"{TEST}\nraise SystemExit", True),
    ],
)
def test_the_tests_decide(answer: str, tests: str, passed: bool) -> None:
    assert runs(answer, tests) is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        (f"{ADD}import sys; sys.exit(0)", True),
        (f"{ADD}exit()", True),
        (f"{ADD}if __name__ == '__main__':\n    print(add(int(input()), 1))", True),
        ("import sys\ndef add(a, b): sys.exit(0)", False),
        ("import os\nos._exit(0)", False),
        ("import os\ndef add(a, b): os._exit(0)", False),
    ],
)
def test_an_answer_that_exits_has_not_passed_by_that(answer: str, passed: bool) -> None:
    assert runs(answer) is passed


def test_a_dataclass_with_annotations_as_texts() -> None:
    answer = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Point:\n    x: int\n"
    )
    assert runs(answer, "assert Point(1).x == 1")


@pytest.mark.parametrize(
    "answer",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import signal, time; signal.signal(signal.SIGTERM, lambda *_: None); time.sleep(60)",
        "while True: print('x' * 10_000)",
        "import threading, time; threading.Timer(60, print).start(); time.sleep(9)",
    ],
)
def test_what_does_not_end_is_stopped(answer: str) -> None:
    assert not runs(ADD + answer, limits=SHORT)


@pytest.mark.parametrize(
    "line",
    [
        "bytearray(2**29)",
        "input()",
        "f = open('big', 'wb')\nfor _ in range(20): f.write(bytes(2**20)); f.flush()",
        "files = [open(__import__('os').devnull) for _ in range(100)]",
        "import ctypes; ctypes.string_at(0)",
        "def deep(): deep()\ndeep()",
    ],
    ids=["memory", "stdin", "file", "files", "fault", "stack"],
)
def test_limits(line: str) -> None:
    assert not runs(ADD + line, limits=Limits(memory=256 * 2**20))


def test_it_has_a_folder_of_its_own_and_nothing_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STEPDOWN_SECRET", "s")
    tests = """
import os, sys, tempfile
assert "STEPDOWN_SECRET" not in os.environ
assert os.environ["HOME"] == tempfile.gettempdir() == os.getcwd()
assert sorted(os.listdir()) == ["answer.py", "tests.py"]
assert not any("site-packages" in path for path in sys.path)
"""
    assert runs(ADD, tests)


def test_a_subprocess_may_be_run() -> None:
    line = "import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', ''], check=True)"
    assert runs(ADD + line)


def lives(pid: int) -> bool:
    """Whether a process is there, and not only its exit status."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open({path!r} + ".new", "w") as file:
            file.write(str(os.getpid()))
        os.rename({path!r} + ".new", {path!r})
        time.sleep(60)
    os._exit(0)
while not os.path.exists({path!r}):
    time.sleep(0.01)
"""

forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@forking
@pytest.mark.parametrize("more", ["", "time.sleep(60)"], ids=["passes", "hangs"])
def test_not_even_a_daemon_survives(tmp_path: Path, more: str) -> None:
    path = tmp_path / "pid"
    limits = Limits(seconds=2) if more else USUAL
    assert runs(ADD + DAEMON.format(path=str(path)) + more, limits=limits) is not bool(more)
    assert not lives(int(path.read_text()))


@forking
@pytest.mark.parametrize("leave", ["pass", "os.setsid() if os.getpid() != top else None"])
def test_a_fork_bomb_is_stopped(tmp_path: Path, leave: str) -> None:
    """A bounded one: 256 processes at most."""
    path = tmp_path / "pids"
    answer = f"""
import os, time
top = os.getpid()
for _ in range(8):
    os.fork()
    try:
        {leave}
    except OSError:
        pass
    with open({str(path)!r}, "a") as file:
        file.write(f"{{os.getpid()}}\\n")
time.sleep(60)
"""
    assert not runs(answer)
    pids = {int(line) for line in path.read_text().split()}
    assert len(pids) > 1
    assert [pid for pid in pids if lives(pid)] == []


def test_folders_within_folders_are_removed() -> None:
    answer = "import os\nfor _ in range(1000): os.mkdir('d'); os.chdir('d')\nos.mkdir('z', 0)\n"
    assert runs(f"{answer}os.symlink('/', 'root')\n{ADD}")


@pytest.mark.skipif(sys.platform != "linux", reason="the system's own doing")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_program_that_strikes_its_warden_down_ends_with_it(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pid"
    monkeypatch.setattr(code_run, "_GRACE", 0.5)
    strike = f"""
import os, time
with open({str(path)!r}, "w") as file:
    file.write(str(os.getpid()))
os.kill(os.getppid(), {int(number)})
time.sleep(60)
"""
    assert not runs(ADD + strike, limits=Limits(seconds=2))
    pid = int(path.read_text())
    psutil.wait_procs([psutil.Process(pid)] if lives(pid) else [], timeout=10)
    assert not lives(pid)


def test_an_interrupt_stops_the_program_too(tmp_path: Path) -> None:
    path = tmp_path / "pid"

    def interrupt(number: int, frame: FrameType | None) -> None:
        if path.exists() and path.read_text():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            runs(
                f"import os, time; open({str(path)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
            )
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not lives(int(path.read_text()))


def test_what_cannot_be_run_is_no_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_run, "WARDEN", tmp_path / "absent.py")
    with pytest.raises(OSError, match="its warden ended with status 2"):
        runs(ADD)


def test_both_sides_mean_the_same_by_a_status() -> None:
    assert (code_run._PASSED, code_run._FAILED) == (code_warden.PASSED, code_warden.FAILED)
