"""Answers become entries beside the requests; what has no room, or cannot be read, lands."""

import asyncio
import logging
from typing import Any

import pytest

from stepdown.caching.exact import keeping
from stepdown.caching.exact.breaker import Breaker
from stepdown.caching.exact.entry import Seal
from stepdown.caching.exact.flights import Flights, Landing
from stepdown.caching.exact.keeping import Given, Keeping, Lead
from stepdown.caching.exact.memory import MemoryStore
from stepdown.caching.exact.tally import Tally
from stepdown.caching.exact.terms import ExactTerms
from stepdown.caching.exact.write_behind import WriteBehind
from stepdown.caching.key import Key
from stepdown.providers.openai import OpenAIDialect
from stepdown.quality.shadow.kept import Answer
from support import chat

UNSTORABLE = Landing(answered=True)


class Place:
    def __init__(self, transcripts: Any = None) -> None:
        self.flights, self.tally = Flights(), Tally()
        self.writes = WriteBehind(Breaker(MemoryStore(10_000_000)))
        self.keeping = Keeping(
            transcripts or OpenAIDialect(), Seal(), self.flights, self.writes, self.tally
        )

    async def give(self, name: str, data: bytes | None) -> "asyncio.Task[Landing | None]":
        """Hand in an answer to a request for which another waits; how that one's wait ends."""
        key = Key(name.encode() * 32)
        assert self.flights.begin(key)
        waiting = asyncio.create_task(self.flights.wait(key, 5.0))
        await asyncio.sleep(0)
        lead = Lead(key, ExactTerms(most_entry=200_000), flies=True)
        self.keeping.keep(Given(lead, Answer(data), "m", None, 1.0))
        return waiting


@pytest.mark.parametrize("length", [10, keeping.INLINE + 10])
def test_an_answer_becomes_an_entry_whoever_reads_it(length: int) -> None:
    async def run() -> None:
        place, body = Place(), chat.completion("m", "x" * length)
        task = asyncio.create_task(place.keeping.run())
        waiting = await place.give("a", body)
        await place.keeping.drained()
        landing = await waiting
        assert landing is not None
        assert landing.entry is not None
        assert (landing.entry.body, landing.entry.stored) == (body, 1.0)
        assert place.writes.get(Key(b"a" * 32).id) == landing.entry
        task.cancel()

    asyncio.run(run())


@pytest.mark.parametrize("data", [None, b"", b"{}", b"\xff", chat.completion("m", "x" * 300_000)])
def test_what_is_no_answer_to_give_again_lands_all_the_same(data: bytes | None) -> None:
    async def run() -> None:
        place = Place()
        task = asyncio.create_task(place.keeping.run())
        assert await (await place.give("a", data)) == UNSTORABLE
        assert place.tally.unstorable == 1
        task.cancel()

    asyncio.run(run())


def test_the_queue_is_bounded_in_number_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "QUEUE_BYTES", 1000)

    async def run() -> None:
        place = Place()
        landings = [await place.give(chr(97 + n), bytes(300)) for n in range(5)]
        assert place.tally.dropped == 2
        assert await asyncio.gather(*landings[3:]) == [UNSTORABLE] * 2
        place.keeping.stop()
        assert place.tally.dropped == 5
        assert await asyncio.gather(*landings) == [UNSTORABLE] * 5
        assert len(place.flights) == 0
        await place.keeping.drained()

    asyncio.run(run())


def test_a_surprise_is_logged_and_the_next_one_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    class Surprising(OpenAIDialect):
        surprises = 1

        def transcript(self, *, streamed: bool, hide_logprobs: bool) -> Any:
            if self.surprises:
                self.surprises -= 1
                raise LookupError("what nobody thought of")
            return super().transcript(streamed=streamed, hide_logprobs=hide_logprobs)

    async def run() -> None:
        place = Place(Surprising())
        task = asyncio.create_task(place.keeping.run())
        assert await (await place.give("a", chat.completion("m"))) == UNSTORABLE
        landing = await (await place.give("b", chat.completion("m")))
        assert landing is not None
        assert landing.entry is not None
        task.cancel()

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert "could not be kept" in caplog.text
