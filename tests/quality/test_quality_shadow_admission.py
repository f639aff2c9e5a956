"""Who gets a place does not depend on what it weighs or says; every place is given back."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.ports import Price
from stepdown.quality.judges.pairwise import Pairwise
from stepdown.quality.shadow.admission import (
    BUDGET,
    JUDGE_BUDGET,
    QUEUE_FULL,
    RATE_LIMITED,
    UNPRICED,
    Admission,
    Room,
    Ticket,
)
from stepdown.quality.shadow.excluded import TOO_LARGE
from stepdown.quality.shadow.money import Calling, Costs, DayBudget
from stepdown.types import Request
from support.fleets import Clock
from support.scripted import TokenPrice
from support.shadows import asked

D = Decimal
MODELS = ("cheap", "strong")
JUDGES = [Pairwise("judge")]


class Door:
    """An admission with all that it needs, under a clock of its own."""

    def __init__(
        self, room: Room, limit: str | None = None, judge_limit: str | None = None
    ) -> None:
        self.clock = Clock()
        self.budget = DayBudget(None if limit is None else D(limit), self.clock)
        self.judges = DayBudget(None if judge_limit is None else D(judge_limit), self.clock)
        costs = Costs(self.price)
        self.admission = Admission(room, self.budget, self.judges, costs, self.clock)

    def price(self, model: str) -> Price | None:
        return None if model == "unpriced" else TokenPrice("0.0001")

    def admit(self, request: Request | None = None, model: str = "strong") -> Ticket | str:
        return self.admission.admit(request or asked(), [Calling(model)], MODELS, JUDGES)

    def granted(self, **fields: Any) -> Ticket:
        ticket = self.admit(asked(**fields))
        assert isinstance(ticket, Ticket)
        return ticket


def test_so_many_have_a_place() -> None:
    door = Door(Room(items=2))
    first = door.granted()
    door.granted()
    assert door.admit() == QUEUE_FULL
    door.admission.give_back(first)
    door.granted()
    assert door.admission.held == 2


SMALL = Room(items=100, size=10_000, most_request=1_000, most_answer=2_000)


def test_there_is_room_for_the_largest_or_for_none() -> None:
    door = Door(SMALL)
    tickets: list[Ticket] = []
    while not isinstance(ticket := door.admit(), str):
        tickets.append(ticket)
    assert ticket == QUEUE_FULL
    assert len(tickets) == 3
    assert 10_000 - 4_000 < door.admission.size < 10_000 - tickets[0].size
    assert door.admit(asked(text="x" * 900)) == QUEUE_FULL
    for each in tickets:
        door.admission.weigh(each, 10)
    assert isinstance(door.admit(), Ticket)


def test_a_request_that_is_too_large_is_left_out_by_itself() -> None:
    size = asked().size
    assert isinstance(Door(Room(most_request=size)).admit(), Ticket)
    assert Door(Room(most_request=size - 1, items=0)).admit() == TOO_LARGE


def test_the_first_finds_room_whatever_the_limits() -> None:
    door = Door(Room(size=10))
    ticket = door.granted()
    assert door.admit() == QUEUE_FULL
    door.admission.give_back(ticket)
    door.granted()


sizes = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 2_000)), max_size=30)


@given(sizes)
def test_never_more_bytes_are_held_than_there_may_be(given_sizes: list[tuple[int, int]]) -> None:
    door = Door(SMALL)
    held: list[Ticket] = []
    for text, answer in given_sizes:
        ticket = door.admit(asked(text="x" * text))
        if isinstance(ticket, Ticket):
            assert door.admission.size <= 10_000
            door.admission.weigh(ticket, answer)
            held.append(ticket)
        else:
            door.admission.give_back(held.pop(0))
    for ticket in held:
        door.admission.give_back(ticket)
    assert (door.admission.held, door.admission.size) == (0, 0)


@given(sizes, sizes)
def test_the_same_are_admitted_whatever_they_and_their_answers_weigh(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    """As long as nothing else is under way: the places are given back one after the other."""
    outcomes: list[list[str]] = []
    for given_sizes in (one, other):
        door = Door(Room(rpm=3, size=10_000, most_request=1_000, most_answer=2_000))
        admitted: list[str] = []
        for text, answer in given_sizes[: min(len(one), len(other))]:
            ticket = door.admit(asked(text="x" * text))
            admitted.append(ticket if isinstance(ticket, str) else "a place")
            if isinstance(ticket, Ticket):
                door.admission.weigh(ticket, answer)
                door.admission.give_back(ticket)
            door.clock.pass_(11.0)
        outcomes.append(admitted)
    assert outcomes[0] == outcomes[1]


def test_so_many_a_minute() -> None:
    door = Door(Room(rpm=2))
    door.granted()
    door.clock.pass_(30.0)
    door.granted()
    assert door.admit() == RATE_LIMITED
    door.clock.pass_(29.9)
    assert door.admit() == RATE_LIMITED
    door.clock.pass_(0.1)
    door.granted()
    assert door.admit() == RATE_LIMITED


def test_what_gets_no_place_for_money_takes_none_of_the_minutes() -> None:
    door = Door(Room(rpm=1), limit="0.05")
    assert door.admit() == BUDGET
    door.granted(max_tokens=1)


def test_money_is_set_aside_and_settled() -> None:
    door = Door(Room(), limit="0.2", judge_limit="1")
    ticket = door.granted()
    assert D("0.1") < ticket.call < D("0.2")
    assert door.admit() == BUDGET
    ticket.spent, ticket.judged = D("0.01"), D("0.02")
    door.admission.give_back(ticket)
    assert (door.budget.spent, door.judges.spent) == (D("0.01"), D("0.02"))
    door.granted()


def test_the_judges_money_is_set_aside_before_anybody_knows_whether_one_is_needed() -> None:
    door = Door(Room(), limit="10", judge_limit="0.9")
    ticket = door.granted()
    assert door.admit() == JUDGE_BUDGET
    door.admission.give_back(ticket)
    again = door.granted()
    door.admission.give_back(again)
    assert door.budget.reserve(D(10))  # what was refused holds nothing back


def test_unknown_prices_matter_only_where_there_is_a_limit() -> None:
    assert Door(Room(), limit="1").admit(model="unpriced") == UNPRICED
    assert isinstance(Door(Room()).admit(model="unpriced"), Ticket)
    judged = Door(Room(), judge_limit="1")
    unpriced = [Pairwise("unpriced")]
    assert judged.admission.admit(asked(), [Calling("strong")], MODELS, unpriced) == UNPRICED


@pytest.mark.parametrize("judges", [(), JUDGES])
def test_without_limits_nothing_is_estimated(judges: Any) -> None:
    ticket = Door(Room()).admission.admit(asked(), [Calling("strong")], MODELS, judges)
    assert isinstance(ticket, Ticket)
    assert (ticket.call, ticket.judging) == (D(0), D(0))
