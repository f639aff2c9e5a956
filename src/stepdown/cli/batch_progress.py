"""Bars for what ``stepdown batch`` waits for: bytes on their way, and the requests of a batch."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from stepdown.cli.batch_server import Seen
from stepdown.cli.record import printable


@contextmanager
def uploading(file: BinaryIO, size: int, *, quiet: bool) -> Generator[BinaryIO]:
    """A file whose reading is shown on a terminal."""
    with _bytes("uploading", quiet=quiet) as bar:
        task = bar.add_task("uploading", total=size)
        yield bar.wrap_file(file, task_id=task)


@contextmanager
def downloading(size: int | None, *, quiet: bool) -> Generator["Counter"]:
    """What is called with the number of bytes of each piece that came."""
    with _bytes("fetching", quiet=quiet) as bar:
        yield Counter(bar, size)


class Counter:
    """Adds bytes to a bar."""

    def __init__(self, bar: Progress, size: int | None) -> None:
        self._bar = bar
        self._task = bar.add_task("fetching", total=size)

    def __call__(self, count: int) -> None:
        self._bar.advance(self._task, count)


def waited_for(looks: Iterator[Seen], *, quiet: bool) -> Seen:
    """The batch at its end: a bar on a terminal, a line for each change of status elsewhere."""
    console = Console(stderr=True)
    live = console.is_terminal and not quiet
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not live,
    )
    before = ""
    with bar:
        task = bar.add_task("waiting", total=None, failed="")
        for batch in looks:
            counts, status = batch.counts, printable(batch.status)
            done = counts.completed + counts.failed
            said = f"{counts.failed:,} failed" if counts.failed else ""
            total = counts.total or None
            bar.update(task, description=status, total=total, completed=done, failed=said)
            if not live and not quiet and status != before:
                click.echo(f"{status}: {done:,} of {counts.total:,} requests done", err=True)
            before = status
            if batch.ended:
                return batch
    raise AssertionError("a batch is looked at until it has ended")


def _bytes(what: str, *, quiet: bool) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn(what),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
    )
