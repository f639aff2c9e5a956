"""Runs Python that a model wrote, with tests after it, in a process of its own with limits.

The limits stop accidents: code that never ends, or takes all memory, all processes or the disk.
They are no sandbox. The code runs as the user who runs the evaluation: it can read that user's
files, use the network, and signal that user's processes.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct, json

WARDEN = Path(__file__).with_name("code_warden.py")
_PASSED, _FAILED = 0, 3
_GRACE = 6.0
"""Seconds that the warden has beyond the program's, to start and to clear up."""


class Limits(Struct, frozen=True):
    """Seconds on the clock, and bytes of memory of each process."""

    seconds: float = 10.0
    memory: int = 512 * 1024 * 1024


def can_run() -> bool:
    """Whether this system has the limits that a program is run under."""
    return find_spec("resource") is not None


def passes(answer: str, tests: str, limits: Limits) -> bool:
    """Whether the answer's code and then the tests run to their end, in one namespace.

    Only the standard library can be imported. Blocks until the program ended, and with it all that
    it started. Raises OSError where it could not be run.
    """
    order = {
        "status": 64 + secrets.randbelow(128),
        "seconds": limits.seconds,
        "memory": limits.memory,
    }
    with _folder() as folder:
        (folder / "answer.py").write_text(answer, "utf-8", errors="replace")
        (folder / "tests.py").write_text(tests, "utf-8", errors="replace")
        warden = subprocess.Popen(  # noqa: S603  the same Python, a script of ours
            [sys.executable, "-I", "-S", str(WARDEN), json.encode(order).decode()],
            cwd=folder,
            env={"HOME": str(folder), "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            status = warden.wait(limits.seconds + _GRACE)
        except subprocess.TimeoutExpired:
            status = _FAILED
        finally:
            _end(warden)
    if status > 0 and status != _FAILED:
        raise OSError(f"the code could not be run: its warden ended with status {status}")
    return status == _PASSED


def _end(warden: subprocess.Popen[bytes]) -> None:
    """Let a warden that still runs clear up, and see to it that it ends."""
    if warden.poll() is None:
        warden.terminate()
        with suppress(subprocess.TimeoutExpired):
            warden.wait(_GRACE)
    if warden.poll() is None:
        os.killpg(warden.pid, signal.SIGKILL)
        warden.wait()


@contextmanager
def _folder() -> Generator[Path, None, None]:
    """A new folder, removed afterwards with what the program left there."""
    outer = Path(tempfile.mkdtemp(prefix="stepdown-code-"))
    folder = outer / "0"
    folder.mkdir()
    try:
        yield folder
    finally:
        with suppress(OSError):  # the program may have made what only an administrator can remove
            _remove(outer)


def _remove(outer: Path) -> None:
    """Empty a folder of folders and remove it.

    Each folder within one of them is first moved beside it: ``shutil.rmtree`` fails where a
    thousand lie within each other.
    """
    waiting = list(outer.iterdir())
    moved = len(waiting)
    while waiting:
        folder = waiting.pop()
        folder.chmod(0o700)
        for each in list(folder.iterdir()):
            if each.is_symlink() or not each.is_dir():
                each.unlink()
                continue
            each.chmod(0o700)  # or it could not be moved
            waiting.append(each.rename(outer / str(moved)))
            moved += 1
        folder.rmdir()
    outer.rmdir()
