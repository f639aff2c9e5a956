"""Makes a pair of a request that was answered: asks the other model, and has both answers scored.

    ask the other rung, or climb ─ read the client's answer ─ score ─ the judge's calls

The other model is asked before anything of the client's answer is looked at. What goes wrong from
there on makes a pair without scores that says why, and never no pair. There is none only where a
cascade that was held would have climbed to the last rung (``climbing``), or a prompt would not have
become shorter.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial

from msgspec import Struct, json, structs

from stepdown.errors import UpstreamMalformed
from stepdown.quality.driving import Apart, driven
from stepdown.quality.driving import Told as Answers
from stepdown.quality.pairs import UNSETTLED, Pair
from stepdown.quality.records.pair_texts import Texts
from stepdown.quality.shadow.admission import Ticket
from stepdown.quality.shadow.calls import Caller, Told
from stepdown.quality.shadow.climbing import Climb, Climbed, Climber
from stepdown.quality.shadow.comparison import CLIMBED
from stepdown.quality.shadow.excluded import asked_again
from stepdown.quality.shadow.kept import Answer, Transcripts, read
from stepdown.quality.shadow.money import ORDERS, Costs
from stepdown.quality.shadow.scoring import LiveScorers
from stepdown.types import Choice, Consult, Reading, Request, Scores, Shrunk

log = logging.getLogger("stepdown.shadow")

TOO_LARGE = "too_large"
"""The client's answer is."""
SHADOW_FAILED = "shadow_failed"
UNREADABLE = "unreadable"
"""Each is what ``Pair.why`` may begin with; words follow."""
UNCHANGED = "unchanged"
"""Why there is no pair: no technique would have taken anything from the prompt."""
_ROUNDING = 1e-9
"""A lead of just the margin is no regret, whatever subtraction makes of it."""


class Item(Struct, eq=False):
    """A request that was answered and is to become a pair. ``pair`` says all but what came of it.

    ``margin``: how much better the reference has to score for a regret. ``climb`` is the cascade
    that is to answer in the candidate's stead; ``shorten`` makes of the request what the candidate
    is to be asked, or None where nothing gets shorter.
    """

    pair: Pair
    request: Request
    answer: Answer
    readings: Mapping[str, Reading]
    ticket: Ticket
    margin: float
    climb: Climb | None = None
    shorten: Callable[[Request], Awaitable[Shrunk | None]] | None = None
    spent: Decimal = Decimal(0)
    judge_calls: int = 0


