"""The semantic cache: answers a question as one that means the same was answered before.

    look ── a question? ─ embed ─ the nearest entry ─ verifier ─ the bound: serve, verify or miss
    listen ─ a miss: the client's answer is kept as it goes by
    offer ── answered? ─ queue ── verified: compare with the held answer, learn ─ keep it

Nothing is served before the bound has certified a level of the verifier's score (``bound``). Until
then, and for a sampled share ever after, a would-be hit is asked afresh like any miss, and what is
learned of it costs no more than the comparison.
"""

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

import numpy as np

from stepdown.caching.control import cache_control
from stepdown.caching.exact.storable import NO_CACHE, NO_STORE, as_stream, is_of_its_own
from stepdown.caching.exact.store import StoreStats
from stepdown.caching.index.index import VectorIndex
from stepdown.caching.semantic.bound import Bound
from stepdown.caching.semantic.calibration import Rows
from stepdown.caching.semantic.comparer import AnswerComparer, Comparer
from stepdown.caching.semantic.entries import Entries, Entry, MemoryEntries
from stepdown.caching.semantic.evidence_file import EvidenceFile, Kept, encoded, gathered_under
from stepdown.caching.semantic.features import features
from stepdown.caching.semantic.freshness import Freshness
from stepdown.caching.semantic.learning import Doubt, Given, Lead, Learning
from stepdown.caching.semantic.question import Question, question_of
from stepdown.caching.semantic.shelf import Nearest, Record, Shelf
from stepdown.caching.semantic.tally import Status, Tally, status_of
from stepdown.caching.semantic.terms import SemanticTerms
from stepdown.caching.semantic.turn import Reader
from stepdown.caching.semantic.verifier import Verifier, shipped
from stepdown.embedding.embedder import Embedder
from stepdown.embedding.static import static
from stepdown.errors import StepdownError, UpstreamMalformed
from stepdown.ports import Client
from stepdown.quality.shadow.kept import Kept as KeptAnswer
from stepdown.quality.shadow.kept import Transcripts
from stepdown.types import Hit, Journey, Request

log = logging.getLogger("stepdown.caching")

WORKERS = 4
SAVE_EVERY = 30.0
"""Seconds between two writings of what was learned."""
TURNS_READ = 512
INLINE = 262_144
"""Bytes: a larger request has its key made in a thread."""
SHORT = 500
"""Characters: a longer question is compared in a thread, for it takes more than half a
millisecond."""
_WITH_EVENTS = 8
"""A stream is so many times as long as its answer; what is longer is not kept."""
_PERSON = b"stepdown.semcach"
"""Keeps this use of the hash apart from any other (blake2b's personalisation)."""


