"""What came of one item: each rung's answer with its score, and which of them the route served."""

from decimal import Decimal

from msgspec import Struct

TEXT_SHOWN = 4_000
"""Characters of a prompt or an answer that a row keeps for reports."""
_ROUNDING = 1e-9
"""A lead of just the margin is no regret, whatever subtraction makes of it."""


class Rung(Struct, frozen=True):
    """One model's answer. ``score`` is in 0..1, None where it is unscored.

    ``cost`` is US dollars of this call, None where it is unknown. ``error`` says why there is no
    answer. ``seconds`` is how long the call took when it was made.
    """

    model: str
    score: float | None = None
    cost: Decimal | None = None
    answer: str | None = None
    error: str | None = None
    seconds: float | None = None


class Row(Struct, frozen=True):
    """One item under one route.

    ``rungs`` are in the ladder's order: the last is the reference. ``rung`` is the one whose answer
    the route would have served, ``decided`` the one that it would have asked first (they differ
    where a cascade climbed). ``decision`` is the rule that decided, or a built-in reason such as
    ``default``; ``ambiguous`` as in ``types.Decision``. ``cost`` is what the route would have spent
    in US dollars, rejected tries and graders included; None where a price is unknown. ``scorer``
    settled the scores; ``why`` says why some are missing. ``flips`` and ``judged`` are as in
    ``types.Scores``. ``tokens`` estimates the prompt's length. ``pair`` tells the served answer and
    the reference from other pairs (``quality.labelled.pair_key``).
    ``matched`` are the rules that said yes, ``borderline`` those that are unsure; the others said
    no, also those that a first match spares from being asked.
    """

    id: str
    line: int
    prompt: str
    tokens: int
    decision: str
    rung: int
    decided: int
    ambiguous: bool
    rungs: tuple[Rung, ...]
    cost: Decimal | None = None
    tags: tuple[str, ...] = ()
    intent: str | None = None
    scorer: str = ""
    flips: int = 0
    judged: int = 0
    why: str | None = None
    pair: str = ""
    matched: tuple[str, ...] = ()
    borderline: tuple[str, ...] = ()

    @property
    def served(self) -> Rung:
        return self.rungs[self.rung]

    @property
    def reference(self) -> Rung:
        return self.rungs[-1]

    @property
    def downgraded(self) -> bool:
        """Whether another rung than the last would have answered."""
        return self.rung < len(self.rungs) - 1

    @property
    def reference_cost(self) -> Decimal | None:
        return self.reference.cost

    def lead(self, rung: int | None = None) -> float | None:
        """By how much the reference's score is above a rung's (by default the served one's)."""
        served = self.rungs[self.rung if rung is None else rung].score
        reference = self.reference.score
        return None if served is None or reference is None else reference - served

    def regretted(self, margin: float, rung: int | None = None) -> bool | None:
        """Whether the reference scored higher by more than the margin; None where unscored."""
        lead = self.lead(rung)
        return None if lead is None else lead > margin + _ROUNDING
