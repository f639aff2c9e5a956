"""Decides which would-be hits are served, so that few of those that are served are wrong.

    tuning ─ all would-be hits are asked afresh; the first of them say how to score hits
    testing ─ still all asked afresh; evidence gathers on each level of the score
    certified ─ hits of the certified level are served, a sampled share of them asked afresh

**The claim.** A level is the set of would-be hits that score above its threshold. It is served only
once "the wrong share of its hits is ``max_error`` or more" has been refuted by bets that may be
looked at after every pair (``quality.evidence``); with probability ``confidence`` no level is ever
certified wrongly. What scores and levels are was fixed before the first pair that is counted.

**Many levels, one error.** Levels are tested in a fixed order; each has a part of the error, and
hands it on to the next when it is certified (the fallback procedure). Each new tuning has half of
the error that was left before.

**Propensities.** A pair that was sampled with propensity π has size q / π in its bet, where q is
the least propensity that any hit of that level had when it was sampled. While nothing is served
both are 1, so that learning is fast; once hits are served, those of a level looser than the served
one count less where they are all asked.

No I/O and no clock: what comes out hangs on nothing but what was given.
Sources: Angelopoulos et al. 2021, arXiv 2110.01052 (learn then test); Wiens 2003, "A fixed sequence
Bonferroni procedure for testing multiple endpoints", Pharmaceutical Statistics 2; ``betting``.
"""

import math
from typing import Literal

import numpy as np
from msgspec import Struct, field

from stepdown.caching.semantic.calibration import Calibration, Labels, Rows, fit_logistic
from stepdown.quality.evidence import Counts, against_at_least, against_at_most

Verdict = Literal["serve", "verify", "miss"]

QUANTILES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""The share of the tuning's would-be hits that is in each level, the strictest first."""
PATIENCE = 6
"""So many times the pairs of the tuning are tested in vain before there is a new tuning, and as
many times again where a level looks as if it may still be certified."""
MOST_ROWS = 2_000
_PROMISING = 0.5
"""A level looks good where at most this part of ``max_error`` seems to be wrong."""


class BoundTerms(Struct, frozen=True):
    """At most ``max_error`` of the served hits are wrong, with probability ``confidence``.

    ``sample`` is the share of certified hits that is asked afresh all the same. ``tuning`` pairs
    are used to learn the score, and never for evidence. Raises ValueError.
    """

    max_error: float = 0.01
    confidence: float = 0.95
    sample: float = 0.1
    tuning: int = 300

    def __post_init__(self) -> None:
        for name in ("max_error", "confidence", "sample"):
            value = getattr(self, name)
            if not 0.0 < value < 1.0:
                raise ValueError(f"{name}: expected between 0 and 1, got {value}")
        if self.tuning < 20:
            raise ValueError(f"tuning: expected 20 or more pairs, got {self.tuning}")


class Choice(Struct, frozen=True):
    """What to do with a would-be hit, and what has to be told again in ``learn``.

    ``propensity`` is the probability with which such a hit is verified, ``score`` None where none
    was learned yet. ``served`` is the level that was served then, None where none was.
    """

    verdict: Verdict
    propensity: float = 1.0
    score: float | None = None
    epoch: int = 0
    served: int | None = None


class Level(Struct):
    """Pairs of one level: ``full`` of size 1 and ``small`` ones, each (wrong, pairs).

    Before it has ``due`` pairs it cannot be certified, whatever comes.
    """

    threshold: float
    share: float
    full: list[int] = field(default_factory=lambda: [0, 0])
    small: list[int] = field(default_factory=lambda: [0, 0])
    certified: bool = False
    hopeless: bool = False
    due: int = 0

    @property
    def wrong(self) -> int:
        return self.full[0] + self.small[0]

    @property
    def pairs(self) -> int:
        return self.full[1] + self.small[1]

    def counts(self, sample: float) -> Counts:
        return Counts({sample: (self.full[0], self.full[1]), 1.0: (self.small[0], self.small[1])})


