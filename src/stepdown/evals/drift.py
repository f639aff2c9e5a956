"""What a series of evaluations shows: the latest regret, and from which run on something moved.

Looked at are the regret of the downgrades, and of each model of the ladder which items it gets
right. Within a series only a provider can have moved these, or chance; a flag is raised where
chance would so seldom do it that over all looks at the series, however long it grows, any flag is
false with probability ``error`` at most. The error is split evenly over what is looked at, and over
the looks by ``change_point``. A judge is a model too: where one gives the scores, it may be the one
that moved.

A flag stays while the runs that are compared (``changes.LONGEST``, the last ones) show it. To go on
sooner from a change that is known, leave the runs before it out.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from stepdown.binomial import lower_tail
from stepdown.evals.history import Run
from stepdown.evals.words import percent
from stepdown.quality.changes import change_point
from stepdown.quality.intervals import each_of, error_of

RIGHT = 0.5
"""From here on a score counts as right. In pairs a judge's tie with the reference does."""


class Flag(Struct, frozen=True):
    """Something moved: the regret (``model`` None), or how often a model is right.

    ``run`` is the first one after the change, from 1, and ``time`` is when that was (seconds since
    1970). ``before`` and ``after`` are rates in 0..1. ``p`` is the probability that chance alone
    shows as much.
    """

    model: str | None
    run: int
    time: float
    before: float
    after: float
    p: float

    @property
    def line(self) -> str:
        """For people."""
        what = "regret" if self.model is None else f"{self.model}'s share of right answers"
        moved = "rose" if self.after > self.before else "fell"
        return (
            f"{what} {moved} from {percent(self.before)} to {percent(self.after)} "
            f"from run {self.run} ({datetime.fromtimestamp(self.time, UTC):%Y-%m-%d}) on"
        )


class Look(Struct, frozen=True):
    """The runs of a series, oldest first, and what they show.

    ``above``: the latest run's regret is shown to be above ``limit``.
    """

    runs: tuple[Run, ...]
    flags: tuple[Flag, ...]
    limit: float | None = None
    above: bool = False

    @property
    def latest(self) -> Run:
        return self.runs[-1]

    @property
    def alarms(self) -> tuple[str, ...]:
        """For people, a line for each thing that wants to be looked into."""
        lines = [flag.line for flag in self.flags]
        if self.above and self.limit is not None:
            regret = self.latest.regret
            lines.append(
                f"regret is above {percent(self.limit)}: "
                f"{regret.events:,} of {regret.trials:,} scored downgrades"
            )
        return tuple(lines)


def look(runs: Sequence[Run], limit: float | None = None) -> Look:
    """What the runs of one series show, oldest first; at least one.

    The error is what the latest run's confidence leaves: for all flags together, and again for the
    limit (a rate in 0..1).
    """
    latest = runs[-1]
    ladder = latest.series.ladder
    error = error_of(each_of(latest.confidence, 1 + len(ladder)))
    flags = [_flag(None, [_regretted(run) for run in runs], error, runs)]
    for rung, model in enumerate(ladder):
        flags.append(_flag(model, [_right(run, rung) for run in runs], error, runs))
    above = limit is not None and is_above(latest, limit, len(runs))
    return Look(tuple(runs), tuple(flag for flag in flags if flag is not None), limit, above)


def is_above(run: Run, limit: float, looks: int) -> bool:
    """Whether a run shows the regret to be above a limit, at the ``looks``-th look at its series.

    An exact binomial test. Look k spends 1 / (k (k + 1)) of the error, so that over all looks the
    data set's regret is said to be above a limit that it keeps with probability ``error`` at most.
    """
    if not run.scored:
        return False
    error = error_of(run.confidence) / (looks * (looks + 1))
    return lower_tail(run.scored - run.regrets, run.scored, 1.0 - limit) <= error


def _flag(
    model: str | None, outcomes: Sequence[Mapping[str, bool]], error: float, runs: Sequence[Run]
) -> Flag | None:
    change = change_point(outcomes, error)
    if change is None:
        return None
    first = runs[change.at]
    return Flag(model, change.at + 1, first.time, change.before, change.after, change.p)


def _regretted(run: Run) -> dict[str, bool]:
    return {each.item: each.regretted for each in run.outcomes if each.regretted is not None}


def _right(run: Run, rung: int) -> dict[str, bool]:
    scores = ((each.item, each.scores[rung]) for each in run.outcomes)
    return {item: score >= RIGHT for item, score in scores if score is not None}
