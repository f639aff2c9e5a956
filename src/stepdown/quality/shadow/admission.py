"""Decides whether a sampled request is shadowed: before anybody knows anything of its answer.

What is asked is whether there is room, in the queue, in the minute and in the day's money. Room in
the queue is room for the largest request and answer that there may be, whatever this one weighs:
neither large requests nor long answers are left out more often than others.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from stepdown.ports import Judge
from stepdown.quality.shadow.excluded import TOO_LARGE
from stepdown.quality.shadow.money import Calling, Costs, DayBudget
from stepdown.types import Request

QUEUE_FULL = "queue_full"
RATE_LIMITED = "rate_limited"
UNPRICED = "unpriced"
BUDGET = "budget"
JUDGE_BUDGET = "judge_budget"

_NOTHING = Decimal(0)
_MINUTE = 60.0
_HELD_TWICE = 2
"""A request is held as it came, and as it was read."""


class Room(Struct, frozen=True):
    """How much may be under way: requests, their bytes with those of their answers, and requests
    a minute (None: any). A larger request than ``most_request`` bytes is not shadowed, of a larger
    answer than ``most_answer`` nothing is kept."""

    items: int = 1000
    size: int = 64_000_000
    rpm: int | None = None
    most_request: int = 4_000_000
    most_answer: int = 1_000_000


class Ticket(Struct, eq=False):
    """A place that one request holds. It has to be given back.

    ``call`` and ``judging`` are set aside for it; ``spent`` and ``judged`` are what it did cost.
    """

    size: int
    call: Decimal = _NOTHING
    judging: Decimal = _NOTHING
    spent: Decimal = _NOTHING
    judged: Decimal = _NOTHING


class Admission:
    """Gives out the places."""

    def __init__(
        self,
        room: Room,
        budget: DayBudget,
        judge_budget: DayBudget,
        costs: Costs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``clock`` gives monotonic seconds."""
        self._room = room
        self._budget = budget
        self._judge_budget = judge_budget
        self._costs = costs
        self._clock = clock
        self._largest = _HELD_TWICE * room.most_request + room.most_answer
        self._begun: deque[float] = deque()
        self.held = 0
        self.size = 0

    def admit(
        self,
        request: Request,
        calls: Sequence[Calling],
        models: Sequence[str],
        judges: Sequence[Judge],
    ) -> Ticket | str:
        """A place for this request, whose second answer may take these ``calls``; or why there is
        none. ``models`` are those whose answers are compared."""
        room = self._room
        if request.size > room.most_request:
            return TOO_LARGE
        if self.held >= room.items or (self.size and self.size + self._largest > room.size):
            return QUEUE_FULL
        if not self._is_in_pace():
            return RATE_LIMITED
        call, judging = self._most(request, calls, models, judges)
        if call is None or judging is None:
            return UNPRICED
        if not self._budget.reserve(call):
            return BUDGET
        if not self._judge_budget.reserve(judging):
            self._budget.settle(call, _NOTHING)
            return JUDGE_BUDGET
        if room.rpm is not None:
            self._begun.append(self._clock())
        ticket = Ticket(_HELD_TWICE * request.size + room.most_answer, call, judging)
        self.held += 1
        self.size += ticket.size
        return ticket

    def weigh(self, ticket: Ticket, answer: int) -> None:
        """The answer is there, and has so many bytes."""
        less = self._room.most_answer - answer
        ticket.size -= less
        self.size -= less

    def give_back(self, ticket: Ticket) -> None:
        self.held -= 1
        self.size -= ticket.size
        self._budget.settle(ticket.call, ticket.spent)
        self._judge_budget.settle(ticket.judging, ticket.judged)

    def _is_in_pace(self) -> bool:
        begun, rpm = self._begun, self._room.rpm
        if rpm is None:
            return True
        before = self._clock() - _MINUTE
        while begun and begun[0] <= before:
            begun.popleft()
        return len(begun) < rpm

    def _most(
        self,
        request: Request,
        calls: Sequence[Calling],
        models: Sequence[str],
        judges: Sequence[Judge],
    ) -> tuple[Decimal | None, Decimal | None]:
        """What the call and the judging may cost; without a limit that does not matter."""
        call: Decimal | None = _NOTHING
        judging: Decimal | None = _NOTHING
        if self._budget.limit is not None:
            call = self._costs.of_calls(calls, request)
        if self._judge_budget.limit is not None and judges:
            judging = self._costs.of_judging(judges, models, request)
        return call, judging
