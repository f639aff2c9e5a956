"""Runs an evaluation: for each item every rung's answer, its score, and what the route would do."""

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from stepdown.cascade.plan import Cascades
from stepdown.cascade.shown import answer
from stepdown.cascade.steps import Ask
from stepdown.errors import RequestError
from stepdown.evals.asking import Asker
from stepdown.evals.consulting import consulted, making
from stepdown.evals.items import BadRow, Item
from stepdown.evals.replies import Replies, Reply
from stepdown.evals.routed import (
    CannotFollow,
    Consulted,
    Decided,
    Routed,
    cascade_of,
    decide,
    follow,
)
from stepdown.evals.rows import TEXT_SHOWN, Row, Rung
from stepdown.evals.scoring import Scoring
from stepdown.evals.working import work_through
from stepdown.quality.driving import OneThread, driven
from stepdown.quality.labelled import key_of
from stepdown.quality.settle import MISSING, settle
from stepdown.requests import request_of
from stepdown.routing.route import PolicyRoute
from stepdown.routing.tokens import estimate
from stepdown.types import Choice, Consult, Request, Scores, Task

KNOWN = "known"
"""The scorer's name where a table told the scores."""
_NO_SCORE = "the table has no score of this model"


class Ran(Struct, frozen=True):
    """The rows in the items' order, the items that cannot be evaluated, and why it ended early.

    ``left`` items were not finished.
    """

    rows: tuple[Row, ...]
    bad: tuple[BadRow, ...]
    left: int = 0
    stopped: str | None = None


class Evaluation:
    """One route under evaluation.

    Without an asker nobody is called: ``replies`` and ``scoring`` have to do without, too.
    """

    def __init__(
        self,
        route: PolicyRoute,
        replies: Replies,
        scoring: Scoring,
        *,
        cascades: Cascades | None = None,
        asker: Asker | None = None,
    ) -> None:
        self.route = route
        self._replies = replies
        self._scoring = scoring
        self._cascades = cascades
        self._asker = asker
        self._scorers_thread = OneThread()
        self._deciding = asyncio.Lock()

    async def run(
        self,
        items: Sequence[Item],
        *,
        at_once: int = 8,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Ran:
        """Evaluate items, so many at once; ``progress`` is told how many are done.

        Ends early where the budget is used up or a stop is asked for: what is finished is kept.
        """
        good, bad = self._scoring.check(items)
        asked: list[tuple[Item, Request]] = []
        for item in good:
            try:
                body = {**item.body, "model": self.route.name}
                asked.append((item, request_of(body, id=item.id, intent=item.intent)))
            except RequestError as error:
                bad.append(BadRow(item.line, error.message))
        worked = await work_through(asked, self._evaluated, at_once=at_once, progress=progress)
        rows = tuple(each for each in worked.done if isinstance(each, Row))
        bad += [each for each in worked.done if isinstance(each, BadRow)]
        told = tuple(sorted(bad, key=lambda row: row.line))
        return Ran(rows, told, worked.left, worked.stopped)

    # ── one item ─────────────────────────────────────────────────────────────────────────────

    async def _evaluated(self, asked: tuple[Item, Request]) -> Row | BadRow:
        item, request = asked
        decided = await self._decided(request)
        decision = decided.decision
        cascade = cascade_of(self._cascades, request, decision)
        replies = await self._replies.of(item, request, cascade)
        try:
            routed = await follow(decision, cascade, request, replies, self._consulted)
        except CannotFollow as error:
            return BadRow(item.line, str(error))
        scores = await self._scores(item, request, replies)
        return _row(item, request, decided, routed, replies, scores)

    async def _decided(self, request: Request) -> Decided:
        """One after the other: the user's own router fails where too much is asked of it at once,
        which says nothing of the route."""
        async with self._deciding:
            return await decide(self.route, request)

    async def _consulted(self, ask: Ask) -> Consulted:
        """A cascade's grader asks a model of its own, or the rung whose answer it grades."""
        model = ask.model or self.route.ladder[ask.rung]
        if self._asker is None:
            raise CannotFollow(f"the cascade asks {model} about the answer, and nobody is asked")
        return await consulted(self._asker, model, Consult(ask.requests, ask.role, model))

    # ── its scores ───────────────────────────────────────────────────────────────────────────

    async def _scores(self, item: Item, request: Request, replies: Sequence[Reply]) -> Scores:
        """What is known, unless the answers' own scores say more: the two are never mixed."""
        known = tuple(reply.score for reply in replies)
        if None not in known:
            return Scores(known, KNOWN)
        settled = await self._settled(item, request, replies)
        if _count(known) and _count(known) >= _count(settled.values):
            unknown = [reply for reply in replies if reply.score is None]
            return Scores(known, KNOWN, why=_listed(unknown, or_else=_NO_SCORE))
        failed = _listed([reply for reply in replies if reply.error is not None])
        said = None if failed and settled.why == MISSING else settled.why
        return structs.replace(settled, why="; ".join(filter(None, (failed, said))) or None)

    async def _settled(self, item: Item, request: Request, replies: Sequence[Reply]) -> Scores:
        task = Task(request, item.expected, item.labels)
        choices = [reply.choice for reply in replies]
        settling = settle(self._scoring.of(item, task), choices, task)
        return await driven(settling, self._told, self._scorers_thread)

    async def _told(self, wish: Consult) -> Sequence[Choice | None]:
        """The answers of a judge's calls; None for each that failed."""
        assert self._asker is not None, "without an asker there are no judges"
        return await making(self._asker)(wish)


def _count(scores: Sequence[float | None]) -> int:
    return sum(score is not None for score in scores)


def _listed(replies: Sequence[Reply], or_else: str = "") -> str:
    """Why each of these is not there, in one line."""
    return "; ".join(f"{reply.model}: {reply.error or or_else}" for reply in replies)


def _row(
    item: Item,
    request: Request,
    decided: Decided,
    routed: Routed,
    replies: Sequence[Reply],
    scores: Scores,
) -> Row:
    decision = decided.decision
    return Row(
        id=item.id,
        line=item.line,
        prompt=request.prompt.last_user_text()[:TEXT_SHOWN],
        tokens=round(estimate(request.prompt, request.fields).value),
        decision=decision.name,
        rung=routed.rung,
        decided=decision.rung,
        ambiguous=decision.ambiguous,
        rungs=tuple(map(_rung, replies, scores.values)),
        cost=routed.cost,
        tags=item.tags,
        intent=request.intent,
        scorer=scores.scorer,
        flips=scores.flips,
        judged=scores.judged,
        why=scores.why,
        pair=_pair(request, replies[routed.rung], replies[-1]),
        matched=decided.matched,
        borderline=decided.borderline,
    )


def _pair(request: Request, served: Reply, reference: Reply) -> str:
    if served.choice is None or reference.choice is None:
        return ""
    return key_of(request, served.choice, reference.choice)


def _rung(reply: Reply, score: float | None) -> Rung:
    return Rung(
        reply.model,
        score,
        reply.cost,
        None if reply.choice is None else answer(reply.choice)[:TEXT_SHOWN],
        reply.error,
        reply.seconds,
    )
