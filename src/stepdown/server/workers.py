"""Several worker processes on one port, watched over by the process that started them."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

log = logging.getLogger("stepdown.server")

RESTART_PAUSE = 1.0
"""Seconds before a worker that died is started again."""


class Workers:
    """Starts ``count`` processes of ``command``, restarts those that die, passes signals on."""

    def __init__(self, command: Sequence[str], count: int) -> None:
        self._command = command
        self._count = count
        self._running: list[subprocess.Popen[bytes]] = []
        self._stopping = False

    def run(self) -> int:
        """Run until told to stop by SIGTERM or SIGINT; SIGHUP reaches every worker."""
        signal.signal(signal.SIGHUP, self._pass_on)
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, self._stop)
        self._running = [self._start() for _ in range(self._count)]
        while not self._stopping:
            self._replace_dead()
            time.sleep(0.2)
        for process in self._running:
            process.wait()
        return 0

    def _start(self) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "STEPDOWN_WORKER": "1"}
        return subprocess.Popen(self._command, env=environment)  # noqa: S603 our own command line

    def _replace_dead(self) -> None:
        for place, process in enumerate(self._running):
            if process.poll() is not None and not self._stopping:
                log.error("worker %d ended with status %s", process.pid, process.returncode)
                time.sleep(RESTART_PAUSE)
                self._running[place] = self._start()

    def _pass_on(self, number: int, frame: FrameType | None = None) -> None:
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        self._pass_on(signal.SIGTERM)


def worker_command(config: str, bound: socket.socket) -> list[str]:
    """The command line of one worker, on the address that ``bound`` holds."""
    host, port = bound.getsockname()[:2]
    return [
        *(sys.executable, "-m", "stepdown", "serve"),
        *("--config", config, "--host", host, "--port", str(port)),
    ]
