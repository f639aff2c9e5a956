"""Which of a route's rungs are compared for one request, and why some requests compare nothing."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from stepdown.quality.pairs import Saver
from stepdown.types import ACCEPTED, Attempt, Decision

FALLBACK = "fallback"
CLIMBED = "climbed"
UNACCEPTED = "unaccepted"


class Comparison(Struct, frozen=True):
    """Rungs: whose answer the client gets, the cheaper one, and the last.

    ``guarded``: it is evidence on what the decision saves, or would save if the guard let it.
    """

    served: int
    candidate: int
    reference: int
    guarded: bool = True
    saver: Saver = "route"

    @property
    def served_low(self) -> bool:
        """Whether the client gets the cheaper answer."""
        return self.served == self.candidate

    @property
    def asked(self) -> int:
        """The rung that is to answer too."""
        return self.reference if self.served_low else self.candidate


def planned(decision: Decision, top: int) -> Comparison:
    """What a decision leads to, where its rung answers.

    What was decided for the last rung is compared with the first: would it have done as well?
    """
    if decision.held is not None:
        return Comparison(top, decision.held, top)
    if decision.rung < top:
        return Comparison(decision.rung, decision.rung, top)
    return Comparison(top, 0, top, guarded=False)


def came_about(
    plan: Comparison, served: Attempt, ladder: Sequence[str], named: Callable[[str], str]
) -> Comparison | str:
    """What the served answer is compared with, or why it is with nothing.

    A cascade's answer is evidence where it was accepted below the last rung. One that climbed to
    the last rung saved nothing; one that was served for want of a better one was not accepted; and
    where another model stood in for the rung's own, its answer is not the rung's. ``named`` gives a
    model's own name for an alias.
    """
    rung, top = served.rung, plan.reference
    if rung is not None:
        if rung == top:
            return CLIMBED
        if served.verdict != ACCEPTED:
            return UNACCEPTED
        plan = Comparison(rung, rung, top, saver="cascade")
    if named(served.model) != named(ladder[plan.served]):
        return FALLBACK
    return plan