class Pairing:
    """Completes items. ``transcripts`` reads what clients are given."""

    def __init__(
        self,
        caller: Caller,
        climber: Climber,
        scorers: LiveScorers,
        transcripts: Transcripts,
        costs: Costs,
        apart: Apart,
        *,
        store_texts: bool = False,
    ) -> None:
        self._caller = caller
        self._climber = climber
        self._scorers = scorers
        self._transcripts = transcripts
        self._costs = costs
        self._apart = apart
        self._store_texts = store_texts

    async def complete(self, item: Item) -> tuple[Pair, Texts | None] | str:
        """The pair with what came of it, and what was said where that is kept; where there is
        none, why."""
        if item.answer.data is None:
            return _unscored(item.pair, TOO_LARGE, "the answer has more bytes than are kept"), None
        answered = await self._answered(item)
        if isinstance(answered, str):
            return answered
        pair, told = answered
        if told.choice is None:
            return _unscored(pair, SHADOW_FAILED, told.error), None
        try:
            served = await self._apart(partial(self._read, item.answer))
        except UpstreamMalformed as error:
            return _unscored(pair, UNREADABLE, error.message), None
        served_low = pair.served == pair.candidate
        candidate, reference = (served, told.choice) if served_low else (told.choice, served)
        pair = await self._scored(item, pair, candidate, reference)
        return pair, self._texts(item.request, candidate, reference)

    def _read(self, answer: Answer) -> Choice:
        return read(self._transcripts, answer.data or b"", streamed=answer.streamed)

    # ── the other model ──────────────────────────────────────────────────────────────────────

    async def _answered(self, item: Item) -> tuple[Pair, Told] | str:
        """The pair with the rung that answered and its cost; why not, where there is none."""
        if item.climb is None:
            request = await self._request(item)
            if request is None:
                return UNCHANGED
            told = await self._ask(item, request)
            return _with_cost(item.pair, told.cost), told
        climbed = await self._climb(item, item.climb)
        told = climbed.told
        if climbed.rung is not None:
            pair = _accepted(item.pair, climbed.rung, item.climb)
            return _with_cost(pair, told.cost), told
        return (item.pair, told) if told.error else CLIMBED

    async def _request(self, item: Item) -> Request | None:
        """What the other model is to be asked; None where a shorter prompt would be the same."""
        if item.shorten is None:
            return item.request
        shrunk = await item.shorten(item.request)
        return None if shrunk is None else shrunk.request

    async def _ask(self, item: Item, request: Request) -> Told:
        pair, ticket = item.pair, item.ticket
        served_low = pair.served == pair.candidate
        model = pair.reference_model if served_low else pair.candidate_model
        request = asked_again(request, model)
        told = await self._caller.ask(request, model)
        self._costs.learn(model, request, told.usage)
        item.spent += told.spent
        ticket.spent += told.most(ticket.call)
        return told

    async def _climb(self, item: Item, climb: Climb) -> Climbed:
        climbed = await self._climber.climb(climb, item.request, self._costs.learn)
        told, ticket = climbed.told, item.ticket
        item.spent += told.spent
        ticket.spent += told.spent + (ticket.call if told.unknown else 0)
        return climbed

    # ── the scores ───────────────────────────────────────────────────────────────────────────

    async def _scored(self, item: Item, pair: Pair, candidate: Choice, reference: Choice) -> Pair:
        cost = Decimal(0)

        async def make(wish: Consult) -> Answers:
            nonlocal cost
            told = await self._judge(item, wish)
            cost += sum((each.spent for each in told), Decimal(0))
            return [each.choice for each in told]

        wishing = self._scorers.score(candidate, reference, item.request, item.readings)
        try:
            scores = await driven(wishing, make, self._apart)
        except Exception as error:
            log.exception("A pair could not be scored.")
            scores = Scores((None, None), why=f"{type(error).__name__}: {error}")
        pair = structs.replace(
            pair, scorer=scores.scorer, flips=scores.flips, judged=scores.judged, judge_cost=cost
        )
        low, high = scores.values
        if low is None or high is None:
            return _unscored(pair, UNSETTLED, scores.why or "no scorer could tell")
        regret = high - low > item.margin + _ROUNDING
        return structs.replace(pair, candidate_score=low, reference_score=high, regret=regret)

    async def _judge(self, item: Item, wish: Consult) -> list[Told]:
        """A judge's calls, made at once."""
        model, ticket = wish.model, item.ticket
        if model is None:
            return [Told(error="a judge has to name its model") for _ in wish.requests]
        calls = (self._caller.ask(request, model, wish.role) for request in wish.requests)
        told = await asyncio.gather(*calls)
        for request, each in zip(wish.requests, told, strict=True):
            self._costs.learn(model, request, each.usage)
            ticket.judged += each.most(ticket.judging / ORDERS)
            item.judge_calls += 1
        return told

    def _texts(self, request: Request, candidate: Choice, reference: Choice) -> Texts | None:
        if not self._store_texts:
            return None
        return Texts(json.encode(request.fields), (candidate,), (reference,))


def _unscored(pair: Pair, code: str, words: str) -> Pair:
    return structs.replace(pair, why=f"{code}: {words}")


def _accepted(pair: Pair, rung: int, climb: Climb) -> Pair:
    """The pair whose candidate is the rung that the cascade accepted an answer of."""
    return structs.replace(
        pair, candidate=rung, candidate_model=climb.ladder[rung], saver="cascade"
    )


def _with_cost(pair: Pair, cost: Decimal | None) -> Pair:
    """The pair with what the answer cost that nobody was given."""
    if pair.served == pair.candidate:
        return structs.replace(pair, reference_cost=cost)
    return structs.replace(pair, candidate_cost=cost)
