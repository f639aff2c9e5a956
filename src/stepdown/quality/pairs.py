"""The evidence: one request answered by a cheaper rung and by the reference, and both scores."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

Saver = Literal["route", "cascade", "compression"]
"""What would have spent less than the reference."""

STAND_IN = -1
"""The rung of what stands in for a rung's own answer: its answer to a shorter prompt."""


UNSETTLED = "unscored"
"""How ``Pair.why`` begins where both answers were there and no scorer could tell, a judge that
failed among them. Such pairs are not like the others: answers that say the same need no judge."""


class Pair(Struct, frozen=True):
    """A sampled request, whichever of the two answers the client got.

    ``time`` is seconds since 1970. ``served``, ``candidate`` and ``reference`` are rungs: the last
    is the reference, the candidate is cheaper. Where the saver is compression, the candidate is
    ``STAND_IN`` and the reference the rung that was decided for. ``rule`` is the decision's name,
    or the saver's. ``key`` names what is guarded, with everything that
    makes its evidence comparable (empty: nothing is guarded), and ``stint`` is the stretch of one
    state that it counts for. ``propensity`` is the probability with which the request was sampled.
    ``regret`` says whether the reference scored higher by more than the margin; None where the pair
    is unscored, and ``why`` says so. Money is US dollars, None where a price is unknown.
    ``readings`` are the signals' values by name.
    """

    id: str
    time: float
    route: str
    rule: str
    policy: str
    served: int
    candidate: int
    reference: int
    candidate_model: str
    reference_model: str
    propensity: float
    saver: Saver = "route"
    key: str = ""
    stint: int = 0
    candidate_score: float | None = None
    reference_score: float | None = None
    regret: bool | None = None
    scorer: str = ""
    flips: int = 0
    judged: int = 0
    why: str | None = None
    candidate_cost: Decimal | None = None
    reference_cost: Decimal | None = None
    judge_cost: Decimal = Decimal(0)
    tenant: str = ""
    tags: tuple[str, ...] = ()
    readings: Mapping[str, Any] = {}


Counts = Mapping[float, tuple[int, int]]
"""Scored pairs by their propensity: (regrets, pairs). Those of replicas add up."""
