"""What is asked of one thing that is guarded: the budget, how sure, and what follows."""

from msgspec import Struct

from stepdown.quality.correction import JudgeErrors
from stepdown.quality.intervals import error_of

DAY = 86_400.0


class Probation(Struct, frozen=True):
    """How long a trip lasts: so many requests, so many seconds, or both where both are given."""

    requests: int = 0
    seconds: float = 0.0

    def over(self, requests: int, seconds: float) -> bool:
        """Whether it is, with so many requests claimed and so many seconds gone since the trip."""
        return requests >= self.requests and seconds >= self.seconds


class Terms(Struct, frozen=True):
    """Under which terms something is guarded. Raises ValueError.

    ``budget`` is the regret, between 0 and 1, below which it is certified and above which it trips.
    ``least`` is the least propensity with which its requests are sampled in its present state.
    ``family`` guarded things share the error, 1 - ``confidence``, evenly. Without ``auto_promote``
    what is certified goes on being observed until somebody promotes it; without ``probation`` what
    tripped stays so. ``judge``: how the judge errs that says what a regret is, where that is known.

    Terms hold for a stint (see ``states``); which limits are tested depends on them. A larger
    ``least`` or another ``judge`` in the middle of a stint makes other tests of the same pairs,
    whose errors add up.
    """

    budget: float
    least: float
    confidence: float = 0.95
    family: int = 1
    auto_promote: bool = True
    probation: Probation | None = Probation(seconds=DAY)
    judge: JudgeErrors | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.budget < 1.0:
            raise ValueError(f"budget: expected between 0 and 1, got {self.budget}")
        if not 0.0 < self.least <= 1.0:
            raise ValueError(f"least: expected a propensity above 0 to 1, got {self.least}")
        if self.family < 1:
            raise ValueError(f"family: expected 1 or more, got {self.family}")
        error_of(self.confidence)

    @property
    def error(self) -> float:
        """How often this one may be judged wrongly: its part of what all may."""
        return error_of(self.confidence) / self.family
