"""Where the rungs' answers to an item come from: the models themselves, or a table of outcomes."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from stepdown.cascade.checks import Checks
from stepdown.cascade.climb import with_logprobs
from stepdown.cascade.plan import Cascade
from stepdown.evals.asking import Asker
from stepdown.evals.consulting import every
from stepdown.evals.items import Item, Known
from stepdown.ports import Price
from stepdown.types import Choice, Request, Usage

NOT_IN_THE_TABLE = "the table has no outcome of this model"


class Reply(Struct, frozen=True):
    """One rung's answer: what came of asking the model, or what a table knows of it.

    ``cost`` is US dollars, None where it is unknown. ``error`` says why there is no answer.
    ``score`` is known beforehand, or None. ``untold`` is what a table does not tell of the answer
    and a cascade's checks have to see; None where nothing is missing.
    """

    model: str
    choices: tuple[Choice, ...] = ()
    cost: Decimal | None = None
    error: str | None = None
    seconds: float | None = None
    score: float | None = None
    untold: str | None = None

    @property
    def choice(self) -> Choice | None:
        """The answer that is scored: the first, where there are several."""
        return self.choices[0] if self.choices else None


class Replies(Protocol):
    """Gives every rung's answer to an item, in the ladder's order."""

    async def of(
        self, item: Item, request: Request, cascade: Cascade | None
    ) -> Sequence[Reply]: ...


class FromModels:
    """Asks each model of the ladder, all at once."""

    def __init__(self, asker: Asker, ladder: Sequence[str]) -> None:
        self._asker = asker
        self._ladder = ladder

    async def of(self, item: Item, request: Request, cascade: Cascade | None) -> Sequence[Reply]:
        """A cascade's checks may need log probabilities of the rungs below the last."""
        below = request
        if cascade is not None:
            below = with_logprobs(request, Checks(cascade, request).top_logprobs)
        asked = [below] * (len(self._ladder) - 1) + [request]
        return await every(
            self._ask(model, each) for model, each in zip(self._ladder, asked, strict=True)
        )

    async def _ask(self, model: str, request: Request) -> Reply:
        answer = await self._asker.ask(model, request)
        return Reply(model, answer.choices, answer.cost, answer.error, answer.seconds)


class FromTable:
    """Takes what is known of the ladder's models, and calls nobody.

    ``names`` maps a model of the ladder to the table's name for it. Where a table states tokens but
    no cost, ``price_of`` prices them.
    """

    def __init__(
        self,
        ladder: Sequence[str],
        price_of: Callable[[str], Price | None],
        names: Mapping[str, str] | None = None,
    ) -> None:
        self._ladder = ladder
        self._price_of = price_of
        self._names = names or {}

    async def of(self, item: Item, request: Request, cascade: Cascade | None) -> Sequence[Reply]:
        """A table has no log probabilities."""
        checked = cascade is not None and Checks(cascade, request).top_logprobs is not None
        untold = "its log probabilities" if checked else None
        return [self._known(item, model, untold) for model in self._ladder]

    def _known(self, item: Item, model: str, untold: str | None) -> Reply:
        known = item.known.get(self._names.get(model, model))
        if known is None:
            return Reply(model, error=NOT_IN_THE_TABLE, untold="the answer")
        cost = self._cost(known, model)
        if known.answer is None:
            return Reply(model, cost=cost, score=known.score, untold="the answer's text")
        choices = (Choice(known.answer, finish_reason="stop"),)
        return Reply(model, choices, cost, score=known.score, untold=untold)

    def _cost(self, known: Known, model: str) -> Decimal | None:
        if known.cost is not None:
            return known.cost
        if known.input_tokens is None or known.output_tokens is None:
            return None
        price = self._price_of(model)
        usage = Usage(input=known.input_tokens, output=known.output_tokens)
        return None if price is None else price.cost(usage)
