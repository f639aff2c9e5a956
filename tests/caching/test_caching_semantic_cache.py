"""The semantic cache in a pipeline: what is served, learned, kept and left alone."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json, structs

from stepdown.caching.exact.terms import ExactTerms
from stepdown.caching.index.index import IndexUnavailable
from stepdown.caching.index.memory import MemoryIndex
from stepdown.caching.semantic import cache as cache_module
from stepdown.caching.semantic.bound import BoundTerms
from stepdown.caching.semantic.comparer import Comparison
from stepdown.caching.semantic.entries import MemoryEntries
from stepdown.caching.semantic.evidence_file import EvidenceFile
from stepdown.caching.semantic.generate import generate
from stepdown.caching.semantic.question import FRESH, NO_QUESTION, NO_TEXT, TOO_LONG
from stepdown.embedding.embedder import EmbeddingFailed, Vectors
from stepdown.embedding.static import static
from support import chat
from support.fault_server import wait_until
from support.semantic_caches import QUICK, ROUTE, Serving, Verifying, asked, desk

QUESTION = "How do I reset my password?"
SAME = "How can I reset my password?"
OTHER = "What should I cook with lentils?"


def same_answer(body: dict[str, Any]) -> str:
    return '{"answer": 42}'


def test_nothing_is_served_until_enough_was_learned() -> None:
    async def run() -> None:
        async with desk(same_answer) as here:
            caches = []
            for number in range(200):
                pair = f"{SAME if number % 2 else QUESTION}"
                got = await here.ask(asked(pair, request_id=f"r{number}"))
                caches.append(got.cache)
                if got.cache == "semantic":
                    assert json.decode(got.text) == {"answer": 42}
            first = caches.index("semantic")
            status = here.cache.status()
            assert first > QUICK.bound.tuning
            assert status.routes[ROUTE].phase == "certified"
            assert status.right > first - 2
            assert "miss" in caches[first:]  # the sampled share
            assert here.calls == caches.count("miss")
            assert status.held.entries == 1

    asyncio.run(run())


def test_where_held_answers_are_wrong_nothing_is_ever_served() -> None:
    async def run() -> None:
        answers = iter(range(10_000))
        async with desk(lambda body: json.encode({"n": next(answers)}).decode()) as here:
            for number in range(120):
                got = await here.ask(asked(QUESTION, request_id=f"r{number}"))
                assert got.cache == "miss"
            assert here.cache.status().wrong > 100

    asyncio.run(run())


def test_a_wrong_held_answer_makes_an_entry_and_a_right_one_none() -> None:
    async def run() -> None:
        async with desk(bound=Verifying) as here:
            await here.ask(asked(QUESTION))
            await here.ask(asked(SAME))
            counts = here.cache.status()
            assert (counts.wrong, counts.stored) == (1, 2)  # an echo is never the same
        async with desk(same_answer, bound=Verifying) as here:
            await here.ask(asked(QUESTION))
            await here.ask(asked(SAME))
            counts = here.cache.status()
            assert (counts.right, counts.stored) == (1, 1)

    asyncio.run(run())


def test_what_no_scorer_can_tell_is_counted_as_such() -> None:
    async def run() -> None:
        async with desk(lambda body: "Prose of some length.", bound=Verifying) as here:
            for text in (QUESTION, SAME):
                await here.ask(asked(text, response_format={"type": "text"}))
            assert here.cache.status().untold == 1

    asyncio.run(run())


@pytest.mark.parametrize("streams", [False, True])
def test_a_hit_is_given_in_the_form_that_is_asked_for(streams: bool) -> None:
    async def run() -> None:
        async with desk(bound=Serving) as here:
            first = await here.ask(asked(QUESTION, stream=not streams))
            hit = await here.ask(asked(SAME, stream=streams))
            assert (first.cache, hit.cache) == ("miss", "semantic")
            assert hit.streamed == streams
            assert hit.text == first.text
            assert hit.journey.hit is not None
            assert hit.journey.cost == 0
            assert here.calls == 1

    asyncio.run(run())


def test_other_questions_are_misses() -> None:
    async def run() -> None:
        async with desk(bound=Serving) as here:
            await here.ask(asked(QUESTION))
            assert (await here.ask(asked(OTHER))).cache == "miss"

    asyncio.run(run())


def bypassed(request: Any) -> tuple[str | None, dict[str, int], int]:
    async def run() -> tuple[str | None, dict[str, int], int]:
        async with desk(bound=Serving) as here:
            got = await here.ask(request)
            status = here.cache.status()
            return got.cache, dict(status.bypasses), status.held.entries

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (asked("What is the latest release?"), FRESH),
        (asked("Who is the CURRENT president?"), FRESH),
        (asked("What's today's menu?"), FRESH),
        (asked([{"type": "image_url", "image_url": {"url": "x"}}]), NO_TEXT),
        (asked("  "), NO_TEXT),
        (asked("a long text " * 500), TOO_LONG),
        (asked(QUESTION, temperature=0.7), "nondeterministic"),
        (asked(QUESTION, n=2), "nondeterministic"),
        (asked(QUESTION, store=True), "provider_state"),
        (asked(QUESTION, control="no-store"), "no_store"),
        (
            asked(
                QUESTION,
                messages=[
                    {"role": "user", "content": QUESTION},
                    {"role": "assistant", "tool_calls": []},
                    {"role": "tool", "content": "12", "tool_call_id": "a"},
                ],
            ),
            NO_QUESTION,
        ),
    ],
)
def test_bypasses(request_: Any, reason: str) -> None:
    assert bypassed(request_) == ("bypass", {reason: 1}, 0)


def test_no_cache_is_asked_afresh_and_kept() -> None:
    cache, reasons, held = bypassed(asked(QUESTION, control="no-cache"))
    assert (cache, reasons, held) == ("bypass", {"no_cache": 1}, 1)


def test_words_of_the_users_own_are_fresh_too() -> None:
    async def run() -> None:
        terms = structs.replace(QUICK, fresh_words=("heute", "stock level"))
        async with desk(bound=Serving, terms=terms) as here:
            assert (await here.ask(asked("Was gibt es HEUTE?"))).cache == "bypass"
            assert (await here.ask(asked("Which stock  level have we?"))).cache == "bypass"
            assert (await here.ask(asked("Was gibt es?"))).cache == "miss"

    asyncio.run(run())


def test_answers_grow_old(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with desk(
            bound=Serving, terms=structs.replace(QUICK, answers=ExactTerms(ttl=60.0))
        ) as here:
            await here.ask(asked(QUESTION))
            later = time.time() + 30.0
            monkeypatch.setattr(time, "time", lambda: later)
            assert (await here.ask(asked(SAME, control="max-age=10"))).cache == "miss"
            assert (await here.ask(asked(QUESTION))).cache == "semantic"
            much_later = later + 61.0
            monkeypatch.setattr(time, "time", lambda: much_later)
            assert (await here.ask(asked(QUESTION))).cache == "miss"

    asyncio.run(run())


CALLED = {"id": "c", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}


@pytest.mark.parametrize(
    "reply",
    [
        chat.completion("strong", None, message={"tool_calls": [CALLED]}),
        chat.completion("strong", "{}", finish_reason="length"),
        chat.completion("strong", "{}", message={"refusal": "No."}),
        chat.completion("strong", "x" * 300_000),
    ],
)
def test_answers_that_must_not_be_given_again_are_not_kept(reply: bytes) -> None:
    async def run() -> None:
        async with desk(bound=Serving, reply=reply) as here:
            for _ in range(2):
                assert (await here.ask(asked(QUESTION))).cache == "miss"
            assert here.cache.status().unstorable == 2
            assert here.cache.status().held.entries == 0

    asyncio.run(run())


def test_a_reported_hit_goes_with_its_neighbours_and_counts() -> None:
    async def run() -> None:
        async with desk(bound=Verifying) as here:
            await here.ask(asked("How do I reset my password?"))
            await here.ask(asked("How do I reset the password?"))
            await here.ask(asked(OTHER))
            assert here.cache.status().held.entries == 3
            here.cache.bounds[ROUTE] = Serving(QUICK.bound)
            hit = (await here.ask(asked("How do I reset my password"))).journey.hit
            assert hit is not None
            assert await here.cache.report(hit.id)
            assert not await here.cache.report(hit.id)
            assert here.cache.status().held.entries == 1
            assert here.cache.status().reported == 1
            assert (await here.ask(asked("How do I reset my password"))).cache == "miss"

    asyncio.run(run())


def test_forget_and_purge() -> None:
    async def run() -> None:
        async with desk(bound=Serving) as here:
            await here.ask(asked(QUESTION))
            hit = (await here.ask(asked(SAME))).journey.hit
            assert hit is not None
            assert await here.cache.forget(hit.id)
            assert not await here.cache.forget(hit.id)
            await here.ask(asked(QUESTION))
            assert await here.cache.purge() == 1
            assert (await here.ask(asked(SAME))).cache == "miss"

    asyncio.run(run())


class Failing:
    """An embedder that is down."""

    name = "failing"
    dimensions = 4
    most_tokens = 10
    quick = False

    async def embed(self, texts: Sequence[str]) -> Vectors:
        raise EmbeddingFailed("It is down.")


def test_a_failing_embedder_makes_misses() -> None:
    async def run() -> None:
        async with desk(bound=Serving, embedder=Failing()) as here:
            for _ in range(2):
                assert (await here.ask(asked(QUESTION))).cache == "miss"
            assert here.cache.status().failures == 2
            assert here.calls == 2

    asyncio.run(run())


def test_entries_are_bounded_in_number_and_in_bytes() -> None:
    async def run() -> None:
        texts = [pair.a for pair in generate(40, seed=3)]
        async with desk(bound=Verifying, most=5) as here:
            for text in texts:
                await here.ask(asked(text))
            assert here.cache.status().held.entries <= 5
            assert (here.cache.status().held.evicted or 0) > 20
        async with desk(bound=Verifying, entries=MemoryEntries(8_000)) as here:
            for text in texts:
                await here.ask(asked(text))
            status = here.cache.status()
            assert status.held.size <= 8_000
            assert (await here.cache._shelf.index.size()).entries == status.held.entries

    asyncio.run(run())


def test_what_was_learned_survives_a_restart_under_the_same_terms(tmp_path: Path) -> None:
    evidence = EvidenceFile(tmp_path / "new" / "semantic.json")

    async def learn(number: int, terms: Any = QUICK) -> str:
        async with desk(same_answer, terms=terms, evidence=evidence) as here:
            for place in range(number):
                await here.ask(asked(SAME if place % 2 else QUESTION, request_id=f"r{place}"))
            return here.cache.status().routes[ROUTE].phase

    assert asyncio.run(learn(100)) == "certified"
    assert QUESTION.encode() not in evidence.path.read_bytes()
    assert asyncio.run(learn(0)) == "certified"
    stricter = structs.replace(QUICK, bound=BoundTerms(max_error=0.2, tuning=20))
    assert asyncio.run(learn(0, stricter)) == "tuning"
    evidence.path.write_bytes(b"{")
    assert asyncio.run(learn(0)) == "tuning"


def test_a_report_is_saved_as_what_was_learned_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "SAVE_EVERY", 0.0)

    async def run() -> None:
        evidence = EvidenceFile(tmp_path / "semantic.json")
        async with desk(bound=Serving, evidence=evidence) as here:
            await here.ask(asked(QUESTION))
            hit = (await here.ask(asked(SAME))).journey.hit
            assert hit is not None
            assert not evidence.path.exists()
            assert await here.cache.report(hit.id)
            await asyncio.to_thread(wait_until, evidence.path.exists, "it is saved")

    asyncio.run(run())


def test_other_terms_keep_what_still_holds() -> None:
    async def run() -> None:
        async with desk(same_answer) as here:
            for place in range(100):
                await here.ask(asked(SAME if place % 2 else QUESTION, request_id=f"r{place}"))
            bound = here.cache.bounds[ROUTE]
            assert bound.phase == "certified"
            here.cache.apply({ROUTE: structs.replace(QUICK, most_text=30)})
            assert here.cache.bounds[ROUTE] is bound
            assert (await here.ask(asked("What about all these other words here?"))).cache == (
                "bypass"
            )
            here.cache.apply({ROUTE: structs.replace(QUICK, floor=0.8), "other": QUICK})
            assert here.cache.bounds[ROUTE].phase == "tuning"
            assert here.cache.bounds.keys() == {ROUTE, "other"}
            here.cache.apply({})
            assert (await here.ask(asked(QUESTION))).cache is None

    asyncio.run(run())


def test_what_another_model_answered_is_neither_kept_nor_learned_from() -> None:
    """The route's first rung is not what answers here: another stands in for it."""

    async def run() -> None:
        async with desk(same_answer, bound=Verifying) as here:
            await here.ask(asked(QUESTION))
            fleet: Any = here.pipeline.fleet
            fleet.endpoints["strong"].model = "another"
            await here.ask(asked(SAME))
            status = here.cache.status()
            assert (status.right, status.skipped, status.unstorable) == (0, 1, 1)

    asyncio.run(run())


