"""Shows how far an evaluation is: rows, what it cost so far, and what it is likely to cost."""

import time
from decimal import Decimal
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from stepdown.evals.asking import Asker
from stepdown.pricing.amounts import dollars

QUIET_SECONDS = 10.0
"""Between two lines where standard error is no terminal."""


class Progress:
    """A bar on a terminal, a line now and then elsewhere, on standard error.

    A context manager that is called with the number of finished things; ``what`` they are.
    """

    def __init__(
        self, total: int, asker: Asker, *, what: str = "rows", quiet: bool = False
    ) -> None:
        self._total = total
        self._asker = asker
        self._what = what
        self._quiet = quiet
        self._lined = time.monotonic()
        self._free = 0
        console = Console(stderr=True)
        self._live = console.is_terminal and not quiet
        self._bar = Bar(
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[money]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not self._live,
        )
        self._task = self._bar.add_task(what, total=total, money="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, done: int) -> None:
        money = self._money(done)
        self._bar.update(self._task, completed=done, money=money)
        if self._live or self._quiet:
            return
        if time.monotonic() - self._lined >= QUIET_SECONDS:
            self._lined = time.monotonic()
            click.echo(f"{done:,} of {self._total:,} {self._what}, {money}", err=True)

    def _money(self, done: int) -> str:
        """What is spent, and what it comes to if the rest costs as much as what was paid for."""
        spent = self._asker.spent
        cost = spent.cost + spent.judge_cost
        said = f"{dollars(cost)} spent"
        if not cost:
            self._free = done  # an earlier run has paid for these
        elif done > self._free:
            each = cost / (done - self._free)
            said += f", about {dollars(cost + each * Decimal(self._total - done))} in all"
        if spent.from_cache:
            said += f", {spent.from_cache:,} answers from the cache"
        if spent.failed:
            said += f", {spent.failed:,} calls failed"
        return said
