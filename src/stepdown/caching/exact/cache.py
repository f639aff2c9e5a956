"""The exact cache: answers a request as the same one was answered before.

look ── to be cached? ─ key ─ under way? wait ─ the store ── a hit, or a miss
listen ─ a miss: the client's answer is kept as it goes by
offer ── answered? ─ queue ── whole, not refused? ─ whoever waits gets it ─ the store
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

from stepdown.caching.control import cache_control
from stepdown.caching.exact.breaker import Breaker
from stepdown.caching.exact.entry import Entry, Seal
from stepdown.caching.exact.flights import UNSTORABLE, Flights, Landing, once_more
from stepdown.caching.exact.keeping import Given, Keeping, Lead
from stepdown.caching.exact.storable import (
    NO_CACHE,
    NO_STORE,
    UNREADABLE,
    as_stream,
    is_of_its_own,
    reason_against,
)
from stepdown.caching.exact.store import Store, StoreStats
from stepdown.caching.exact.tally import Status, Tally
from stepdown.caching.exact.terms import ExactTerms
from stepdown.caching.exact.write_behind import WriteBehind
from stepdown.caching.key import Key, Unkeyable, key_of
from stepdown.errors import StepdownError, UpstreamMalformed
from stepdown.ports import Client
from stepdown.quality.shadow.kept import Kept, Transcripts
from stepdown.types import Hit, Journey, Request

FRUITLESS = 2
"""After so many answers to the same request that must not be given again, nobody waits for more."""
INLINE = 262_144
"""Bytes: a longer request's key is made in a thread."""
_WITH_EVENTS = 8
"""A stream is so many times as long as its answer; what is longer is not kept."""
_NOTHING = Landing()