class State(Struct):
    """All that a restart has to keep. ``levels`` stand from the strictest on; ``watched`` counts
    (wrong, pairs) among hits that were served, or would have been but for being sampled."""

    epoch: int = 0
    rows: list[list[float]] = field(default_factory=list[list[float]])
    right: list[bool] = field(default_factory=list[bool])
    wanted: int = 0
    calibration: Calibration | None = None
    levels: list[Level] = field(default_factory=list[Level])
    order: list[int] = field(default_factory=list[int])
    watched: list[int] = field(default_factory=lambda: [0, 0])
    trips: int = 0


class Bound:
    """The controller of one route's semantic cache. Not safe to share among threads."""

    def __init__(self, terms: BoundTerms, state: State | None = None) -> None:
        self.terms = terms
        self.state = State(wanted=terms.tuning) if state is None else state

    # ── one request ──────────────────────────────────────────────────────────────────────────

    def decide(self, row: Rows, uniform: float) -> Choice:
        """What to do with a would-be hit of these features. ``uniform`` in [0, 1) is drawn for it
        alone, and independent of the row and of the answers."""
        state = self.state
        if state.calibration is None:
            return Choice("verify", epoch=state.epoch)
        score = state.calibration.score(row)
        served = self.served
        if not state.levels or score < self._loosest():
            return Choice("miss", 0.0, score, state.epoch, served)
        if served is None or score < state.levels[served].threshold:
            return Choice("verify", 1.0, score, state.epoch, served)
        sample = self.terms.sample
        verdict: Verdict = "verify" if uniform < sample else "serve"
        return Choice(verdict, sample, score, state.epoch, served)

    def learn(self, row: Rows, choice: Choice, right: bool | None) -> None:
        """Whether the held answer of a verified would-be hit was as good as the fresh one.

        None: nothing could tell. Such a pair counts as wrong wherever evidence is gathered, so that
        nothing is certified that would not be if every one of them were; no score is learned of it.
        """
        state = self.state
        if right is not None:
            self._remember(row, right)
        if choice.epoch != state.epoch or choice.score is None:
            return
        if choice.propensity < 1.0:
            self._watch(bool(right))
        if choice.epoch == state.epoch:
            self._count(choice, choice.score, bool(right))

    def to_learn_from(self) -> tuple[Rows, Labels] | None:
        """The pairs that the score is to be learned from now, which ``tune`` waits for; else None.

        It takes some milliseconds, and needs nothing but these.
        """
        state = self.state
        if state.calibration is not None or len(state.rows) < state.wanted:
            return None
        return np.asarray(state.rows), np.asarray(state.right, bool)

    def tune(self, calibration: Calibration, rows: Rows, right: Labels) -> None:
        """Take the score that was learned from these pairs, and set the levels. What is verified
        from now on is evidence."""
        state = self.state
        scores = calibration.scores(rows)
        ranked = np.argsort(-scores, kind="stable")
        wrong = 1.0 / (1.0 + np.exp(scores[ranked]))
        found = ~right[ranked]
        places = [max(1, math.ceil(part * len(scores))) for part in QUANTILES]
        state.calibration = calibration
        state.levels = [
            Level(float(scores[ranked[place - 1]]), part)
            for place, part in zip(places, QUANTILES, strict=True)
        ]
        seems = [max(float(wrong[:place].mean()), float(found[:place].mean())) for place in places]
        first = max(
            (n for n, each in enumerate(seems) if each <= _PROMISING * self.terms.max_error),
            default=0,
        )
        state.order = [*range(first, len(places)), *range(first - 1, -1, -1)]
        state.watched = [0, 0]

    def settle(self) -> None:
        """Learn the score at once, where it is to be."""
        pairs = self.to_learn_from()
        if pairs is not None:
            self.tune(fit_logistic(*pairs), *pairs)

    def report(self) -> None:
        """A served hit was found to be wrong by whoever got it: it counts as one that was sampled.

        That cannot certify anything, and trips sooner than without.
        """
        if self.served is not None:
            self._watch(right=False)

    # ── what is known ────────────────────────────────────────────────────────────────────────

    @property
    def served(self) -> int | None:
        """The loosest certified level, None where none is."""
        levels = self.state.levels
        return max((place for place, each in enumerate(levels) if each.certified), default=None)

    @property
    def phase(self) -> Literal["tuning", "testing", "certified"]:
        if self.state.calibration is None:
            return "tuning"
        return "testing" if self.served is None else "certified"

    @property
    def pairs(self) -> int:
        """Pairs that were tested in this epoch."""
        return max((each.pairs for each in self.state.levels), default=0)

    # ── learning ─────────────────────────────────────────────────────────────────────────────

    def _remember(self, row: Rows, right: bool) -> None:
        """The latest are kept."""
        state = self.state
        state.rows.append([float(each) for each in row])
        state.right.append(right)
        if len(state.rows) > MOST_ROWS:
            del state.rows[: len(state.rows) - MOST_ROWS]
            del state.right[: len(state.right) - MOST_ROWS]

    def _count(self, choice: Choice, score: float, right: bool) -> None:
        state, served = self.state, choice.served
        for level in state.levels:
            if score < level.threshold or level.certified:
                continue
            full = served is None or choice.propensity < 1.0
            pairs = level.full if full else level.small
            pairs[0] += not right
            pairs[1] += 1
        self._test(right)
        if self.served is None and self._is_vain():
            self._begin_anew()

    def _is_vain(self) -> bool:
        levels, most = self.state.levels, PATIENCE * self.state.wanted
        if all(level.hopeless for level in levels):
            return True
        if self.pairs < most:
            return False
        good = _PROMISING * self.terms.max_error
        return self.pairs >= 2 * most or not any(
            level.wrong <= good * level.pairs for level in levels if level.pairs
        )

    def _test(self, right: bool) -> None:
        """Certify what can be, in the order of the levels, or give up what is shown to be bad.

        A right pair can only do the one, a wrong one only the other.
        """
        state, terms = self.state, self.terms
        if not right:
            for level in state.levels:
                if not (level.certified or level.hopeless):
                    level.hopeless = self._is_refuted(level)
            return
        error = math.ldexp(1.0 - terms.confidence, -state.epoch - 1)
        fastest = -math.log1p(-terms.max_error)
        shares = [2.0 ** -abs(place - state.order[0]) for place in state.order]
        handed = 0.0
        for rank, place in enumerate(state.order):
            level = state.levels[place]
            alpha = error * (handed + shares[rank] / sum(shares))
            if not (level.certified or level.hopeless) and level.pairs >= level.due:
                log_e = against_at_least(level.counts(terms.sample), terms.max_error, terms.sample)
                lacking = -math.log(alpha) - log_e
                level.certified = lacking <= 0.0
                level.due = level.pairs + math.floor(lacking / fastest)
                if level.certified and rank + 1 < len(state.order):
                    state.levels[state.order[rank + 1]].due = 0
            handed = alpha / error if level.certified else 0.0

    def _is_refuted(self, level: Level) -> bool:
        """Whether more than ``max_error`` of a level's hits are wrong, as far as can be known."""
        terms = self.terms
        against = against_at_most(level.counts(terms.sample), terms.max_error, terms.sample)
        return against >= -math.log(1.0 - terms.confidence)

    def _watch(self, right: bool) -> None:
        state, terms = self.state, self.terms
        state.watched[0] += not right
        state.watched[1] += 1
        counts = Counts({terms.sample: (state.watched[0], state.watched[1])})
        against = against_at_most(counts, terms.max_error, terms.sample)
        if against >= -math.log(1.0 - terms.confidence):
            state.trips += 1
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Learn the score again, from all pairs that are remembered and as many more."""
        state = self.state
        state.epoch += 1
        state.wanted = min(MOST_ROWS, 2 * state.wanted)
        state.calibration = None
        state.levels, state.order = [], []

    def _loosest(self) -> float:
        """The threshold of the loosest level that may still be certified, or is."""
        levels = self.state.levels
        return next(
            (each.threshold for each in reversed(levels) if each.certified or not each.hopeless),
            math.inf,
        )
