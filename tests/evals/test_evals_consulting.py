"""Consultations that are really made: their answers, their cost, and those that fail."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from stepdown.errors import UpstreamFailed
from stepdown.evals.asking import Asker
from stepdown.evals.consulting import consulted, cost_of, every, making
from stepdown.evals.store import Store
from stepdown.quality.driving import Told
from stepdown.types import Consult, Request
from support.answers import asking
from support.evaluations import Speaker, text_of
from support.scripted import Fleet


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "answers.db") as opened:
        yield opened


def test_those_beside_one_that_raises_are_finished() -> None:
    finished: list[int] = []

    async def call(number: int) -> int:
        await asyncio.sleep(0.001 * number)
        if number == 1:
            raise OSError("gone")
        finished.append(number)
        return number

    with pytest.raises(OSError, match="gone"):
        asyncio.run(every(call(number) for number in range(4)))
    assert finished == [0, 2, 3]
    assert asyncio.run(every(call(number) for number in (3, 2))) == [3, 2]


# ── What consultations cost ──────────────────────────────────────────────────────────────────


def asks(*texts: str) -> Consult:
    requests: tuple[Request, ...] = tuple(map(asking, texts))
    return Consult(requests, "judge", "strong")


def test_failed_calls_are_missing_and_cost_nothing(store: Store) -> None:
    speaker = Speaker(lambda body: UpstreamFailed("No.") if text_of(body) == "b" else "yes")

    async def test() -> tuple[Told, Decimal | None]:
        asker = Asker(Fleet(strong=speaker), store, str)
        return await consulted(asker, "strong", asks("a", "b", "c"))

    told, cost = asyncio.run(test())
    assert [each and each.text for each in told] == ["yes", None, "yes"]
    assert cost == Decimal("4.00")


def test_what_has_no_price_has_no_cost(store: Store) -> None:
    fleet = Fleet(strong=Speaker())
    fleet.endpoints["strong"] = structs.replace(fleet.endpoints["strong"], price=None)

    async def test() -> tuple[Told, Decimal | None]:
        return await consulted(Asker(fleet, store, str), "strong", asks("a"))

    told, cost = asyncio.run(test())
    assert told[0] is not None
    assert cost is None


def test_a_judge_is_answered_by_the_model_that_it_names(store: Store) -> None:
    speakers = {"strong": Speaker(text_of), "cheap": Speaker()}

    async def test() -> Told:
        return await making(Asker(Fleet(**speakers), store, str))(asks("a", "b"))

    assert [each and each.text for each in asyncio.run(test())] == ["a", "b"]
    assert speakers["cheap"].asked == []


@given(st.lists(st.none() | st.decimals(0, 100, places=6)))
def test_a_sum_is_known_where_all_of_it_is(costs: list[Decimal | None]) -> None:
    known = [cost for cost in costs if cost is not None]
    assert cost_of(costs) == (sum(known, Decimal(0)) if len(known) == len(costs) else None)
