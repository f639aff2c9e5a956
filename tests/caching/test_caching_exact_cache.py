"""The exact cache before a real pipeline: what is answered again, what is not, and how."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, structs

from stepdown.caching.exact.cache import INLINE, ExactCache
from stepdown.caching.exact.memory import MemoryStore
from stepdown.caching.exact.store import Record
from stepdown.caching.exact.terms import ExactTerms
from stepdown.errors import StepdownError, UpstreamFailed
from stepdown.providers.openai import OpenAIDialect
from stepdown.types import Journey, ToolCall
from support import chat
from support.exact_caches import ROUTE, Broken, Desk, Got, asked, desk
from support.scripted import Ear, Reply, Upstream, Words

TOOLS = [("spam_check", ['{"te', 'xt":"a"}']), ("log", ["{}"])]


async def twice(first: Any, second: Any, *answers: Any, **options: Any) -> tuple[Got, Got, Desk]:
    """Two requests, the second after the first one's answer is stored."""
    async with desk(Upstream("strong", *answers), **options) as place:
        one = await place.ask(first)
        await place.settled()
        return one, await place.ask(second), place


def test_the_same_request_is_answered_again_without_a_call() -> None:
    async def run() -> None:
        one, two, place = await twice(asked(), asked(), Words("yes"))
        assert (one.cache, two.cache) == ("miss", "exact")
        assert two.ear.heard == one.ear.heard  # byte for byte, odd spacing and all
        assert place.calls == 1
        hit = two.journey.hit
        assert hit is not None
        assert hit.model == "strong"
        assert hit.usage == one.journey.usage is not None
        assert one.journey.time <= hit.stored <= two.journey.time
        status = place.cache.status()
        assert (status.hits, status.misses, status.stored, status.shared) == (1, 1, 1, 0)

    asyncio.run(run())


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("second", [False, True])
def test_streams_and_bodies_stand_for_each_other(first: bool, second: bool) -> None:
    async def run() -> None:
        one, two, place = await twice(asked(stream=first), asked(stream=second), Words("so be it"))
        assert (one.streamed, two.streamed) == (first, second)
        assert (two.cache, place.calls) == ("exact", 1)
        assert two.text == one.text == "sobeit"
        assert two.choice.finish_reason == "stop"
        assert two.journey.hit is not None
        assert two.journey.hit.usage == one.journey.usage
        if second:
            assert two.ear.heard.endswith(chat.DONE)

    asyncio.run(run())


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("second", [False, True])
def test_tool_calls_stay_whole(first: bool, second: bool) -> None:
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": "".join(parts)}}
        for n, (name, parts) in enumerate(TOOLS)
    ]
    body = chat.completion("m", None, message={"tool_calls": calls}, finish_reason="tool_calls")
    events = chat.stream_of_calls("m", TOOLS, with_usage=True)

    async def run() -> None:
        answer = Reply(*events) if first else Reply(body)
        one, two, place = await twice(asked(stream=first), asked(stream=second), answer)
        assert (two.cache, place.calls) == ("exact", 1)
        assert two.choice.tool_calls == one.choice.tool_calls
        assert two.choice.tool_calls == (
            ToolCall("spam_check", '{"text":"a"}'),
            ToolCall("log", "{}"),
        )
        assert two.choice.finish_reason == "tool_calls"

    asyncio.run(run())


@pytest.mark.parametrize("wanted", [False, True])
def test_the_usage_ends_a_replayed_stream_where_it_was_asked_for(wanted: bool) -> None:
    async def run() -> None:
        options = {"include_usage": wanted}
        again = asked(stream=True, stream_options=options)
        _, two, _ = await twice(asked(stream=True), again, Words("yes"))
        assert two.cache == "exact"
        assert (b'"prompt_tokens":19' in two.ear.heard) is wanted

    asyncio.run(run())


def odd(**parts: Any) -> Reply:
    return Reply(chat.completion("m", **parts))


@pytest.mark.parametrize(
    "answer",
    [
        odd(finish_reason="length"),
        odd(finish_reason="content_filter"),
        odd(finish_reason=""),
        odd(content=None, message={"refusal": "I will not."}),
        odd(content="x" * 2000),
        Reply(b'{"choices":[],"usage":null}'),
        Reply(b'{"choices":[{"message":{"content":"?"}}]}'),
    ],
    ids=["length", "filter", "unended", "refusal", "large", "no choices", "no reason"],
)
def test_answers_that_are_not_whole_are_not_kept(answer: Reply) -> None:
    async def run() -> None:
        terms = ExactTerms(most_entry=1500)
        _, two, place = await twice(asked(), asked(), answer, Words("yes"), terms=terms)
        assert (two.cache, place.calls, two.text) == ("miss", 2, "yes")
        assert place.cache.status().unstorable == 1

    asyncio.run(run())


