"""What becomes of answers beside the requests: they are compared with held ones, and kept.

queue ─ whole? ─ a would-be hit was verified: compare, learn ─ keep it, unless the held one did
"""

import asyncio
import logging
from collections.abc import Mapping

from msgspec import Struct

from stepdown.caching.exact.storable import whole_answer
from stepdown.caching.semantic.bound import Bound
from stepdown.caching.semantic.bound import Choice as Decided
from stepdown.caching.semantic.calibration import Rows, fit_logistic
from stepdown.caching.semantic.comparer import Comparer, Comparison
from stepdown.caching.semantic.entries import Entry, id_of
from stepdown.caching.semantic.question import Question
from stepdown.caching.semantic.shelf import Shelf
from stepdown.caching.semantic.tally import Tally
from stepdown.caching.semantic.terms import SemanticTerms
from stepdown.embedding.embedder import Vectors
from stepdown.errors import StepdownError, UpstreamMalformed
from stepdown.quality.shadow.kept import Answer, Kept, Transcripts, read
from stepdown.types import Choice, Reading, Request, Usage

log = logging.getLogger("stepdown.caching")

QUEUE = 1_000
QUEUE_BYTES = 32_000_000


class Doubt(Struct, frozen=True):
    """A would-be hit that is verified: the held entry, the bound, and what that has to be told
    again."""

    held: Entry
    bound: Bound
    row: Rows
    decided: Decided


class Lead(Struct):
    """A request that goes on after a miss, and may fill the cache."""

    question: Question
    vector: Vectors
    terms: SemanticTerms
    doubt: Doubt | None = None
    kept: Kept | None = None


class Given(Struct, frozen=True):
    """An answer that a client was given; ``stored`` is the time, in seconds since 1970."""

    request: Request
    readings: Mapping[str, Reading]
    lead: Lead
    answer: Answer
    model: str
    usage: Usage | None
    stored: float


class Learning:
    """Bounded: what does not fit into the queue is dropped and counted."""

    def __init__(
        self,
        shelf: Shelf,
        bounds: Mapping[str, Bound],
        comparer: Comparer,
        transcripts: Transcripts,
        tally: Tally,
    ) -> None:
        self.comparer = comparer
        self._shelf = shelf
        self._bounds = bounds
        self._transcripts = transcripts
        self._tally = tally
        self._queue: asyncio.Queue[Given] = asyncio.Queue(QUEUE)
        self._bytes = 0
        self._tuning: set[int] = set()
        self.learned = 0

    @property
    def queued(self) -> int:
        return self._queue.qsize()

    def take(self, given: Given) -> None:
        """Queue an answer, where there is room. Whether there is has nothing to do with it."""
        if self._queue.full() or self._bytes + given.answer.size > QUEUE_BYTES:
            self._tally.dropped += 1
            return
        self._bytes += given.answer.size
        self._queue.put_nowait(given)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            given = await self._queue.get()
            try:
                await self._one(given)
            except StepdownError:
                self._tally.failures += 1
            except Exception:
                log.exception("An answer could not be kept; its client has it.")
                self._tally.unstorable += 1
            finally:
                self._bytes -= given.answer.size
                self._queue.task_done()

    async def drained(self) -> None:
        """Return once nothing waits, or is being worked on."""
        await self._queue.join()

    def stop(self) -> None:
        """Drop what waits, after ``run`` was cancelled."""
        while not self._queue.empty():
            given = self._queue.get_nowait()
            self._bytes -= given.answer.size
            self._tally.dropped += 1
            self._queue.task_done()

    async def _one(self, given: Given) -> None:
        body, choice = await asyncio.to_thread(self._read, given)
        doubt = given.lead.doubt
        if doubt is not None:
            comparison = await self._compare(given, doubt, choice)
            await self._learn(given, doubt, comparison)
            if comparison in ("right", "wrong"):
                await self._shelf.compared(doubt.held, right=comparison == "right")
            if comparison == "right":
                return
        if body is None or choice is None or len(body) > given.lead.terms.answers.most_entry:
            self._tally.unstorable += 1
            return
        await self._keep(given, body)

    def _read(self, given: Given) -> tuple[bytes | None, Choice | None]:
        """The whole answer, where it may be given again, and what it says, where it can be read.

        One that calls tools may not: its arguments hang on the question's very words.
        """
        body = whole_answer(self._transcripts, given.answer, given.usage)
        try:
            choice = read(
                self._transcripts, given.answer.data or b"", streamed=given.answer.streamed
            )
        except UpstreamMalformed:
            return None, None
        return (None if choice.tool_calls else body), choice

    async def _compare(self, given: Given, doubt: Doubt, fresh: Choice | None) -> Comparison:
        if fresh is None:
            return "untold"
        try:
            held = read(self._transcripts, doubt.held.body, streamed=False)
        except UpstreamMalformed:
            return "untold"
        return await self.comparer.compare(given.request, held, fresh, given.readings)

    async def _learn(self, given: Given, doubt: Doubt, comparison: Comparison) -> None:
        tally = self._tally
        if comparison == "skipped":
            tally.skipped += 1
            return
        right = {"right": True, "wrong": False, "untold": None}[comparison]
        tally.right += comparison == "right"
        tally.wrong += comparison == "wrong"
        tally.untold += comparison == "untold"
        bound = doubt.bound
        if self._bounds.get(given.request.target) is bound:  # under other terms it says nothing
            bound.learn(doubt.row, doubt.decided, right)
            self.learned += 1
            await self._tune(bound)

    async def _tune(self, bound: Bound) -> None:
        """Learn a score in a thread, once for each time that it is to be."""
        pairs = bound.to_learn_from()
        if pairs is None or id(bound) in self._tuning:
            return
        self._tuning.add(id(bound))
        try:
            bound.tune(await asyncio.to_thread(fit_logistic, *pairs), *pairs)
        finally:
            self._tuning.discard(id(bound))

    async def _keep(self, given: Given, body: bytes) -> None:
        lead = given.lead
        entry = Entry(
            id=id_of(lead.question),
            partition=lead.question.partition.hex(),
            text=lead.question.text,
            target=given.request.target,
            body=body,
            model=given.model,
            usage=given.usage,
            stored=given.stored,
        )
        await self._shelf.put(entry, lead.vector)
        self._tally.stored += 1