class SemanticCache:
    """Implements ``ports.Cache`` for the routes and models that have terms, by name.

    ``embedder`` embeds whole turns; words are embedded by the static table, whatever it is.
    ``transcripts`` reads what clients are given; a ``ports.Dialect`` does. ``evidence`` keeps what
    was learned over a restart. To be started and closed on the event loop that serves; before and
    after, nothing is cached.
    """

    name: Literal["semantic"] = "semantic"

    def __init__(
        self,
        terms: Mapping[str, SemanticTerms],
        embedder: Embedder,
        index: VectorIndex,
        transcripts: Transcripts,
        *,
        comparer: Comparer | None = None,
        verifiers: Mapping[str, Verifier] | None = None,
        entries: Entries | None = None,
        evidence: EvidenceFile | None = None,
    ) -> None:
        """``verifiers`` are by route or model, the shipped one for all others."""
        self._embedder = embedder
        self._transcripts = transcripts
        self._evidence = evidence
        self._read = lru_cache(TURNS_READ)(Reader(static().vectors).read)
        self._tally = Tally()
        self._shelf = Shelf(index, MemoryEntries() if entries is None else entries)
        self.bounds: dict[str, Bound] = {}
        self._under: dict[str, str] = {}
        self._learning = Learning(
            self._shelf, self.bounds, comparer or AnswerComparer(), transcripts, self._tally
        )
        self._leads: dict[int, Lead] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.apply(terms, verifiers)

    def apply(
        self,
        terms: Mapping[str, SemanticTerms],
        verifiers: Mapping[str, Verifier] | None = None,
        comparer: Comparer | None = None,
    ) -> None:
        """Go on under other terms. What was learned of a route stays where it still holds."""
        own = verifiers or {}
        self.terms = terms
        self._verifiers = {name: own.get(name) or shipped() for name in terms}
        self._freshness = {name: Freshness(each.fresh_words) for name, each in terms.items()}
        self._learning.comparer = comparer or self._learning.comparer
        embedder = self._embedder.name
        under = {
            name: gathered_under(each.bound, each.floor, self._verifiers[name], embedder)
            for name, each in terms.items()
        }
        for name in self.bounds.keys() - under.keys():
            del self.bounds[name]
        for name, mark in under.items():
            if self._under.get(name) != mark:
                self.bounds[name] = Bound(terms[name].bound)
        self._under = under

    # ── the request path ─────────────────────────────────────────────────────────────────────

    async def look(self, journey: Journey) -> Hit | None:
        """A stored answer to a question that means the same. Raises nothing."""
        request = journey.request
        terms = self.terms.get(request.target)
        if terms is None or not self._tasks:
            return None
        judges = self._verifiers[request.target], self.bounds[request.target]
        control = cache_control(request.headers.get("cache-control"))
        question = NO_STORE if control.no_store else await self._question(request, terms)
        if isinstance(question, str):
            self._bypass(journey, question)
            return None
        try:
            vector = (await self._embedder.embed([question.text]))[0]
            if control.no_cache:
                self._leads[id(journey)] = Lead(question, vector, terms)
                self._bypass(journey, NO_CACHE)
                return None
            ttl = terms.answers.ttl
            oldest = ttl if control.max_age is None else min(ttl, control.max_age)
            since = journey.time - oldest
            nearest = await self._shelf.nearest(question.partition.hex(), vector, since)
            hit = await self._decide(journey, Lead(question, vector, terms), nearest, *judges)
        except StepdownError:
            self._tally.failures += 1
            hit = None
        except Exception:
            log.exception("The semantic cache failed; the request goes on without it.")
            self._tally.failures += 1
            hit = None
        journey.cache = "miss" if hit is None else "semantic"
        self._tally.misses += hit is None
        self._tally.hits += hit is not None
        return hit

    def listen(self, journey: Journey, client: Client) -> Client:
        """The client itself, unless its answer may fill the cache."""
        lead = self._leads.get(id(journey))
        if lead is None:
            return client
        lead.kept = KeptAnswer(client, _WITH_EVENTS * lead.terms.answers.most_entry)
        return lead.kept

    def offer(self, journey: Journey) -> None:
        """Queue the answer where there is one. Raises nothing."""
        lead = self._leads.pop(id(journey), None)
        served, decision = journey.served, journey.decision
        if lead is None or lead.kept is None or not self._tasks:
            return
        if journey.outcome != "answered" or served is None or decision is None:
            return
        if not is_of_its_own(served, decision, lead.terms.answers):
            self._tally.unstorable += 1
            self._tally.skipped += lead.doubt is not None
            return
        request, readings, answer = journey.request, journey.readings, lead.kept.taken()
        lead.kept = None
        self._learning.take(
            Given(request, readings, lead, answer, served.model, journey.usage, time.time())
        )

    async def _question(self, request: Request, terms: SemanticTerms) -> Question | str:
        freshness = self._freshness[request.target]
        if request.size > INLINE:
            return await asyncio.to_thread(question_of, request, terms, freshness)
        return question_of(request, terms, freshness)

    def _bypass(self, journey: Journey, reason: str) -> None:
        """What was looked up in another cache before is a miss all the same."""
        self._tally.bypasses[reason] += 1
        if journey.cache is None:
            journey.cache = "bypass"

    async def _decide(
        self,
        journey: Journey,
        lead: Lead,
        nearest: Nearest | None,
        verifier: Verifier,
        bound: Bound,
    ) -> Hit | None:
        """By the verifier and the bound that were in force when the look began."""
        self._leads[id(journey)] = lead
        if nearest is None or nearest.similarity < lead.terms.floor:
            return None
        request, entry = journey.request, nearest.entry
        if len(lead.question.text) > SHORT:
            row = await asyncio.to_thread(self._row, verifier, lead.question, nearest)
        else:
            row = self._row(verifier, lead.question, nearest)
        decided = bound.decide(row, _uniform(request.id))
        if decided.verdict == "verify":
            lead.doubt = Doubt(entry, bound, row, decided)
        if decided.verdict != "serve":
            return None
        hit = self._hit(request, entry)
        if hit is not None:
            del self._leads[id(journey)]
            await self._used(entry)
        return hit

    async def _used(self, entry: Entry) -> None:
        """A use that cannot be noted is no reason to withhold the hit."""
        try:
            await self._shelf.used(entry)
        except StepdownError:
            self._tally.failures += 1

    def _row(self, verifier: Verifier, question: Question, nearest: Nearest) -> Rows:
        pair = features(self._read(question.text), self._read(nearest.entry.text))
        log_odds = verifier.log_odds(pair)
        lead = nearest.similarity - nearest.runner_up
        return row_of(pair, log_odds, nearest.similarity, lead, nearest.record)

    def _hit(self, request: Request, entry: Entry) -> Hit | None:
        body = entry.body
        if request.streams:
            try:
                body = as_stream(self._transcripts, body, with_usage=request.prompt.wants_usage)
            except UpstreamMalformed:
                self._tally.failures += 1
                return None
        return Hit(entry.id, body, entry.model, entry.usage, entry.stored)

    # ── the owner's side ─────────────────────────────────────────────────────────────────────

    @property
    def is_running(self) -> bool:
        return bool(self._tasks)

    def start(self) -> None:
        """Take up what was learned before, and begin to cache. To be called on the event loop,
        which waits for one file to be read."""
        if self._evidence is not None:
            for name, kept in self._evidence.load().items():
                if self._under.get(name) == kept.under:
                    self.bounds[name].state = kept.state
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._learning.run()) for _ in range(WORKERS)]
        if self._evidence is not None:
            self._tasks.append(loop.create_task(self._save_now_and_then(self._evidence)))

    async def aclose(self, grace: float = 1.0) -> None:
        """Cache no more; what is not learned within ``grace`` seconds is dropped."""
        tasks, self._tasks = self._tasks, []
        if tasks:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._learning.drained()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            if self._evidence is not None:
                await self._save(self._evidence)
        self._learning.stop()
        await self._shelf.index.aclose()

    async def drained(self) -> None:
        """Return once all answers that were given are learned from, and kept."""
        await self._learning.drained()

    async def report(self, entry_id: str) -> bool:
        """A hit was bad: its entry goes, with its neighbours, and counts as an error.

        Whether there was such an entry. Raises StepdownError where embedder or index fail.
        """
        entry = await self._shelf.entries.get(entry_id)
        if entry is None:
            return False
        vector = (await self._embedder.embed([entry.text]))[0]
        await self._shelf.remove_around(entry, vector)
        self._tally.reported += 1
        bound = self.bounds.get(entry.target)
        if bound is not None:
            bound.report()
            self._learning.learned += 1
        return True

    async def forget(self, entry_id: str) -> bool:
        """Remove an entry that nobody has found to be bad; whether there was one."""
        return await self._shelf.remove(entry_id) is not None

    async def purge(self) -> int:
        """Remove every entry; how many there were. What was learned stays."""
        return await self._shelf.clear()

    async def stats(self) -> StoreStats:
        """What is held now."""
        return self._held()

    def _held(self) -> StoreStats:
        entries, size = self._shelf.entries.held
        return StoreStats(entries, size, self._shelf.evicted)

    def status(self) -> Status:
        store, held = self._shelf.entries.kind, self._held()
        queued, embedder = self._learning.queued, self._embedder.name
        return status_of(self._tally, store, held, queued, embedder, self.bounds)

    # ── over a restart ───────────────────────────────────────────────────────────────────────

    async def _save_now_and_then(self, evidence: EvidenceFile) -> None:
        saved = 0
        while True:
            await asyncio.sleep(SAVE_EVERY)
            if self._learning.learned != saved:
                saved = self._learning.learned
                await self._save(evidence)

    async def _save(self, evidence: EvidenceFile) -> None:
        kept = {name: Kept(self._under[name], each.state) for name, each in self.bounds.items()}
        data = encoded(kept)
        try:
            await asyncio.to_thread(evidence.save, data)
        except OSError as error:
            log.warning("What the semantic cache learned could not be saved: %s", error)


def row_of(
    pair: list[float], log_odds: float, similarity: float, lead: float, record: Record
) -> Rows:
    """The row that a bound scores: what the verifier says of the pair, how similar the index found
    it, by how much more than the next entry, how the entry did before, and the pair's features."""
    history = math.log1p(record.right), math.log1p(record.wrong)
    return np.array([log_odds, similarity, lead, *history, *pair])


def _uniform(request_id: str) -> float:
    """A number in [0, 1) that is the request's own, as if drawn evenly."""
    given = request_id.encode("utf-8", "surrogatepass")
    digest = blake2b(given, digest_size=8, person=_PERSON).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53
