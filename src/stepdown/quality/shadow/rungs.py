"""Samples what a route decides: its rung's answer beside the last rung's, or the first's."""

from collections.abc import Callable

from stepdown.cascade.plan import Cascade, Cascades
from stepdown.quality.shadow.climbing import Climb
from stepdown.quality.shadow.comparison import came_about, planned
from stepdown.quality.shadow.excluded import tags_of
from stepdown.quality.shadow.kept import Answer
from stepdown.quality.shadow.money import Calling
from stepdown.quality.shadow.pairing import Item
from stepdown.quality.shadow.sample import Sample, Wish, pair_of
from stepdown.quality.shadow.sampling import uniform
from stepdown.quality.shadow.terms import Shadowed
from stepdown.routing.guarded import Guarded
from stepdown.types import Attempt, Decision, Journey, Request

OWN_CASCADE = "own_cascade"
"""The caller gave checks of its own, which say nothing of the route's."""


class RungSampler:
    """Implements ``sample.Sampler`` for a route.

    ``standing_of`` gives what the guard says of a rule, ``named`` a model's own name for an alias.
    ``cascades`` are the route's: what the guard holds back is climbed by them in the background.
    """

    def __init__(
        self,
        shadowed: Shadowed,
        standing_of: Callable[[str], Guarded | None],
        named: Callable[[str], str],
        cascades: Cascades | None = None,
    ) -> None:
        self._shadowed = shadowed
        self._highest = shadowed.rates.highest
        self._standing_of = standing_of
        self._named = named
        self._cascades = cascades

    def wish(self, journey: Journey) -> Wish | None:
        drawn = uniform(journey.request.id)
        if drawn >= self._highest:
            return None
        decision, shadowed = journey.decision, self._shadowed
        assert decision is not None
        ladder = shadowed.ladder
        plan = planned(decision, len(ladder) - 1)
        standing = self._standing_of(decision.name) if plan.guarded else None
        tags = tags_of(journey.request)
        state = None if standing is None else standing.state
        propensity = shadowed.rates.propensity(decision.name, tags, state, strong=not plan.guarded)
        if drawn >= propensity:
            return None
        cascade = self._held(journey.request, decision)
        calls = [Calling(ladder[plan.asked])]
        models = [ladder[plan.candidate], ladder[plan.reference]]
        if cascade is not None:
            calls = Climb(cascade, ladder, plan.candidate).calls()
            models = [*ladder[plan.candidate :]]
        rule = decision.name
        return Wish(rule, decision, plan, propensity, tags, calls, models, standing, cascade)

    def _held(self, request: Request, decision: Decision) -> Cascade | None:
        """The cascade that would check the answer, did the guard not hold the decision back."""
        if decision.held is None or self._cascades is None:
            return None
        return self._cascades.of(request, decision)

    def item(self, journey: Journey, sample: Sample, answer: Answer) -> Item | str:
        served, wish, shadowed = journey.served, sample.wish, self._shadowed
        assert served is not None
        if journey.decision is not wish.decision:
            return OWN_CASCADE
        came = came_about(wish.plan, served, shadowed.ladder, self._named)
        if isinstance(came, str):
            return came
        ladder = shadowed.ladder
        models = ladder[came.candidate], ladder[came.reference]
        pair = pair_of(journey, served, wish, came, models)
        return Item(
            pair,
            journey.sent,
            answer,
            journey.readings,
            sample.ticket,
            shadowed.margin,
            climb=_climb(wish, served, ladder),
        )


def _climb(wish: Wish, served: Attempt, ladder: tuple[str, ...]) -> Climb | None:
    """What is to be climbed in the background, where a cascade was held."""
    if wish.cascade is None:
        return None
    answered = served.started if served.first_byte is None else served.first_byte
    seconds = answered - served.started
    return Climb(wish.cascade, ladder, wish.plan.candidate, seconds)
