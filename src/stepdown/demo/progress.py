"""How a long fetch is shown: bars on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

MEGABYTE = 1_000_000
QUIET_SECONDS = 5.0


class FetchProgress(Protocol):
    """Is told how far each piece of work is. Amounts are bytes."""

    def at(self, task: str, done: int, total: int) -> None: ...

    def note(self, text: str) -> None: ...


class Silent:
    """Shows nothing."""

    def at(self, task: str, done: int, total: int) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class Bars:
    """One bar for each piece of work."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def at(self, task: str, done: int, total: int) -> None:
        if task not in self._tasks:
            self._tasks[task] = self._bars.add_task(task, total=total)
        self._bars.update(self._tasks[task], completed=done, total=total)

    def note(self, text: str) -> None:
        self._bars.console.print(text, highlight=False)


class Lines:
    """A plain line when a piece of work begins, every few seconds, and when it is done."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._said: dict[str, float] = {}
        self._done: set[str] = set()

    def at(self, task: str, done: int, total: int) -> None:
        now = time.monotonic()
        finished = done >= total
        if task in self._done or (not finished and now - self._said.get(task, 0.0) < QUIET_SECONDS):
            return
        self._said[task] = now
        if finished:
            self._done.add(task)
        self.note(f"{task}: {done // MEGABYTE} of {total // MEGABYTE} MB")

    def note(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


@contextmanager
def shown_on(console: Console) -> Generator[FetchProgress]:
    """Progress on this console, in the form that suits it."""
    if not console.is_terminal:
        yield Lines(console.file)
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as bars:
        yield Bars(bars)
