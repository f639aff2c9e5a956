"""A sampled request: what is to be asked a second time, and the pair that it then begins to be."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from stepdown.cascade.plan import Cascade
from stepdown.quality.pairs import Pair
from stepdown.quality.shadow.admission import Ticket
from stepdown.quality.shadow.comparison import Comparison
from stepdown.quality.shadow.excluded import shown_tags
from stepdown.quality.shadow.kept import Answer
from stepdown.quality.shadow.money import Calling
from stepdown.quality.shadow.pairing import Item
from stepdown.routing.guarded import Guarded
from stepdown.types import Attempt, Decision, Journey


class Wish(Struct, eq=False):
    """A request that was picked, with the probability with which it is.

    ``rule`` names what is guarded, and ``standing`` is what the guard said of it when the request
    was decided. ``cascade`` would have checked the answer, had the guard let it. ``calls`` are all
    that the second answer may take, ``models`` those whose answers are compared.
    """

    rule: str
    decision: Decision
    plan: Comparison
    propensity: float
    tags: frozenset[str]
    calls: Sequence[Calling]
    models: Sequence[str]
    standing: Guarded | None = None
    cascade: Cascade | None = None


class Sampler(Protocol):
    """Picks requests of one route for one saver."""

    def wish(self, journey: Journey) -> Wish | None:
        """What is to be asked again of a decided request; None where it is not picked.

        Hangs on the request and its decision alone.
        """
        ...

    def item(self, journey: Journey, sample: "Sample", answer: Answer) -> Item | str:
        """What is to be queued once the request is answered, or why there is nothing to compare."""
        ...


class Sample(Struct, eq=False):
    """A wish that has a place, while its request is being answered."""

    sampler: Sampler
    wish: Wish
    ticket: Ticket


def pair_of(
    journey: Journey, served: Attempt, wish: Wish, came: Comparison, models: tuple[str, str]
) -> Pair:
    """All that is known of a pair when one answer is there.

    ``models`` are the candidate's and the reference's. A cascade's answer counts for the rule that
    sent the request to the cascade, which is what holds its requests back; for the cascade where no
    rule did.
    """
    request, standing = journey.request, wish.standing
    candidate, reference = models
    return Pair(
        request.id,
        journey.time,
        journey.route or "",
        wish.rule,
        wish.decision.policy,
        came.served,
        came.candidate,
        came.reference,
        candidate,
        reference,
        wish.propensity,
        came.saver,
        key="" if standing is None else standing.key,
        stint=0 if standing is None else standing.stint,
        candidate_cost=served.cost if came.served_low else None,
        reference_cost=None if came.served_low else served.cost,
        tenant=request.tenant,
        tags=shown_tags(wish.tags),
        readings={name: reading.value for name, reading in journey.readings.items()},
    )
