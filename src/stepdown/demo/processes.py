"""Starts the demo's child processes, waits until they are ready, and ends each by its own id."""

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from stepdown.demo.errors import DemoError

STOP_SECONDS = 10.0
POLL = 0.05  # seconds between two looks at whether a process is ready
LAST_LINES = 8  # of a failed process's log


class Child:
    """A process that the demo started."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    def failed(self, what: str) -> DemoError:
        """An error that ends with the last lines the process wrote."""
        status = self.process.poll()
        ended = "" if status is None else f" (exit status {status})"
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return DemoError("\n".join([f"{self.name} {what}{ended}.", *lines]))

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return once ``ready()``. Raises DemoError when the process ends or time runs out."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None:
                raise self.failed("ended while starting")
            if time.monotonic() > deadline:
                raise self.failed(f"was not ready after {seconds:.0f} seconds")
            time.sleep(POLL)

    def stop(self) -> None:
        """Ask the process to end; insist when it does not."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def python_child(name: str, arguments: Sequence[str], log: Path) -> Generator[Child]:
    """Run ``python ARGUMENTS`` beside us; it has ended when the block is left.

    Its output goes to ``log``, and its standard input ends when we do, however we do. It stands
    in a session of its own, so a Ctrl-C reaches only the demo, which then ends its children in
    order.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - this Python, with arguments of our own
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    child = Child(name, process, log)
    try:
        yield child
    finally:
        child.stop()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast("tuple[str, int]", probe.getsockname())[1]


def answers(port: int, path: str) -> bool:
    """Whether ``GET http://127.0.0.1:PORT/PATH`` answers 200 now. No proxy is asked."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
