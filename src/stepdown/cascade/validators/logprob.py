"""``logprob``: the model's own confidence, from the log probabilities of the answer's tokens.

    logprob: {mean: -0.3, min: -4.0, margin: 0.5, over: answer | label | field, field: NAME}

``mean`` and ``min`` are the least natural-log probability that the tokens may have on average and
each; ``margin`` is the least lead of each token on its best alternative. ``over`` says which
tokens count: all of the answer's, those of its text without the space, quotes and punctuation
around it, or those of one top-level field's value where the answer is a JSON object.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from stepdown.cascade.member import MemberFinder
from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.mapping import read_mapping, read_number, read_text
from stepdown.names import known_names
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, Request, Token

Over = Literal["answer", "label", "field"]

_KINDS: tuple[Over, ...] = ("answer", "label", "field")
_AROUND = " \t\r\n\f\v\u00a0\u2028\u3000\"'`.,;:!?()[]{}*_«»‘’“”„…。、！？"  # fmt: skip
_UNTOLD = "the upstream told no log probabilities"


class Floor(Struct, frozen=True, gc=False):
    """The least that an answer's tokens have to reach; None asks nothing."""

    mean: float | None = None
    min: float | None = None
    margin: float | None = None
    over: str = "answer"
    """What the tokens are of, in words."""


class LogProb(Base):
    """Passes an answer whose tokens reach the floor."""

    name = "logprob"

    def __init__(self, floor: Floor, over: Over = "answer", field: str = "") -> None:
        self.top_logprobs = 0 if floor.margin is None else 2
        self.settles = over == "field"
        self._floor = floor
        self._over = over
        self._field = field
        self._drops = floor.min is not None or floor.margin is not None or over == "field"

    def check(self, choice: Choice, request: Request) -> str | None:
        if not choice.tokens:
            return _UNTOLD
        reading = self._reading()
        return reading.take(choice.tokens) or reading.end()

    def watch(self, request: Request) -> Watch | None:
        return LogProbWatch(self._reading()) if self._drops else None

    def _reading(self) -> "Reading":
        if self._over == "field":
            return FieldReading(self._floor, self._field)
        return LabelReading(self._floor) if self._over == "label" else Reading(self._floor)


class LogProbWatch:
    """Implements ``ports.Watch``: drops an answer at the first token that cannot be made good."""

    __slots__ = ("_reading",)

    def __init__(self, reading: "Reading") -> None:
        self._reading = reading

    @property
    def settled(self) -> bool:
        return self._reading.settled

    def feed(self, piece: Piece) -> str | None:
        return self._reading.take(piece.tokens) if piece.tokens else None


# ── Which tokens count ───────────────────────────────────────────────────────────────────────


class Reading:
    """All the tokens of one answer, summed up as they come."""

    __slots__ = ("_count", "_floor", "_least", "_narrowest", "_total")
    settled = False

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._count = 0
        self._total = 0.0
        self._least = self._narrowest = math.inf

    def take(self, tokens: Sequence[Token]) -> str | None:
        """Why the answer fails whatever comes after these tokens, or None."""
        self._add(tokens)
        return self._too_low()

    def end(self) -> str | None:
        """Why the answer fails, now that all of its tokens were taken, or None."""
        floor = self._floor
        if not self._count:
            return f"no token carries the {floor.over}"
        mean = self._total / self._count
        if floor.mean is not None and not mean >= floor.mean:
            return f"mean log probability {mean:.3g} of the {floor.over} is below {floor.mean:g}"
        return None

    def _add(self, tokens: Sequence[Token]) -> None:
        total, least = self._total, self._least
        for token in tokens:
            logprob = token.logprob
            total += logprob
            if logprob < least:
                least = logprob
        if math.isnan(total):
            least = -math.inf
        self._count += len(tokens)
        self._total, self._least = total, least
        if self._floor.margin is not None:
            self._add_leads(tokens)

    def _add_leads(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            lead = -math.inf if token.runner_up is None else token.logprob - token.runner_up
            if not lead >= self._narrowest:
                self._narrowest = -math.inf if math.isnan(lead) else lead

    def _too_low(self) -> str | None:
        floor = self._floor
        if floor.min is not None and self._least < floor.min:
            return (
                f"log probability {self._least:.3g} of a token of the {floor.over} "
                f"is below {floor.min:g}"
            )
        if floor.margin is not None and self._narrowest < floor.margin:
            if self._narrowest == -math.inf:
                return f"the upstream told no alternative to a token of the {floor.over}"
            return (
                f"a token of the {floor.over} leads its runner-up by {self._narrowest:.3g}, "
                f"less than {floor.margin:g}"
            )
        return None


class LabelReading(Reading):
    """The tokens from the first to the last that is more than quotes, punctuation and space."""

    __slots__ = ("_begun", "_held")

    def __init__(self, floor: Floor) -> None:
        super().__init__(floor)
        self._begun = False
        self._held: list[Token] = []

    def take(self, tokens: Sequence[Token]) -> str | None:
        held = self._held
        counted: list[Token] = []
        for token in tokens:
            if token.text.strip(_AROUND):
                self._begun = True
                if held:
                    counted += held
                    held.clear()
                counted.append(token)
            elif self._begun:
                held.append(token)
        self._add(counted)
        return self._too_low()


class FieldReading(Reading):
    """The tokens that carry the value of one top-level field."""

    __slots__ = ("_finder", "settled")

    def __init__(self, floor: Floor, field: str) -> None:
        super().__init__(floor)
        self._finder = MemberFinder(field)
        self.settled = False

    def take(self, tokens: Sequence[Token]) -> str | None:
        finder = self._finder
        if finder.ended:
            return None
        for token in tokens:
            if finder.carries(token.text):
                self._add((token,))
            if finder.ended:
                reason = self._too_low() or super().end()
                self.settled = reason is None
                return reason
        return self._too_low()

    def end(self) -> str | None:
        if self.settled:
            return None
        return f"the answer ends before the {self._floor.over} does"


# ── Building ─────────────────────────────────────────────────────────────────────────────────


def build(options: Any, path: str, problems: Problems) -> LogProb | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_mapping(options, ("mean", "min", "margin", "over", "field"), path, problems)
    mean = read_number(given, "mean", path, problems, high=0.0)
    least = read_number(given, "min", path, problems, high=0.0)
    margin = read_number(given, "margin", path, problems, low=0.0)
    field = read_text(given, "field", path, problems)
    over = given.get("over", "answer" if field is None else "field")
    if over not in _KINDS:
        problems.add(f"{path}.over", f"no such choice.{known_names(str(over), _KINDS)}")
    elif (over == "field") != ("field" in given):
        problems.add(path, "expected both over: field and field: NAME, or neither")
    if len(problems.lines) == known and mean is least is margin is None:
        problems.add(path, "expected a threshold (mean, min or margin), got none")
    if len(problems.lines) > known:
        return None
    words = over if field is None else f"field {field!r:.40}"
    return LogProb(Floor(mean, least, margin, words), over, field or "")
