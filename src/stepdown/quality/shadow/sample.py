"""A sampled request, from its decision to its answer, and the pair that it then begins to be."""

from collections.abc import Sequence

from msgspec import Struct

from stepdown.cascade.plan import Cascade
from stepdown.quality.pairs import Pair
from stepdown.quality.shadow.admission import Ticket
from stepdown.quality.shadow.climbing import Climb
from stepdown.quality.shadow.comparison import Comparison
from stepdown.quality.shadow.excluded import shown_tags
from stepdown.quality.shadow.kept import Kept
from stepdown.routing.guarded import Guarded
from stepdown.types import Attempt, Decision, Journey


class Sample(Struct, eq=False):
    """A sampled request that has a place, while it is being answered.

    ``standing`` is what the guard said of what decided, when it was decided. ``cascade`` would have
    checked the answer, had the guard let it.
    """

    decision: Decision
    plan: Comparison
    kept: Kept
    ticket: Ticket
    propensity: float
    tags: frozenset[str]
    standing: Guarded | None = None
    cascade: Cascade | None = None

    def climb(self, served: Attempt, ladder: Sequence[str]) -> Climb | None:
        """What is to be climbed in the background, where a cascade was held."""
        if self.cascade is None:
            return None
        answered = served.started if served.first_byte is None else served.first_byte
        seconds = answered - served.started
        return Climb(self.cascade, tuple(ladder), self.plan.candidate, seconds)


def pair_of(
    journey: Journey, served: Attempt, ladder: Sequence[str], sample: Sample, came: Comparison
) -> Pair:
    """All that is known of a pair when one model has answered.

    A cascade's answer counts for the rule that sent the request to the cascade, which is what holds
    its requests back; for the cascade where no rule did.
    """
    request, decision, standing = journey.request, sample.decision, sample.standing
    return Pair(
        request.id,
        journey.time,
        journey.route or "",
        decision.name,
        decision.policy,
        came.served,
        came.candidate,
        came.reference,
        ladder[came.candidate],
        ladder[came.reference],
        sample.propensity,
        came.saver,
        key="" if standing is None else standing.key,
        epoch=0 if standing is None else standing.epoch,
        candidate_cost=served.cost if came.served_low else None,
        reference_cost=None if came.served_low else served.cost,
        tenant=request.tenant,
        tags=shown_tags(sample.tags),
        readings={name: reading.value for name, reading in journey.readings.items()},
    )
