"""Works through a list, so many at once, and ends early in good order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from stepdown.evals.budget import OutOfBudget
from stepdown.evals.stopping import Stopped

S = TypeVar("S")
T = TypeVar("T")


class Worked(Struct, Generic[T], frozen=True):
    """What came of the finished things, in the list's order, whatever order they were finished in.

    ``left`` things were not finished; ``stopped`` says why.
    """

    done: tuple[T, ...]
    left: int = 0
    stopped: str | None = None


async def work_through(
    things: Sequence[S],
    work: Callable[[S], Awaitable[T]],
    *,
    at_once: int,
    progress: Callable[[int], None] = lambda done: None,
) -> Worked[T]:
    """Do the work for each; ``progress`` is told how many are done.

    Where one is OutOfBudget or Stopped, no other is begun, and those under way are finished.
    Whatever else one raises is raised, the others being cancelled.
    """
    done: dict[int, T] = {}
    waiting = iter(enumerate(things))
    stopped: list[str] = []

    async def worker() -> None:
        for place, thing in waiting:
            if stopped:
                return
            try:
                done[place] = await work(thing)
            except (OutOfBudget, Stopped) as ended:
                stopped.append(str(ended))
            else:
                progress(len(done))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(things))):
                group.create_task(worker())
    except ExceptionGroup as raised:
        raise raised.exceptions[0] from None
    results = tuple(done[place] for place in sorted(done))
    return Worked(results, len(things) - len(done), stopped[0] if stopped else None)
