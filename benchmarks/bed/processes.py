"""Starts processes on one core and asks them over HTTP until they answer."""

import http.client
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from bed import family
from bed.family import Used


class Pinned:
    """A process bound to one core, with all the children it starts. A context manager."""

    def __init__(
        self,
        command: Sequence[str],
        core: int,
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **(environment or {})},
                cwd=directory,
            )

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def used(self) -> Used:
        return family.used(self._process.pid)

    def end(self) -> None:
        if not self.ended:
            family.end(self._process.pid)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def post(port: int, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """One request over a connection of its own. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        given = {"Content-Type": "application/json", **headers}
        connection.request("POST", path, body, given)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def wait_for_answer(
    process: Pinned, port: int, path: str, body: bytes, headers: Mapping[str, str], limit: float
) -> None:
    """Ask until a 200 comes. Raises RuntimeError when the process ends or the time is up."""
    last = "nothing"
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline and not process.ended:
        try:
            status, reply = post(port, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            last = repr(error)
        else:
            if status == 200:
                return
            last = f"{status} {reply[:300]!r}"
        time.sleep(0.01)
    tail = process.log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"no answer from port {port}: {last}\n{tail}")