def test_one_choice_that_is_not_whole_spoils_them_all() -> None:
    reply = chat.completion("m", n=2).replace(b'"stop"', b'"length"', 1)

    async def run() -> None:
        terms = ExactTerms(nondeterministic=True)
        _, two, place = await twice(asked(n=2), asked(n=2), Reply(reply), terms=terms)
        assert (two.cache, place.calls) == ("miss", 2)

    asyncio.run(run())


@pytest.mark.parametrize("streams", [False, True])
def test_errors_and_broken_streams_are_not_kept(streams: bool) -> None:
    async def run() -> None:
        broken = Words("a b c", end=UpstreamFailed("no")) if streams else UpstreamFailed("no")
        async with desk(Upstream("strong", broken, Words("yes"))) as place:
            with pytest.raises(UpstreamFailed):
                await place.ask(asked(stream=streams))
            await place.settled()
            two = await place.ask(asked(stream=streams))
            assert (two.cache, two.text) == ("miss", "yes")
            await place.settled()
            assert place.cache.status().waiting == 0

    asyncio.run(run())


def test_an_answer_that_its_client_did_not_wait_for_is_not_kept() -> None:
    async def run() -> None:
        async with desk(Upstream("strong", Words("a b"), Words("yes"))) as place:
            with pytest.raises(asyncio.CancelledError):
                await place.ask(asked(stream=True), Ear(b"", asyncio.CancelledError()))
            await place.settled()
            assert (await place.ask(asked(stream=True))).text == "yes"

    asyncio.run(run())


PAST: Sequence[tuple[dict[str, Any], str]] = [
    ({"temperature": 0.7}, "nondeterministic"),
    ({"temperature": 1}, "nondeterministic"),
    ({"temperature": 0.7, "seed": 1}, "nondeterministic"),
    ({"n": 2}, "nondeterministic"),
    ({"store": True}, "provider_state"),
    ({"previous_response_id": "r1"}, "provider_state"),
    ({"web_search_options": {}}, "provider_tools"),
    ({"tools": [{"type": "web_search"}]}, "provider_tools"),
    ({"control": "no-store"}, "no_store"),
]


@pytest.mark.parametrize(("extra", "reason"), PAST)
def test_requests_that_go_past_the_cache(extra: dict[str, Any], reason: str) -> None:
    async def run() -> None:
        one, two, place = await twice(asked(**extra), asked(**extra))
        assert (one.cache, two.cache, place.calls) == ("bypass", "bypass", 2)
        status = place.cache.status()
        assert status.bypasses == {reason: 2}
        assert status.stored == 0

    asyncio.run(run())


def test_a_request_without_a_key_goes_past_the_cache() -> None:
    async def run() -> None:
        async with desk(Upstream("strong")) as place:
            journey = Journey(asked(seed=Raw(b"1e999")), 0.0, 0.0)
            assert await place.cache.look(journey) is None
            assert (journey.cache, place.cache.status().bypasses) == ("bypass", {"unreadable": 1})

    asyncio.run(run())


@pytest.mark.parametrize("extra", [{}, {"temperature": 0}, {"temperature": None}, {"n": 1}])
def test_requests_that_ask_for_no_variety_are_cached(extra: dict[str, Any]) -> None:
    async def run() -> None:
        _, two, place = await twice(asked(**extra), asked(**extra))
        assert (two.cache, place.calls) == ("exact", 1)

    asyncio.run(run())


@pytest.mark.parametrize("extra", [{"temperature": 0.7}, {"n": 2}])
def test_variety_is_cached_where_the_route_says_so(extra: dict[str, Any]) -> None:
    async def run() -> None:
        terms = ExactTerms(nondeterministic=True)
        _, two, place = await twice(asked(**extra), asked(**extra), terms=terms)
        assert (two.cache, place.calls) == ("exact", 1)

    asyncio.run(run())


def test_a_large_request_is_cached_like_any_other() -> None:
    async def run() -> None:
        large = "x" * (2 * INLINE)
        one, two, _ = await twice(asked(large), asked(large))
        assert (one.cache, two.cache) == ("miss", "exact")
        _, other, _ = await twice(asked(large), asked(large + "x"))
        assert other.cache == "miss"

    asyncio.run(run())


def test_no_cache_asks_afresh_and_keeps_the_answer() -> None:
    async def run() -> None:
        async with desk(Upstream("strong", Words("old"), Words("new"))) as place:
            await place.ask()
            await place.settled()
            fresh = await place.ask(asked(control="max-age=5, No-Cache"))
            await place.settled()
            after = await place.ask()
            assert [fresh.cache, after.cache] == ["bypass", "exact"]
            assert [fresh.text, after.text] == ["new", "new"]

    asyncio.run(run())


