"""Compression is shadowed by the whole prompt, and while it is held back by the shorter one."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import Raw, json, structs

from stepdown.pipeline import Pipeline
from stepdown.quality.pairs import STAND_IN
from stepdown.quality.shadow.sampling import COMPRESSION, Rates, uniform
from stepdown.quality.shadow.terms import Shadowed
from stepdown.requests import request_of
from stepdown.routing.guarded import Guarded, State
from stepdown.types import Decision, Journey, Request, Shrunk
from support.scripted import Book, Ear
from support.shadows import LADDER, Deciding, Model, Record, fleet_of, run, shadow_of

JSON: dict[str, Any] = {"response_format": {"type": "json_object"}}
LONG, SHORT = "The whole document. What is it about?", "What is it about?"
WHOLE, PART = '{"a": 1}', '{"a": 2}'
ONLY_COMPRESSION = Rates(rate=0.0, observe_rate=0.0, rules={"compression": 1.0})


class Halving:
    """Takes the document from a prompt that has one, where it may."""

    def __init__(self, allowed: bool) -> None:
        self.allowed = allowed

    def may_lose(self, request: Request) -> bool:
        return not request.prompt.last_user_text().startswith("Short")

    def has_lost(self, shrunk: Shrunk) -> bool:
        return "extract" in shrunk.techniques

    async def lossy(self, request: Request) -> Shrunk | None:
        if request.prompt.last_user_text() != LONG:
            return None
        messages = [{"role": "user", "content": SHORT}]
        prompt = structs.replace(
            request.prompt,
            messages=request_of({"model": "m", "messages": messages}).prompt.messages,
        )
        fields = {**request.fields, "messages": Raw(json.encode(messages))}
        shorter = structs.replace(request, prompt=prompt, fields=fields)
        return Shrunk(shorter, ("extract",), 20, 10)

    async def compress(self, journey: Journey) -> Shrunk | None:
        return await self.lossy(journey.request) if self.allowed else None


def answering(body: Mapping[str, Any]) -> str:
    return WHOLE if body["messages"][0]["content"] == LONG else PART


def gone(
    state: State | None, text: str = LONG, rates: Rates = ONLY_COMPRESSION
) -> tuple[Record, Ear, Model, Mapping[str, int]]:
    """One request, asked while the guard says this of compression, and its shadows ended."""
    halving = Halving(allowed=state not in ("observing", "tripped"))
    record, cheap, ear = Record(), Model(answering), Ear()
    fleet = fleet_of(cheap, Model(answering))
    shadow = shadow_of(
        fleet,
        record,
        shadowed=Shadowed(LADDER, rates),
        prompts={"auto": halving},
        standing_of=lambda route, rule: (
            Guarded(state, "key", 2) if state is not None and rule == "compression" else None
        ),
    )
    route = Deciding(decision=Decision("easy", "cheap", 0, policy="p1"))
    pipeline = Pipeline(
        {"auto": route}, fleet, Book(), shadow=shadow, compressors={"auto": halving}
    )
    messages = [{"role": "user", "content": text}]
    request = request_of({"model": "auto", "messages": messages, **JSON}, id="sd-1")

    async def go() -> None:
        shadow.start()
        await pipeline.handle(request, ear)
        await shadow.aclose(10.0)

    run(go)
    return record, ear, cheap, shadow.status().skips


@pytest.mark.parametrize("state", ["observing", "tripped"])
def test_while_it_is_held_the_shorter_prompt_is_asked_in_the_background(state: State) -> None:
    record, ear, cheap, _ = gone(state)
    assert json.decode(ear.heard)["choices"][0]["message"]["content"] == WHOLE
    [pair] = record.pairs
    assert [body["messages"][0]["content"] for body in cheap.asked] == [LONG, SHORT]
    assert (pair.served, pair.candidate, pair.reference) == (0, STAND_IN, 0)
    assert (pair.saver, pair.rule, pair.key, pair.stint) == ("compression", "compression", "key", 2)
    assert (pair.candidate_model, pair.reference_model) == ("cheap", "cheap")
    assert pair.regret is True


@pytest.mark.parametrize("state", ["active", "trusted", None])
def test_once_it_saves_the_whole_prompt_is(state: State | None) -> None:
    record, ear, cheap, _ = gone(state)
    assert json.decode(ear.heard)["choices"][0]["message"]["content"] == PART
    [pair] = record.pairs
    assert [body["messages"][0]["content"] for body in cheap.asked] == [SHORT, LONG]
    assert (pair.served, pair.candidate, pair.reference) == (STAND_IN, STAND_IN, 0)
    assert (pair.key, pair.regret) == ("" if state is None else "key", True)
    assert pair.candidate_cost is not None
    assert pair.reference_cost is not None


def test_a_prompt_that_would_stay_as_it_is_makes_no_pair() -> None:
    record, _, cheap, skips = gone("observing", "Nothing to take away here.")
    assert (record.pairs, dict(skips), len(cheap.asked)) == ([], {"unchanged": 1}, 1)


@pytest.mark.parametrize("state", ["observing", "active", None])
def test_what_is_too_short_to_lose_anything_is_not_sampled(state: State | None) -> None:
    record, _, _, skips = gone(state, "Short.")
    assert (record.pairs, record.counts, dict(skips)) == ([], {}, {})


def test_the_route_is_compared_on_the_prompt_that_was_sent() -> None:
    record, _, cheap, _ = gone("active", rates=Rates(rate=1.0, observe_rate=1.0))
    route, compression = sorted(record.pairs, key=lambda pair: pair.saver, reverse=True)
    assert (route.saver, route.candidate, route.reference) == ("route", 0, 1)
    assert (route.regret, compression.regret) == (False, True)  # both models fare as badly with it
    assert [body["messages"][0]["content"] for body in cheap.asked] == [SHORT, LONG]


def test_compression_is_drawn_apart_from_the_route() -> None:
    names = [f"sd-{number}" for number in range(4000)]
    both = sum(uniform(name) < 0.5 and uniform(name, COMPRESSION) < 0.5 for name in names)
    assert 900 < both < 1100  # a quarter: the two draws have nothing to do with each other
