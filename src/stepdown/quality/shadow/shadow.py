"""Has a sample of the requests answered a second time, in the background, and keeps the pairs.

    listen ─ sampled? ─ excluded? ─ room? ── the client's answer is kept
    offer ── answered? ── queue ── ``pairing``: the other model, the scores ── the record

Whether a request becomes a pair is decided in ``listen``, before there is an answer. After that it
is left out only where there is none to compare: the request failed, its client went away, another
model stood in, or a cascade climbs to the last rung. Every sampled request is counted: as a pair,
or by the reason why not.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial

from msgspec import Struct

from stepdown.cascade.plan import Cascades
from stepdown.ports import Client, Fleet, Judge, Price, Scorer
from stepdown.quality.driving import OneThread
from stepdown.quality.shadow.admission import Admission, Ticket
from stepdown.quality.shadow.calls import Caller
from stepdown.quality.shadow.calm import Calm
from stepdown.quality.shadow.climbing import Climber
from stepdown.quality.shadow.kept import Kept, Transcripts
from stepdown.quality.shadow.money import Costs, DayBudget
from stepdown.quality.shadow.pairing import Item, Pairing
from stepdown.quality.shadow.prompts import PromptSampler, Shortener
from stepdown.quality.shadow.rungs import RungSampler
from stepdown.quality.shadow.sample import Sample, Sampler, Wish
from stepdown.quality.shadow.scoring import LiveScorers
from stepdown.quality.shadow.tally import Records, Tally
from stepdown.quality.shadow.terms import Shadowed, ShadowTerms
from stepdown.routing.guarded import Guarded
from stepdown.types import Journey, Request

PAUSED = "paused"
STOPPED = "stopped"

StandingOf = Callable[[str, str], Guarded | None]
"""What the guard says of a route's rule (both by name), or of what else decides under a name."""


class Status(Struct, frozen=True):
    """How shadows are doing in this process.

    ``queued`` requests wait, ``running`` ones are being asked again or judged. ``skips`` and
    ``unscored`` count by reason since the start; ``paired`` counts the unscored ones too. Money is
    US dollars of today (UTC).
    """

    paused: bool
    under_way: int
    queued: int
    running: int
    sampled: int
    paired: int
    skips: Mapping[str, int]
    unscored: Mapping[str, int]
    spent: Decimal
    judges_spent: Decimal


