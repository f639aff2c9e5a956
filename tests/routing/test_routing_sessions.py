"""Sessions: a conversation stays where it is unless switching down pays; it may always climb."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from msgspec import Struct

from stepdown.routing.route import build_route
from stepdown.routing.sessions import CACHE_LIFETIME, Sessions
from stepdown.types import Usage


class Tariff(Struct):
    """Dollars for a million tokens: fresh input, cached input, output."""

    fresh: str
    cached: str
    output: str

    def cost(self, usage: Usage) -> Decimal:
        fresh = (usage.input - usage.cached_input) * Decimal(self.fresh)
        rest = usage.cached_input * Decimal(self.cached) + usage.output * Decimal(self.output)
        return (fresh + rest) / 1_000_000


FAR = {"cheap": Tariff("0.15", "0.075", "0.6"), "strong": Tariff("2.5", "1.25", "10")}
NEAR = {"cheap": Tariff("2", "1", "8"), "strong": Tariff("2.5", "0.25", "8")}
"""The cheap model's fresh input costs more than the strong model's cached input."""

LONG = "The pump at the north gate was checked by hand and left running. " * 300


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def sessions(prices: Mapping[str, Tariff], clock: Clock | None = None, most: int = 100) -> Sessions:
    return Sessions(["cheap", "strong"], prices.get, most=most, ttl=3600.0, clock=clock or Clock())


def turns(*texts: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


def ways(ask: Any) -> list[tuple[str, Any, Any]]:
    """A conversation's first and second turn, by each thing that identifies it."""
    first, second = turns(LONG), turns(LONG, "Noted.", "Summarize it.")
    return [
        ("header", *(ask(messages=m, session="s-1") for m in (first, second))),
        ("metadata", *(ask(messages=m, metadata={"session_id": "s"}) for m in (first, second))),
        ("user", *(ask(messages=m, user="u-1") for m in (first, second))),
        ("prefix", *(ask(messages=m) for m in (first, second))),
    ]


def test_a_conversation_stays_while_the_lost_cache_costs_more(ask: Any) -> None:
    for name, first, second in ways(ask):
        kept = sessions(NEAR)
        kept.remember(first, 1)
        assert kept.hold(second, 0, {}) == 1, name


def test_it_goes_down_where_that_saves_in_spite_of_the_lost_cache(ask: Any) -> None:
    for name, first, second in ways(ask):
        kept = sessions(FAR)
        kept.remember(first, 1)
        assert kept.hold(second, 0, {}) == 0, name


def test_it_may_always_climb(ask: Any) -> None:
    for prices in (NEAR, FAR, {}):
        for _, first, second in ways(ask):
            kept = sessions(prices)
            kept.remember(first, 0)
            assert kept.hold(second, 1, {}) == 1


def test_an_unknown_price_keeps_the_stronger_rung(ask: Any) -> None:
    for prices in ({}, {"cheap": FAR["cheap"]}, {"strong": FAR["strong"]}):
        for _, first, second in ways(ask):
            kept = sessions(prices)
            kept.remember(first, 1)
            assert kept.hold(second, 0, {}) == 1


def test_a_cold_cache_holds_nobody(ask: Any) -> None:
    _, first, second = ways(ask)[0]
    clock = Clock()
    kept = sessions(NEAR, clock)
    kept.remember(first, 1)
    clock.now += CACHE_LIFETIME + 1
    assert kept.hold(second, 0, {}) == 0


def test_a_prompt_too_short_to_be_cached_holds_nobody(ask: Any) -> None:
    kept = sessions(NEAR)
    kept.remember(ask(messages=turns("Hello")), 1)
    assert kept.hold(ask(messages=turns("Hello", "Hi", "Summarize it.")), 0, {}) == 0


def test_a_conversation_is_forgotten_after_its_time(ask: Any) -> None:
    _, first, second = ways(ask)[0]
    clock = Clock()
    kept = sessions({}, clock)
    kept.remember(first, 1)
    clock.now += 3601
    assert kept.hold(second, 0, {}) == 0


def test_tenants_conversations_and_other_beginnings_are_kept_apart(ask: Any) -> None:
    kept = sessions({})
    kept.remember(ask(messages=turns(LONG), session="s-1", tenant="acme"), 1)
    kept.remember(ask(messages=turns(LONG), tenant="acme"), 1)
    second = turns(LONG, "Noted.", "Summarize it.")
    strangers = [
        ask(messages=second, session="s-1", tenant="other"),
        ask(messages=second, session="s-2", tenant="acme"),
        ask(messages=second, tenant="other"),
        ask(messages=turns(LONG + "!", "Noted.", "Summarize it."), tenant="acme"),
        ask(messages=turns("Summarize it."), tenant="acme"),
    ]
    assert [kept.hold(stranger, 0, {}) for stranger in strangers] == [0] * len(strangers)
    assert kept.hold(ask(messages=second, tenant="acme"), 0, {}) == 1


def test_turns_of_tool_calls_belong_to_the_conversation(ask: Any) -> None:
    first = turns(LONG)
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    second = [
        *first,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "3 bar"},
    ]
    kept = sessions({})
    kept.remember(ask(messages=first), 1)
    assert kept.hold(ask(messages=second), 0, {}) == 1


def test_parts_are_hashed_as_they_are(ask: Any) -> None:
    first = [{"role": "user", "content": [{"type": "text", "text": LONG}]}]
    second = [*first, *turns("", "Noted.")[1:], {"role": "user", "content": "Summarize it."}]
    kept = sessions({})
    kept.remember(ask(messages=first), 1)
    assert kept.hold(ask(messages=second), 0, {}) == 1


def test_memory_is_bounded_and_the_latest_stay(ask: Any) -> None:
    kept = sessions({}, most=10)
    for number in range(100):
        kept.remember(ask("Hello", session=f"s-{number}"), 1)
        kept.remember(ask("Hello", session="busy"), 1)
    assert len(kept) == 10
    assert kept.hold(ask("Hello", session="busy"), 0, {}) == 1
    assert kept.hold(ask("Hello", session="s-0"), 0, {}) == 0


@pytest.mark.parametrize(("prices", "name"), [(NEAR, "session"), (FAR, "small-task")])
def test_the_route_says_that_the_session_decided(
    ask: Any, prices: Mapping[str, Tariff], name: str
) -> None:
    route = build_route("auto", {"ladder": ["cheap", "strong"]}, price_of=prices.get)
    first = ask(messages=turns(f"Prove this.\n\n```\n{LONG[:6000]}\n```"))
    decision = route.decide(first, route.read(first))
    assert decision.name == "hard-task"
    route.remember(first, decision.rung)
    text = f"Prove this.\n\n```\n{LONG[:6000]}\n```"
    second = ask(messages=turns(text, "Done.", "Reply in one word: was it hard?"))
    decision = route.decide(second, route.read(second))
    assert decision.name == ("session" if name == "session" else "small-output")
    assert decision.model == ("strong" if name == "session" else "cheap")
