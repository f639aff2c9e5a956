"""Drives a climb over recorded replies: what a cascade would have served, without a call."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from stepdown.cascade.climb import climb
from stepdown.cascade.plan import Cascade
from stepdown.cascade.steps import (
    Ask,
    Began,
    Begin,
    Broke,
    Done,
    Drop,
    Event,
    Lapsed,
    Ready,
    Said,
    Served,
    Told,
)
from stepdown.errors import NoDeployment, StepdownError
from stepdown.types import Choice, Piece, Request


class Recorded(Struct, frozen=True):
    """One rung's recorded reply. ``pieces`` cut it as a stream would; without them it comes whole.

    ``error`` instead of choices: the call had failed.
    """

    choices: Sequence[Choice] = ()
    pieces: Sequence[Piece] = ()
    error: StepdownError | None = None


class Tried(Struct, frozen=True):
    """A rung that was called and not served: what turned it down, after how many pieces."""

    rung: int
    verdict: str
    reason: str
    pieces: int
    early: bool


class Replayed(Struct, frozen=True):
    """What would have been served, and the tries before it."""

    served: Served
    tried: tuple[Tried, ...]


Grades = Callable[[Ask], Sequence[Choice | None]]
"""Answers a grader's calls from the record."""


def replay(
    cascade: Cascade,
    request: Request,
    replies: Mapping[int, Recorded],
    *,
    start: int = 0,
    grades: Grades | None = None,
) -> Replayed:
    """Climb over the replies by rung; the highest rung among them is the last.

    A reply that was not recorded counts as a failed call, and so does each call of a grader
    without ``grades``. Raises the last rung's error where nothing would have been served.
    """
    top = max(replies)
    climbing = climb(cascade, request, start, top)
    events: Iterator[Event] = iter(())
    tried: list[Tried] = []
    heard = 0
    step = next(climbing)
    while True:
        event: Event = Began(0.0)
        match step:
            case Begin():
                events, heard = _events(step, replies.get(step.rung, _UNRECORDED)), 0
            case Drop():
                tried.append(Tried(step.rung, step.verdict, step.reason, heard, step.early))
            case Ask():
                nothing: Sequence[Choice | None] = [None] * len(step.requests)
                event = Told(0.0, nothing if grades is None else grades(step))
            case _:
                event = next(events, Lapsed(0.0))
                heard += len(event.pieces) if isinstance(event, Said) else 0
        try:
            step = climbing.send(event)
        except StopIteration as end:
            return Replayed(end.value, tuple(tried))


_UNRECORDED = Recorded(error=NoDeployment("No reply of this rung was recorded."))


def _events(call: Begin, reply: Recorded) -> Iterator[Event]:
    if reply.error is not None:
        yield Broke(0.0, call.rung, reply.error)
    elif call.final:
        yield Ready(0.0, call.rung)
    else:
        if call.watched:
            for piece in reply.pieces:
                yield Said(0.0, call.rung, (piece,))
        yield Done(0.0, call.rung, reply.choices)
