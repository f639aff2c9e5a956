"""Turns answers that were given into entries, beside the requests.

keep ─ queue ─ whole, not refused? ─ whoever waits gets it ─ ``write_behind``: the store
"""

import asyncio
import logging

from msgspec import Struct

from stepdown.caching.exact.entry import Entry, Seal
from stepdown.caching.exact.flights import UNSTORABLE, Flights, Landing
from stepdown.caching.exact.storable import whole_answer
from stepdown.caching.exact.store import Record
from stepdown.caching.exact.tally import Tally
from stepdown.caching.exact.terms import ExactTerms
from stepdown.caching.exact.write_behind import WriteBehind
from stepdown.caching.key import Key
from stepdown.quality.shadow.kept import Answer, Kept, Transcripts
from stepdown.types import Usage

log = logging.getLogger("stepdown.caching")

QUEUE = 1000
QUEUE_BYTES = 32_000_000
INLINE = 65_536
"""Bytes: a longer answer is read in a thread."""


class Lead(Struct):
    """A request that goes on after a miss, and may fill the cache.

    ``flies``: others wait for its answer. ``kept`` keeps that once it is listened to.
    """

    key: Key
    terms: ExactTerms
    flies: bool
    kept: Kept | None = None


class Given(Struct, frozen=True):
    """An answer that a client was given; ``stored`` is the time, in seconds since 1970."""

    lead: Lead
    answer: Answer
    model: str
    usage: Usage | None
    stored: float


class Keeping:
    """Bounded: what does not fit into the queue is dropped and counted."""

    def __init__(
        self,
        transcripts: Transcripts,
        seal: Seal,
        flights: Flights,
        writes: WriteBehind,
        tally: Tally,
    ) -> None:
        self._transcripts = transcripts
        self._seal = seal
        self._flights = flights
        self._writes = writes
        self._tally = tally
        self._queue: asyncio.Queue[Given] = asyncio.Queue(QUEUE)
        self._bytes = 0

    def keep(self, given: Given) -> None:
        """Queue an answer; its flight lands when it was read, or now where there is no room."""
        size = given.answer.size
        if self._queue.full() or self._bytes + size > QUEUE_BYTES:
            self._tally.dropped += 1
            self._land(given.lead, UNSTORABLE)
            return
        self._bytes += size
        self._queue.put_nowait(given)

    async def run(self) -> None:
        """Read answers until cancelled."""
        while True:
            given = await self._queue.get()
            landing = UNSTORABLE
            try:
                landing = await self._read(given)
            except Exception:
                log.exception("An answer could not be kept; its client has it.")
                self._tally.unstorable += 1
            finally:
                self._bytes -= given.answer.size
                self._land(given.lead, landing)
                self._queue.task_done()

    async def drained(self) -> None:
        """Return once nothing waits."""
        await self._queue.join()

    def stop(self) -> None:
        """Drop what waits, after ``run`` was cancelled."""
        while not self._queue.empty():
            given = self._queue.get_nowait()
            self._bytes -= given.answer.size
            self._tally.dropped += 1
            self._land(given.lead, UNSTORABLE)
            self._queue.task_done()

    async def _read(self, given: Given) -> Landing:
        read = self._transcripts, given.answer, given.usage
        if given.answer.size > INLINE:
            body = await asyncio.to_thread(whole_answer, *read)
        else:
            body = whole_answer(*read)
        lead = given.lead
        if body is None or len(body) > lead.terms.most_entry:
            self._tally.unstorable += 1
            return UNSTORABLE
        entry = Entry(body, given.model, given.usage, given.stored)
        sealed = self._seal.close(lead.key, entry)
        self._writes.put(entry, Record(lead.key.id, sealed, lead.terms.ttl))
        return Landing(entry)

    def _land(self, lead: Lead, landing: Landing) -> None:
        if lead.flies:
            self._flights.land(lead.key, landing)