def test_before_and_after_nothing_is_cached() -> None:
    async def run() -> None:
        async with desk(bound=Serving) as here:
            await here.ask(asked(QUESTION))
        assert (await here.ask(asked(QUESTION))).cache is None

    asyncio.run(run())


asks = st.tuples(
    st.sampled_from([QUESTION, SAME, "How to reset the password?", OTHER]),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(["", "Be kind.", "Be brief."]),
    st.sampled_from([None, "one", "two"]),
)


@given(st.lists(asks, min_size=2, max_size=25))
@settings(max_examples=60, deadline=None)
def test_never_a_hit_across_tenants_prompts_or_tools(sequence: list[Any]) -> None:
    """Every would-be hit is served here. Answers tell for whom and to what they were made."""
    seen: dict[str, Any] = {}

    async def run() -> None:
        async with desk(lambda body: json.encode(seen).decode(), bound=Serving) as here:
            made = set[Any]()
            for text, tenant, system, tool in sequence:
                tools = [{"type": "function", "function": {"name": tool}}] if tool else None
                more: dict[str, Any] = {} if tools is None else {"tools": tools}
                seen.update(tenant=tenant, system=system, tool=tool)
                got = await here.ask(asked(text, tenant=tenant, system=system, **more))
                assert json.decode(got.text) == seen
                place = (tenant, system, tool)
                if text == OTHER:
                    continue
                assert got.cache == ("semantic" if place in made else "miss")
                made.add(place)

    asyncio.run(run())


