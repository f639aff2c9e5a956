"""Reads from /proc what a process and its children use, and ends them. Linux only."""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PATIENCE = 5.0
"""Seconds that processes have to end by themselves."""


class Used(NamedTuple):
    """CPU seconds since the start, and resident megabytes now."""

    cpu: float
    megabytes: float


def family(pid: int) -> list[int]:
    """The process and all its descendants; empty when it is gone."""
    members = [pid] if Path(f"/proc/{pid}").exists() else []
    for member in members:  # grows as children are found
        for told in Path(f"/proc/{member}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                members += [int(child) for child in told.read_text().split()]
    return members


def used(pid: int) -> Used:
    """What the family of a process has used."""
    cpu = memory = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            resident = Path(f"/proc/{member}/statm").read_text().split()[1]
            cpu += int(fields[11]) + int(fields[12])
            memory += int(resident)
    return Used(cpu / TICKS, memory * PAGE / 2**20)


def machine_cpu() -> float:
    """CPU seconds that the machine has spent on anything; idling and waiting are nothing."""
    first = Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, _idle, _wait, *interrupts = map(int, first.split()[1:9])
    return (user + nice + system + sum(interrupts)) / TICKS


def end(pid: int) -> None:
    """Ask a process and its descendants to end; kill those that do not."""
    members = family(pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, number)
        deadline = time.monotonic() + PATIENCE
        while members and time.monotonic() < deadline:
            members = [member for member in members if _lives(member)]
            time.sleep(0.02)


def _lives(pid: int) -> bool:
    """Whether it still runs: a zombie that waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
