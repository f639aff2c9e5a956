"""Single flight: of the same requests at once one is asked, and the others get what it gets."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from msgspec import structs

from stepdown.caching.exact.flights import Flights, Landing, once_more
from stepdown.caching.exact.terms import ExactTerms
from stepdown.caching.key import Key
from stepdown.errors import (
    ContextWindowExceeded,
    ExtractionFailed,
    StepdownError,
    UpstreamFailed,
    UpstreamRefused,
)
from stepdown.types import Hit
from support import chat
from support.exact_caches import Desk, Got, asked, desk
from support.scripted import PAUSE, SILENCE, Ear, Reply, Upstream, Words

SLOW = (0.02,)


def caches(outcomes: list[Got | StepdownError]) -> Counter[str]:
    """How many got what: from the cache, from a call, or an error by its code."""
    return Counter(
        each.code if isinstance(each, StepdownError) else str(each.cache) for each in outcomes
    )


async def at_once(place: Desk, count: int, **extra: Any) -> Counter[str]:
    return caches(await place.outcomes(*(asked(**extra) for _ in range(count))))


@pytest.mark.parametrize("streams", [False, True])
def test_a_hundred_misses_make_one_call(streams: bool) -> None:
    async def run() -> None:
        async with desk(Upstream("strong", Words("yes", SLOW))) as place:
            mixed = [asked(stream=streams if n % 2 else not streams) for n in range(100)]
            outcomes = await place.outcomes(*mixed)
            assert caches(outcomes) == {"miss": 1, "exact": 99}
            assert {each.text for each in outcomes if isinstance(each, Got)} == {"yes"}
            assert place.calls == 1
            assert (place.cache.status().shared, place.cache.status().waiting) == (99, 0)

    asyncio.run(run())


def test_two_hundred_clients_get_each_the_answer_to_their_own_request() -> None:
    async def run() -> None:
        words = [Words(f"w{n}", (0.001 * (n % 7),)) for n in range(20)]
        async with desk(Upstream("strong", *words)) as place:
            answers: dict[str, set[str]] = {}

            async def client(number: int) -> None:
                for turn in range(20):
                    question = f"q{(number + turn) % 20}"
                    got = await place.ask(asked(question, stream=(number + turn) % 3 == 0))
                    answers.setdefault(question, set()).add(got.text)

            await asyncio.gather(*map(client, range(200)))
            asked_for = [each["messages"][0]["content"] for each in place.upstream.asked]
            assert sorted(asked_for) == sorted(answers)  # each once
            assert all(len(texts) == 1 for texts in answers.values())
            assert len(set.union(*answers.values())) == 20
            status = place.cache.status()
            assert (status.hits, status.misses) == (200 * 20 - 20, 20)

    asyncio.run(run())


def test_who_comes_while_the_answer_is_written_is_not_asked_again() -> None:
    async def run() -> None:
        async with desk(Upstream("strong", Words("yes", (PAUSE,)))) as place:
            first = asyncio.create_task(place.ask())
            for _ in range(12):  # at every step of the first one's way
                later = asyncio.create_task(place.ask())
                await asyncio.sleep(0)
                assert (await later).cache in ("exact", "miss")
            await first
            assert place.calls == 1

    asyncio.run(run())


def test_a_failure_that_would_meet_everybody_is_everybodys() -> None:
    async def run() -> None:
        refused = UpstreamRefused("The field is wrong.", param="seed")
        slow = Reply(b"", 0.02, refused)
        async with desk(Upstream("strong", slow)) as place:
            outcomes = await place.outcomes(*[asked()] * 20)
            assert caches(outcomes) == {"upstream_refused": 20}
            assert {(e.message, e.param) for e in outcomes if isinstance(e, StepdownError)} == {
                ("The field is wrong.", "seed")
            }
            assert len({id(each) for each in outcomes}) == 20
            assert place.calls == 1

    asyncio.run(run())


@pytest.mark.parametrize("streams", [False, True])
def test_after_a_failure_that_may_pass_one_of_them_tries_again(streams: bool) -> None:
    async def run() -> None:
        failing = Reply(b"", 0.01, UpstreamFailed("no"))
        async with desk(Upstream("strong", failing, Words("yes", SLOW))) as place:
            got = await at_once(place, 50, stream=streams)
            assert got == {"upstream_failed": 1, "miss": 1, "exact": 48}
            assert place.calls == 2

    asyncio.run(run())


def test_a_failing_upstream_is_asked_by_one_at_a_time() -> None:
    async def run() -> None:
        under_way = most = 0

        class Counted(Upstream):
            async def send(self, *args: Any, **options: Any) -> Any:
                nonlocal under_way, most
                under_way += 1
                most = max(most, under_way)
                try:
                    await asyncio.sleep(0.001)
                    raise UpstreamFailed("no")
                finally:
                    under_way -= 1

        async with desk(Counted("strong")) as place:
            assert await at_once(place, 30) == {"upstream_failed": 30}
            assert most == 1

    asyncio.run(run())


def test_after_a_client_that_went_away_one_of_them_tries_again() -> None:
    async def run() -> None:
        async with desk(Upstream("strong", Reply(SILENCE), Words("yes", SLOW))) as place:
            leader = asyncio.create_task(place.ask())
            await asyncio.sleep(0)
            rest = asyncio.create_task(at_once(place, 10))
            await asyncio.sleep(0.01)
            leader.cancel()
            assert await rest == {"miss": 1, "exact": 9}
            assert place.calls == 2
            with pytest.raises(asyncio.CancelledError):
                await leader

    asyncio.run(run())


def test_a_waiter_that_goes_away_disturbs_nobody() -> None:
    async def run() -> None:
        async with desk(Upstream("strong", Words("yes", SLOW))) as place:
            tasks = [asyncio.create_task(place.ask()) for _ in range(5)]
            await asyncio.sleep(0)
            tasks[2].cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            found = [each.cache for each in done if isinstance(each, Got)]
            assert found == ["miss", "exact", "exact", "exact"]
            assert place.cache.status().waiting == 0
            assert place.calls == 1

    asyncio.run(run())


def test_answers_that_must_not_be_given_again_are_not_waited_for_for_ever() -> None:
    cut = [Reply(0.01, chat.completion("m", f"{n}", finish_reason="length")) for n in range(50)]

    async def run() -> None:
        async with desk(Upstream("strong", *cut)) as place:
            outcomes = await place.outcomes(*[asked()] * 50)
            assert caches(outcomes) == {"miss": 50}
            assert len({each.text for each in outcomes if isinstance(each, Got)}) == 50
            assert place.calls == 50

    asyncio.run(run())


def test_who_waited_long_enough_is_asked_alone() -> None:
    async def run() -> None:
        stuck = Reply(SILENCE)
        terms = ExactTerms(wait=0.02)
        async with desk(Upstream("strong", stuck, Words("yes")), terms=terms) as place:
            leader = asyncio.create_task(place.ask())
            await asyncio.sleep(0)
            got = await place.ask()
            assert (got.cache, got.text) == ("miss", "yes")
            await place.settled()
            leader.cancel()
            assert (await place.ask()).cache == "exact"  # what was asked alone is kept as well
            assert isinstance((await place.ask()).journey.hit, Hit)

    asyncio.run(run())


def test_an_older_answer_for_the_others_is_none_for_who_wants_a_fresh_one() -> None:
    async def run() -> None:
        async with desk(Upstream("strong", Words("old"), Words("new"))) as place:
            await place.ask()
            await place.settled()
            await asyncio.sleep(0.005)
            fresh = asked(control="max-age=0")
            outcomes = await place.outcomes(asked(), fresh, asked())
            texts = [each.text for each in outcomes if isinstance(each, Got)]
            assert texts[:2] == ["old", "new"]
            assert place.calls == 2

    asyncio.run(run())


def test_a_stream_that_is_slow_to_read_holds_nobody_up_once_it_is_whole() -> None:
    async def run() -> None:
        async with desk(Upstream("strong", Words("a b c"))) as place:
            slow = asyncio.create_task(place.ask(asked(stream=True), Ear(0.01, 0.01, 0.01)))
            await asyncio.sleep(0)
            other = await place.ask(asked())
            assert (other.cache, other.text) == ("exact", "abc")
            assert slow.done()  # an answer is whole when its client has it

    asyncio.run(run())


def test_tenants_do_not_fly_together() -> None:
    async def run() -> None:
        async with desk(Upstream("strong", *[Words(f"w{n}", SLOW) for n in range(5)])) as place:
            requests = [structs.replace(asked(), tenant=f"t{n % 5}") for n in range(50)]
            outcomes = await place.outcomes(*requests)
            by_tenant: dict[str, set[str]] = {}
            for request, each in zip(requests, outcomes, strict=True):
                assert isinstance(each, Got)
                by_tenant.setdefault(request.tenant, set()).add(each.text)
            assert place.calls == 5
            assert all(len(texts) == 1 for texts in by_tenant.values())
            assert len(set.union(*by_tenant.values())) == 5

    asyncio.run(run())


def test_nothing_is_held_of_requests_that_are_over() -> None:
    async def run() -> None:
        async with desk(Upstream("strong", UpstreamFailed("no"), Words("yes"))) as place:
            await place.outcomes(*[asked(f"{n}", n=1 + n % 2) for n in range(20)])
            await place.settled()
            assert place.cache.status().waiting == 0
            assert not place.cache._leads

    asyncio.run(run())


def test_the_first_flies_and_the_others_wait() -> None:
    async def run() -> None:
        flights, key = Flights(), Key(b"k" * 32)
        assert flights.begin(key)
        assert not flights.begin(key)
        assert await flights.wait(key, 0.0) is None
        waiting = asyncio.create_task(flights.wait(key, 1.0))
        await asyncio.sleep(0)
        landing = Landing(answered=True)
        flights.land(key, landing)
        flights.land(key, landing)  # has landed
        assert await waiting is landing
        assert len(flights) == 0

    asyncio.run(run())


def test_an_error_once_more_is_the_same_in_all_but_its_traceback() -> None:
    refused = ContextWindowExceeded("Too long.", param="messages")
    refused.status, refused.upstream_status = 413, 413
    same = once_more(refused)
    assert same is not refused
    assert type(same) is ContextWindowExceeded
    assert (str(same), same.param, same.status) == ("Too long.", "messages", 413)
    failed = once_more(ExtractionFailed("no", model="m", cost=None, attempts=()))
    assert isinstance(failed, ExtractionFailed)
    assert failed.message == "no"