class ExactCache:
    """Implements ``ports.Cache`` for the routes and models that have terms, by name.

    ``transcripts`` reads what clients are given; a ``ports.Dialect`` does. ``secret`` seals the
    entries of a store that others can write to. To be started and closed on the event loop that
    serves; before and after, nothing is cached.
    """

    name: Literal["exact"] = "exact"

    def __init__(
        self,
        store: Store,
        terms: Mapping[str, ExactTerms],
        transcripts: Transcripts,
        *,
        secret: bytes = b"",
    ) -> None:
        self.store = store
        self.terms = terms
        self._transcripts = transcripts
        self._seal = Seal(secret)
        self._breaker = Breaker(store)
        self._writes = WriteBehind(self._breaker)
        self._flights = Flights()
        self._tally = Tally()
        self._keeping = Keeping(transcripts, self._seal, self._flights, self._writes, self._tally)
        self._leads: dict[int, Lead] = {}
        self._tasks: list[asyncio.Task[None]] = []

    # ── the request path ─────────────────────────────────────────────────────────────────────

    async def look(self, journey: Journey) -> Hit | None:
        """A stored answer, or that of the same request under way. Raises what ended that one where
        it would end this one too."""
        request = journey.request
        terms = self.terms.get(request.target)
        if terms is None or not self._tasks:
            return None
        control = cache_control(request.headers.get("cache-control"))
        key = NO_STORE if control.no_store else await _key(request, terms)
        if isinstance(key, str):
            self._bypass(journey, key)
            return None
        if control.no_cache:
            self._lead(journey, key, terms, flies=False)
            self._bypass(journey, NO_CACHE)
            return None
        oldest = terms.ttl if control.max_age is None else min(terms.ttl, control.max_age)
        entry = await self._find(journey, key, terms, oldest)
        hit = None if entry is None else self._hit(request, key, entry)
        if hit is None:
            self._tally.misses += 1
            journey.cache = "miss"
        else:
            self._tally.hits += 1
            journey.cache, journey.hit = "exact", hit
        return hit

    def listen(self, journey: Journey, client: Client) -> Client:
        """The client itself, unless its answer may fill the cache."""
        lead = self._leads.get(id(journey))
        if lead is None:
            return client
        lead.kept = Kept(client, _WITH_EVENTS * lead.terms.most_entry)
        return lead.kept

    def offer(self, journey: Journey) -> None:
        """Queue the answer where there is one, and end the flight. Raises nothing."""
        lead = self._leads.pop(id(journey), None)
        if lead is None:
            return
        given = self._given(journey, lead)
        if isinstance(given, Given):
            self._keeping.keep(given)
        elif lead.flies:
            self._flights.land(lead.key, given)

    def _given(self, journey: Journey, lead: Lead) -> Given | Landing:
        """The answer to be kept, or how the flight ends without one."""
        served, decision = journey.served, journey.decision
        if journey.outcome != "answered":
            return _failed(journey)
        if not self._tasks:
            return _NOTHING
        if journey.hit is not None or served is None or decision is None or lead.kept is None:
            return UNSTORABLE
        if not is_of_its_own(served, decision, lead.terms):
            self._tally.unstorable += 1
            return UNSTORABLE
        return Given(lead, lead.kept.taken(), served.model, journey.usage, time.time())

    def _bypass(self, journey: Journey, reason: str) -> None:
        self._tally.bypasses[reason] += 1
        journey.cache = "bypass"

    def _lead(self, journey: Journey, key: Key, terms: ExactTerms, *, flies: bool) -> None:
        self._leads[id(journey)] = Lead(key, terms, flies)

    # ── finding an answer ────────────────────────────────────────────────────────────────────

    async def _find(
        self, journey: Journey, key: Key, terms: ExactTerms, oldest: float
    ) -> Entry | None:
        """An answer no older than that, in seconds; None where this request is to be asked.

        Whoever comes first looks into the store, too, for all who come meanwhile.
        """
        deadline = time.monotonic() + terms.wait
        fruitless = 0
        while not self._flights.begin(key):
            landing = await self._flights.wait(key, deadline - time.monotonic())
            if landing is not None and landing.error is not None:
                raise once_more(landing.error)
            entry = None if landing is None else landing.entry
            if entry is not None and _is_fresh(entry, journey, oldest):
                self._tally.shared += entry.stored >= journey.time
                return entry
            fruitless += landing is not None and landing.answered
            if landing is None or fruitless == FRUITLESS:
                self._lead(journey, key, terms, flies=False)
                return None
        self._lead(journey, key, terms, flies=True)
        entry = self._writes.get(key.id) or await self._stored(key)
        if entry is None or not _is_fresh(entry, journey, oldest):
            return None
        del self._leads[id(journey)]
        self._flights.land(key, Landing(entry))
        return entry

    async def _stored(self, key: Key) -> Entry | None:
        value = await self._breaker.get(key.id)
        if value is None:
            return None
        entry = self._seal.open(key, value)
        self._tally.damaged += entry is None
        return entry

    def _hit(self, request: Request, key: Key, entry: Entry) -> Hit | None:
        body = entry.body
        if request.streams:
            try:
                body = as_stream(self._transcripts, body, with_usage=request.prompt.wants_usage)
            except UpstreamMalformed:
                self._tally.damaged += 1
                return None
        return Hit(key.id, body, entry.model, entry.usage, entry.stored)

    # ── the owner's side ─────────────────────────────────────────────────────────────────────

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not closed."""
        return bool(self._tasks)

    def start(self) -> None:
        """Begin to cache. To be called on the event loop."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(each.run()) for each in (self._keeping, self._writes)]

    async def aclose(self, grace: float = 1.0) -> None:
        """Cache no more; what is not written within ``grace`` seconds is dropped."""
        tasks, self._tasks = self._tasks, []
        if tasks:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self.drained()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        self._keeping.stop()
        self._tally.dropped += self._writes.clear()
        await self.store.aclose()

    async def drained(self) -> None:
        """Return once every answer that was given is where it is found again."""
        await self._keeping.drained()
        await self._writes.drained()

    def status(self) -> Status:
        tally, breaker = self._tally, self._breaker
        return Status(
            store=self.store.kind,
            hits=tally.hits,
            shared=tally.shared,
            misses=tally.misses,
            bypasses=dict(tally.bypasses),
            stored=self._writes.written,
            unstorable=tally.unstorable,
            dropped=tally.dropped + self._writes.dropped,
            damaged=tally.damaged,
            failures=breaker.failures,
            skipped=breaker.skipped,
            waiting=len(self._flights),
            error=breaker.error,
            held=self.store.last,
        )

    async def stats(self) -> StoreStats:
        """What the store holds. Raises StoreUnavailable."""
        return await self.store.stats()

    async def forget(self, entry_id: str) -> bool:
        """Delete an entry; whether there was one. Raises StoreUnavailable."""
        async with self._writes.writing:
            waited = self._writes.forget(entry_id)
            return await self.store.delete(entry_id) or waited

    async def report(self, entry_id: str) -> bool:
        """An answer was bad: as ``forget``, since the model's own mistake is no one's of the cache.
        Raises StoreUnavailable."""
        return await self.forget(entry_id)

    async def purge(self) -> int:
        """Delete every entry; how many there were. Raises StoreUnavailable."""
        async with self._writes.writing:
            return self._writes.clear() + await self.store.clear()


async def _key(request: Request, terms: ExactTerms) -> Key | str:
    """The request's key, or why it is not to be cached."""
    reason = reason_against(request, terms)
    if reason is not None:
        return reason
    if request.size > INLINE:
        return await asyncio.to_thread(_made, request, terms)
    return _made(request, terms)


def _made(request: Request, terms: ExactTerms) -> Key | str:
    try:
        return key_of(request, policy=terms.policy, held=terms.held(), varies=terms.varies)
    except Unkeyable:
        return UNREADABLE


def _is_fresh(entry: Entry, journey: Journey, oldest: float) -> bool:
    """What was answered while the request waited is as fresh as can be."""
    return entry.stored >= journey.time or journey.time - entry.stored <= oldest


def _failed(journey: Journey) -> Landing:
    """How a flight without an answer ends.

    A journey knows its error by code only, but is offered while that is still being raised.
    """
    error = sys.exception()
    if (
        journey.outcome == "failed"
        and isinstance(error, StepdownError)
        and error.code == journey.error
        and not error.retryable
    ):
        return Landing(error=error)
    return _NOTHING
