"""Samples what compression does: a model's answer to the shorter prompt beside that to the whole.

While the guard holds compression back, the whole prompt is sent and the shorter one is asked in the
background; once compression saves, it is the other way round.
"""

from collections.abc import Callable
from typing import Protocol

from stepdown.quality.pairs import STAND_IN
from stepdown.quality.shadow.comparison import Comparison
from stepdown.quality.shadow.excluded import tags_of
from stepdown.quality.shadow.kept import Answer
from stepdown.quality.shadow.money import Calling
from stepdown.quality.shadow.pairing import Item
from stepdown.quality.shadow.sample import Sample, Wish, pair_of
from stepdown.quality.shadow.sampling import COMPRESSION as DRAW
from stepdown.quality.shadow.sampling import uniform
from stepdown.quality.shadow.terms import Shadowed
from stepdown.routing.guarded import Guarded
from stepdown.types import Journey, Request, Shrunk

COMPRESSION = "compression"
"""The name under which it is guarded."""


class Shortener(Protocol):
    """A route's compression, with techniques that may lose something."""

    def may_lose(self, request: Request) -> bool:
        """Whether such a technique would be tried on this request, did the guard allow it."""
        ...

    def has_lost(self, shrunk: Shrunk) -> bool:
        """Whether such a technique was at work."""
        ...

    async def lossy(self, request: Request) -> Shrunk | None:
        """What the request becomes with every technique allowed; None where nothing changes."""
        ...


class PromptSampler:
    """Implements ``sample.Sampler`` for a route's compression.

    ``standing_of`` gives what the guard says of it; None where nothing is guarded.
    """

    def __init__(
        self,
        shadowed: Shadowed,
        standing_of: Callable[[str], Guarded | None],
        shortener: Shortener,
    ) -> None:
        self._shadowed = shadowed
        self._standing_of = standing_of
        self._shortener = shortener

    def wish(self, journey: Journey) -> Wish | None:
        request, decision, shrunk = journey.request, journey.decision, journey.shrunk
        assert decision is not None
        standing = self._standing_of(COMPRESSION)
        saves = shrunk is not None and self._shortener.has_lost(shrunk)
        holds = standing is not None and standing.state in ("observing", "tripped")
        if not saves and not (holds and self._shortener.may_lose(request)):
            return None
        tags = tags_of(request)
        state = None if standing is None else standing.state
        rates = self._shadowed.rates
        propensity = rates.propensity(COMPRESSION, tags, state, strong=False)
        if uniform(request.id, DRAW) >= propensity:
            return None
        rung, model = decision.rung, decision.model
        plan = Comparison(STAND_IN if saves else rung, STAND_IN, rung, saver="compression")
        return Wish(
            COMPRESSION,
            decision,
            plan,
            propensity,
            tags,
            [Calling(model)],
            [model, model],
            standing,
        )

    def item(self, journey: Journey, sample: Sample, answer: Answer) -> Item | str:
        served, wish = journey.served, sample.wish
        assert served is not None
        pair = pair_of(journey, served, wish, wish.plan, (served.model, served.model))
        return Item(
            pair,
            journey.request,
            answer,
            journey.readings,
            sample.ticket,
            self._shadowed.margin,
            shorten=None if wish.plan.served_low else self._shortener.lossy,
        )
