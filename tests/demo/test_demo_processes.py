"""Children are ended by their own ids, and a child that fails says why."""

from pathlib import Path

import psutil
import pytest

from stepdown.demo.errors import DemoError
from stepdown.demo.processes import answers, free_port, python_child


def test_a_child_has_ended_when_its_block_is_left(tmp_path: Path) -> None:
    with python_child("Sleeper", ["-c", "import time; time.sleep(60)"], tmp_path / "log") as child:
        assert psutil.pid_exists(child.process.pid)
    assert child.process.returncode is not None


def test_a_child_has_ended_when_its_block_breaks(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        python_child("Sleeper", ["-c", "import time; time.sleep(60)"], tmp_path / "log") as child,
    ):
        raise KeyboardInterrupt
    assert child.process.returncode is not None


def test_a_child_that_fails_shows_its_last_words(tmp_path: Path) -> None:
    with (
        python_child(
            "Failing", ["-c", "raise SystemExit('no such thing')"], tmp_path / "log"
        ) as child,
        pytest.raises(
            DemoError, match=r"Failing ended while starting \(exit status 1\)"
        ) as failure,
    ):
        child.wait_until(lambda: False, 30)
    assert "no such thing" in str(failure.value)


def test_waiting_for_a_child_has_an_end(tmp_path: Path) -> None:
    with (
        python_child("Sleeper", ["-c", "import time; time.sleep(60)"], tmp_path / "log") as child,
        pytest.raises(DemoError, match="was not ready after 0 seconds"),
    ):
        child.wait_until(lambda: False, 0.1)


def test_answers_tells_a_server_from_none(tmp_path: Path) -> None:
    port = free_port()
    assert not answers(port, "/")
    arguments = ["-m", "http.server", "--bind=127.0.0.1", f"--directory={tmp_path}", str(port)]
    with python_child("Files", arguments, tmp_path / "log") as child:
        child.wait_until(lambda: answers(port, "/"), 30)
        assert not answers(port, "/missing")
    assert not answers(port, "/")


def test_children_do_not_share_our_session(tmp_path: Path) -> None:
    code = "import os; print(os.getsid(0) == os.getpid(), flush=True)"
    with python_child("Child", ["-c", code], tmp_path / "log") as child:
        child.process.wait(30)
    assert (tmp_path / "log").read_text().strip() == "True"