class Shadow:
    """Implements ``ports.Shadow``. To be started and closed on the event loop that serves.

    ``routes`` are those that are shadowed. ``scorers`` and judges stand in their order, see
    ``scoring``. ``dialect`` reads what clients are given. ``named`` gives a model's own name for an
    alias; ``dearest`` a price that no deployment of a model exceeds, None where one is unknown.
    ``cascades`` are the routes': what the guard holds back is climbed by them in the background.
    ``prompts`` are the routes' whose prompts may be shortened at a loss.
    """

    def __init__(
        self,
        routes: Mapping[str, Shadowed],
        fleet: Fleet,
        records: Records,
        dialect: Transcripts,
        *,
        terms: ShadowTerms = ShadowTerms(),  # noqa: B008 - frozen
        scorers: Sequence[Scorer | Judge] = (),
        standing_of: StandingOf = lambda route, rule: None,
        budget: DayBudget | None = None,
        judge_budget: DayBudget | None = None,
        dearest: Callable[[str], Price | None] | None = None,
        named: Callable[[str], str] = str,
        cascades: Mapping[str, Cascades] | None = None,
        prompts: Mapping[str, Shortener] | None = None,
    ) -> None:
        self._samplers: dict[str, list[Sampler]] = {}
        for name, shadowed in routes.items():
            standing = partial(standing_of, name)
            samplers: list[Sampler] = []
            if len(shadowed.ladder) > 1:
                climbs = (cascades or {}).get(name)
                samplers.append(RungSampler(shadowed, standing, named, climbs))
            if prompts and name in prompts:
                samplers.append(PromptSampler(shadowed, standing, prompts[name]))
            if samplers:
                self._samplers[name] = samplers
        self._terms = terms
        self.budget = DayBudget() if budget is None else budget
        self.judge_budget = DayBudget() if judge_budget is None else judge_budget
        live = LiveScorers(scorers)
        self._judges = live.judges
        costs = Costs(fleet.price if dearest is None else dearest)
        self._admission = Admission(terms.room, self.budget, self.judge_budget, costs)
        self._pairing = Pairing(
            Caller(fleet, terms.timeout),
            Climber(fleet, dialect, terms.timeout),
            live,
            dialect,
            costs,
            OneThread(),
            store_texts=terms.store_texts,
        )
        self._tally = Tally(records)
        self._under_way: dict[int, tuple[Kept, list[Sample]] | None] = {}
        self._calm = Calm(terms.pause_in_flight, terms.pause_busy)
        self._queue: asyncio.Queue[Item] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._watch: asyncio.Task[None] | None = None
        self._running = 0
        self._open = False

    # ── the request path ─────────────────────────────────────────────────────────────────────

    def listen(self, journey: Journey, client: Client) -> Client:
        """The client itself, unless the request is sampled. Raises nothing."""
        under_way, route = self._under_way, journey.route
        under_way[id(journey)] = None
        self._calm.count(len(under_way))
        if not self._open or route is None or route not in self._samplers:
            return client
        samples: list[Sample] = []
        for sampler in self._samplers[route]:
            try:
                sample = self._sample(journey, route, sampler)
            except Exception:  # noqa: BLE001  logged; the request must be answered all the same
                self._tally.fail(route)
            else:
                if sample is not None:
                    samples.append(sample)
        if not samples:
            return client
        kept = Kept(client, self._terms.room.most_answer)
        under_way[id(journey)] = kept, samples
        return kept

    def offer(self, journey: Journey) -> None:
        """Queue the request where it was sampled and is answered. Raises nothing."""
        sampled = self._under_way.pop(id(journey), None)
        self._calm.count(len(self._under_way))
        if sampled is None:
            return
        route = journey.route or ""
        kept, samples = sampled
        for sample in samples:
            try:
                item = self._item(journey, sample, kept)
            except Exception:  # noqa: BLE001  logged; the request is answered
                self._tally.fail(route)
            else:
                if not isinstance(item, str):
                    self._queue.put_nowait(item)
                    continue
                self._tally.skip(route, item)
            self._admission.give_back(sample.ticket)

    def _sample(self, journey: Journey, route: str, sampler: Sampler) -> Sample | None:
        """The sample that a request becomes; None where it is none, or is counted as skipped."""
        wish = sampler.wish(journey)
        if wish is None:
            return None
        self._tally.sample(route)
        ticket = self._ticket(journey.request, wish)
        if isinstance(ticket, str):
            self._tally.skip(route, ticket)
            return None
        return Sample(sampler, wish, ticket)

    def _ticket(self, request: Request, wish: Wish) -> Ticket | str:
        """A place for the request, or why it gets none."""
        excluded = self._terms.exclusions.reason(request, wish.tags)
        if excluded is not None:
            return excluded
        if not self._calm.now:
            return PAUSED
        return self._admission.admit(request, wish.calls, wish.models, self._judges)

    def _item(self, journey: Journey, sample: Sample, kept: Kept) -> Item | str:
        """What is to be queued, or why there is nothing to compare."""
        if journey.outcome != "answered" or journey.served is None:
            return journey.outcome
        if not self._workers:
            return STOPPED
        answer = kept.taken()
        item = sample.sampler.item(journey, sample, answer)
        if isinstance(item, Item):
            self._admission.weigh(sample.ticket, answer.size)
        return item

    # ── beside it ────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin to sample. To be called on the event loop."""
        loop = asyncio.get_running_loop()
        self._workers = [loop.create_task(self._work()) for _ in range(self._terms.concurrency)]
        self._watch = loop.create_task(self._calm.watch())
        self._open = True

    async def aclose(self, grace: float = 0.0) -> None:
        """Sample no more; what is not done within ``grace`` seconds is left, and counted."""
        self._open = False
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._queue.join()
        tasks, self._workers = self._workers, []
        if self._watch is not None:
            tasks = [*tasks, self._watch]
            self._watch = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        while not self._queue.empty():
            item = self._queue.get_nowait()
            self._admission.give_back(item.ticket)
            self._tally.skip(item.pair.route, STOPPED)

    def status(self) -> Status:
        return Status(
            paused=not self._calm.now,
            under_way=len(self._under_way),
            queued=self._queue.qsize(),
            running=self._running,
            sampled=self._tally.sampled,
            paired=self._tally.paired,
            skips=dict(self._tally.skips),
            unscored=dict(self._tally.unscored),
            spent=self.budget.spent,
            judges_spent=self.judge_budget.spent,
        )

    async def _work(self) -> None:
        while True:
            item = await self._queue.get()
            self._running += 1
            try:
                await self._calm.come()
                made = await self._pairing.complete(item)
                if isinstance(made, str):
                    self._tally.skip(item.pair.route, made, item.spent)
                else:
                    self._tally.pair(*made, item.spent, item.judge_calls)
            except asyncio.CancelledError:
                item.ticket.spent = max(item.ticket.spent, item.ticket.call)
                self._tally.skip(item.pair.route, STOPPED, item.spent)
                raise
            except Exception:  # noqa: BLE001  logged; the next one may go well
                self._tally.fail(item.pair.route, item.spent)
            finally:
                self._running -= 1
                self._admission.give_back(item.ticket)
                self._queue.task_done()