class During:
    """The static embedder, in whose midst something happens."""

    name = static().name
    dimensions = static().dimensions
    most_tokens = static().most_tokens
    quick = False

    def __init__(self, happens: Callable[[], object]) -> None:
        self._happens = happens

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self._happens()
        return static().vectors(texts)


def test_a_route_that_is_dropped_during_a_look_is_looked_up_to_the_end() -> None:
    async def run() -> None:
        happens: list[Callable[[], object]] = []
        embedder = During(lambda: [each() for each in happens])
        async with desk(bound=Serving, embedder=embedder) as here:
            await here.ask(asked(QUESTION))
            happens.append(lambda: here.cache.apply({}))
            assert (await here.ask(asked(SAME))).cache == "semantic"
            assert (await here.ask(asked(SAME))).cache is None

    asyncio.run(run())


def test_an_embedder_with_a_fault_of_its_own_makes_misses() -> None:
    def fault() -> None:
        raise RuntimeError("a fault")

    async def run() -> None:
        async with desk(bound=Serving, embedder=During(fault)) as here:
            assert (await here.ask(asked(QUESTION))).cache == "miss"
            assert here.cache.status().failures == 1

    asyncio.run(run())


def test_what_was_verified_under_other_terms_is_no_evidence() -> None:
    async def run() -> None:
        class Applying:
            async def compare(self, *given: Any) -> Comparison:
                here.cache.apply({ROUTE: structs.replace(QUICK, floor=0.8)})
                return "right"

        async with desk(bound=Verifying, comparer=Applying()) as here:
            for text in (QUESTION, SAME):
                await here.ask(asked(text))
            assert here.cache.status().right == 1
            assert here.cache.bounds[ROUTE].state.rows == []

    asyncio.run(run())


def test_a_use_that_cannot_be_noted_is_a_hit_all_the_same() -> None:
    class Unnoted(MemoryIndex):
        async def hit(self, partition: str, entry: str) -> None:
            raise IndexUnavailable("It takes no writes.")

    async def run() -> None:
        async with desk(bound=Serving, index=Unnoted(static().dimensions, 100)) as here:
            await here.ask(asked(QUESTION))
            assert (await here.ask(asked(SAME))).cache == "semantic"
            assert here.cache.status().failures == 1

    asyncio.run(run())