def test_max_age_is_the_oldest_answer_that_will_do() -> None:
    async def run() -> None:
        async with desk(Upstream("strong", Words("old"), Words("new"))) as place:
            await place.ask()
            await place.settled()
            will_do = await place.ask(asked(control="max-age=60"))
            await asyncio.sleep(0.01)
            too_old = await place.ask(asked(control="max-age=0"))
            await place.settled()
            assert [will_do.cache, too_old.cache, too_old.text] == ["exact", "miss", "new"]
            assert (await place.ask()).text == "new"

    asyncio.run(run())


def test_an_answer_is_given_again_for_as_long_as_the_terms_say() -> None:
    async def run() -> None:
        async with desk(Upstream("strong", Words("old"), Words("new"))) as place:
            await place.ask()
            await place.settled()
            place.cache.terms = {ROUTE: ExactTerms(ttl=0.001)}
            await asyncio.sleep(0.01)
            assert (await place.ask()).text == "new"

    asyncio.run(run())


@given(st.lists(st.sampled_from(["", "a", "b", "a "]), min_size=2, max_size=12))
def test_tenants_never_share(tenants: list[str]) -> None:
    async def run() -> None:
        async with desk(Upstream("strong")) as place:
            seen: set[str] = set()
            for tenant in tenants:
                got = await place.ask(asked(tenant=tenant))
                assert (got.cache == "exact") is (tenant in seen)
                seen.add(tenant)
                await place.settled()
            assert place.calls == len(seen)

    asyncio.run(run())


def test_a_route_without_terms_and_a_cache_that_is_closed_do_nothing() -> None:
    async def run() -> None:
        one, two, place = await twice(asked(), asked(), terms={})
        assert (one.cache, two.cache, place.calls) == (None, None, 2)
        assert (await place.ask()).cache is None
        unstarted = ExactCache(MemoryStore(1000), {ROUTE: ExactTerms()}, OpenAIDialect())
        assert await unstarted.look(one.journey) is None

    asyncio.run(run())


@pytest.mark.parametrize("silent", [False, True])
def test_a_store_that_fails_or_hangs_is_a_miss(silent: bool) -> None:
    async def run() -> None:
        store = Broken(silent=silent)
        async with desk(Upstream("strong"), store=store) as place:
            for _ in range(10):
                assert (await place.ask()).cache == "miss"
                await place.settled()
            status = place.cache.status()
            assert (status.misses, status.stored) == (10, 0)
            assert status.failures == store.calls == 3  # after these the breaker spares it
            assert status.skipped > 0
            assert status.error

    asyncio.run(run())


def test_damaged_entries_are_misses_and_counted() -> None:
    async def run() -> None:
        store = MemoryStore(100_000)
        async with desk(Upstream("strong"), store=store) as place:
            await place.ask()
            await place.settled()
            hit = (await place.ask()).journey.hit
            assert hit is not None
            whole = await store.get(hit.id)
            assert whole is not None
            for damaged in (whole[:-1], b"", b"\x02" + whole[1:], whole.replace(b"fine", b"evil")):
                await store.put([Record(hit.id, damaged, 60)])
                assert (await place.ask()).cache == "miss"
                await place.settled()
                assert (await place.ask()).cache == "exact"
            assert place.cache.status().damaged == 4

    asyncio.run(run())


def test_what_a_rule_answered_is_not_given_again_once_it_has_tripped() -> None:
    async def run() -> None:
        held: set[str] = set()
        terms = ExactTerms(held=lambda: held)
        async with desk(Upstream("strong", Words("cheap"), Words("strong")), terms=terms) as place:
            await place.ask()
            await place.settled()
            held.add("short-label")
            tripped = await place.ask()
            await place.settled()
            again = await place.ask()
            assert [tripped.cache, again.cache] == ["miss", "exact"]
            assert [tripped.text, again.text] == ["strong", "strong"]

    asyncio.run(run())


def test_an_entry_can_be_forgotten_and_all_of_them_purged() -> None:
    async def run() -> None:
        async with desk(Upstream("strong")) as place:
            await place.ask(asked("a"))
            await place.ask(asked("b"))
            await place.settled()
            hit = (await place.ask(asked("a"))).journey.hit
            assert hit is not None
            assert (await place.cache.stats()).entries == 2
            assert await place.cache.forget(hit.id)
            assert not await place.cache.forget(hit.id)
            assert (await place.ask(asked("a"))).cache == "miss"
            await place.settled()
            assert await place.cache.purge() == 2
            assert (await place.ask(asked("b"))).cache == "miss"

    asyncio.run(run())


def test_an_error_raised_before_any_call_lands_the_flight() -> None:
    async def run() -> None:
        async with desk(Upstream("strong"), terms={"nobody": ExactTerms()}) as place:
            unknown = structs.replace(asked(), route="nobody")
            outcomes = await place.outcomes(*[unknown] * 3)
            assert {type(each).__name__ for each in outcomes} == {"UnknownModel"}
            assert all(isinstance(each, StepdownError) for each in outcomes)
            assert place.cache.status().waiting == 0

    asyncio.run(run())
