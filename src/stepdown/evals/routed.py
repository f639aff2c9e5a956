"""What a route would have done with an item, given every rung's answer: no model is asked anew."""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from stepdown.cascade.plan import Cascade, Cascades
from stepdown.cascade.replay import Recorded, Replayed, replay
from stepdown.cascade.steps import Ask
from stepdown.errors import UpstreamFailed
from stepdown.evals.consulting import cost_of
from stepdown.evals.replies import Reply
from stepdown.quality.driving import Told
from stepdown.routing.explain import measure
from stepdown.routing.route import PolicyRoute
from stepdown.types import Decision, Request

Consulted = tuple[Told, Decimal | None]
"""A grader's calls: their answers, and what they cost together (None where that is unknown)."""
Consulting = Callable[[Ask], Awaitable[Consulted]]


class CannotFollow(Exception):
    """What a cascade would have served cannot be told from what is known; says why."""


class Decided(Struct, frozen=True):
    """A decision, and the rules that ``matched`` or are ``borderline``; all others said no."""

    decision: Decision
    matched: tuple[str, ...]
    borderline: tuple[str, ...]


class Routed(Struct, frozen=True):
    """The rung that would have been served, and what the route would have spent (US dollars).

    ``cost`` is None where a cost is unknown, and where nothing could have been served.
    """

    rung: int
    cost: Decimal | None


async def decide(route: PolicyRoute, request: Request) -> Decided:
    """As the pipeline does; a conversation is judged by itself, without the turns before it."""
    readings = await measure(route, request)
    verdicts = route.explain(readings)
    matched, borderline = (
        tuple(each.name for each in verdicts if each.matched is said) for said in (True, None)
    )
    return Decided(route.decide(request, readings), matched, borderline)


def cascade_of(cascades: Cascades | None, request: Request, decision: Decision) -> Cascade | None:
    """The cascade that would check a cheaper answer to this request, or None.

    Also where the last rung was decided on, whose answer is served unchecked: so the cheaper models
    are asked the same, whatever the rules decide.
    """
    return None if cascades is None else cascades.of(request, decision)


async def follow(
    decision: Decision,
    cascade: Cascade | None,
    request: Request,
    replies: Sequence[Reply],
    consult: Consulting,
) -> Routed:
    """Serve the decided rung, or climb from it where the cascade rejects its answer.

    Every answer counts as whole and in time: what a cascade saves by an early drop, and spends on
    a hedge, is left out. Raises CannotFollow where the climb comes to an answer that is not known.
    """
    start, top = decision.rung, len(replies) - 1
    if cascade is None or start == top:
        return Routed(start, replies[start].cost)
    unseen = next((rung for rung in range(start, top) if replies[rung].untold is not None), top)
    recorded = {rung: _recorded(replies[rung]) for rung in range(start, unseen + 1)}
    grading = _Grading(consult)
    try:
        replayed = await _replayed(cascade, request, recorded, start, grading)
    except UpstreamFailed:
        return Routed(top, None)  # the last rung failed, and with it the request
    rung = replayed.served.rung
    if rung == unseen < top:
        # Neither of the two that could be made of it would be true: that the answer passed, or
        # that the cascade climbed.
        reply = replies[rung]
        raise CannotFollow(
            f"the cascade checks what {reply.model} said, and {reply.untold} is not known"
        )
    tried = dict.fromkeys([*(each.rung for each in replayed.tried), rung])
    return Routed(rung, cost_of([*(replies[each].cost for each in tried), *grading.costs]))


def _recorded(reply: Reply) -> Recorded:
    if reply.untold is None and reply.error is not None:
        return Recorded(error=UpstreamFailed(reply.error))
    return Recorded(reply.choices)


# ── Graders ──────────────────────────────────────────────────────────────────────────────────


class _Missing(Exception):
    """A grader wants calls that have not been made."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self.ask = ask


class _Grading:
    """Answers a grader's calls in their order, as far as they have been made."""

    def __init__(self, consult: Consulting) -> None:
        self._consult = consult
        self._told: list[Told] = []
        self._next = 0
        self.costs: list[Decimal | None] = []

    def rewind(self) -> None:
        self._next = 0

    def __call__(self, ask: Ask) -> Told:
        if self._next == len(self._told):
            raise _Missing(ask)
        self._next += 1
        return self._told[self._next - 1]

    async def make(self, ask: Ask) -> None:
        told, cost = await self._consult(ask)
        self._told.append(told)
        self.costs.append(cost)


async def _replayed(
    cascade: Cascade,
    request: Request,
    recorded: dict[int, Recorded],
    start: int,
    grading: _Grading,
) -> Replayed:
    """Replay again and again, making the calls that the last try lacked: a replay does no I/O."""
    while True:
        grading.rewind()
        try:
            return replay(cascade, request, recorded, start=start, grades=grading)
        except _Missing as missing:
            wanted = missing.ask
        await grading.make(wanted)
