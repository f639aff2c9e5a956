"""Runs one program under limits and leaves nothing of it behind: a script, run in its own process.

    python -I -S code_warden.py '{"status": 97, "seconds": 10, "memory": 536870912}'

The working directory holds ``answer.py`` and ``tests.py``. They run one after the other, in one
namespace, in a child process; the exit status says how that ended (``PASSED``, ``FAILED``; any
other: the warden itself failed). The child says that the tests came to their end with the given
``status``, so that an answer that ends the process with 0 has not passed. It cannot be hidden from
the program: like the limits, it stops accidents, not attackers.

It imports nothing of this package, as it is started without ``site``.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType, ModuleType

PASSED, FAILED = 0, 3

MOST_PROCESSES = 32
"""Processes of the program at one time; with more of them, it has failed."""
LARGEST_FILE = 16 * 1024 * 1024
"""Bytes."""
MOST_OPEN = 64
"""Open files of one process."""

_POLL = 0.01
_CLEARING = 3.0
"""Seconds after which it gives up to kill what forks faster than it can be killed."""
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def main() -> None:
    order = json.loads(sys.argv.pop())
    adopts = _adopt_orphans()
    signal.signal(signal.SIGTERM, _stop)
    program = os.fork()
    if program == 0:
        _become_program(order, may_fork=adopts)
    status = None
    try:
        status = _ended(program, order["seconds"])
    finally:
        _clear(program, runs=status is None)
    sys.exit(PASSED if status == order["status"] else FAILED)


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(FAILED)


# ── The warden's side ────────────────────────────────────────────────────────────────────────


def _adopt_orphans() -> bool:
    """Make descendants whose parent ended children of this process, which so can find them all."""
    return _prctl(_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> bool:
    """Whether the system knows the option."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)


def _ended(program: int, seconds: float) -> int | None:
    """The program's exit status, negative for a signal; None where it has to be stopped."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and len(_descendants()) <= MOST_PROCESSES:
        ended, status = os.waitpid(program, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(_POLL)
    return None


def _clear(program: int, *, runs: bool) -> None:
    """Kill the program's group and all descendants, until none is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(program, signal.SIGKILL)
    if runs:  # it may not have had the time to make a group
        os.kill(program, signal.SIGKILL)
    until = time.monotonic() + _CLEARING
    with suppress(ChildProcessError):  # no child is left
        while time.monotonic() < until:
            for each in _descendants():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(each, signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(_POLL)


def _descendants() -> list[int]:
    """The processes that come from this one, zombies included; none where /proc does not say."""
    found: list[int] = []
    ahead = [os.getpid()]
    while ahead:
        children = _children(ahead.pop())
        found += children
        ahead += children
    return found


def _children(process: int) -> list[int]:
    children: list[int] = []
    with suppress(OSError):  # it ended meanwhile
        for task in Path(f"/proc/{process}/task").iterdir():
            children += map(int, (task / "children").read_text().split())
    return children


# ── The program's side ───────────────────────────────────────────────────────────────────────


def _become_program(order: dict[str, float], *, may_fork: bool) -> None:
    """Does not return."""
    try:
        os.setsid()
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)  # it ends with its warden, should that be killed
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        answer, tests = Path("answer.py").read_bytes(), Path("tests.py").read_bytes()
        _limit(order, may_fork=may_fork)
        if _passes(answer, tests):
            os._exit(int(order["status"]))
    finally:
        os._exit(FAILED)


def _limit(order: dict[str, float], *, may_fork: bool) -> None:
    """Limits that hold for each process of the program by itself."""
    seconds = int(order["seconds"]) + 1
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: LARGEST_FILE,
        resource.RLIMIT_NOFILE: MOST_OPEN,
        resource.RLIMIT_CORE: 0,
    }
    if not may_fork:  # what could not be found afterwards must not begin
        limits[resource.RLIMIT_NPROC] = 0
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))
    memory = int(order["memory"])
    with suppress(ValueError, OSError):  # not every system lets it be set
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _passes(answer: bytes, tests: bytes) -> bool:
    """Whether both run to their end; the tests may also end by exiting with 0."""
    module = ModuleType("answer")
    sys.modules["answer"] = sys.modules["__main__"] = module
    vars(module).update(exit=sys.exit, quit=sys.exit)  # what ``site`` would have added
    with suppress(SystemExit):  # a script's last line, after all that the tests need
        exec(compile(answer, "answer.py", "exec"), vars(module))  # noqa: S102  opted into
    module.__name__ = "__main__"
    try:
        exec(compile(tests, "tests.py", "exec"), vars(module))  # noqa: S102  opted into
    except SystemExit as end:
        return end.code in (None, 0) and not _comes_from_answer(end)
    return True


def _comes_from_answer(end: SystemExit) -> bool:
    """Whether it was the answer that exited, in the middle of a test."""
    trace = end.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename == "answer.py"


if __name__ == "__main__":
    main()
