"""Scores two answers to a live request, of which nobody knows what is right; cheapest ways first.

    agreement ─ the configured scorers ─ a difference that counts ─ the judges

Answers that say the same are a tie. Where answers can be compared exactly (JSON that was asked for,
a label, yes or no, a number, tool calls) a difference counts for the reference: that is safe, since
some differences are none in substance, and some are the reference's mistakes. Differences in long
texts within JSON are left to a judge where there is one.

Whether a pair can be scored must not hang on whether the answers agree: else agreements alone would
be counted where no judge is asked, and any rule would look good. So agreement is a score only where
a difference would have been one, too.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, cast

from stepdown.cascade.answers import meaning
from stepdown.cascade.validators.json import Unreadable
from stepdown.ports import Judge, Scorer
from stepdown.quality.defaults import LONGEST, MOST_WORDS
from stepdown.quality.driving import Told
from stepdown.quality.json_values import leaves, read_json, same
from stepdown.quality.judges.asking import said
from stepdown.quality.scorers.custom import CustomScorer
from stepdown.quality.settle import NO_SCORER, is_judge, settle
from stepdown.routing.signals.output import shape
from stepdown.types import Choice, Consult, Reading, Request, Scores, Task

AGREEMENT = "agreement"
BY_REFERENCE = frozenset(
    ("exact", "normalised", "numeric", "json", "json_fields", "label", "bleu", "chrf", "embedding")
)
"""Built-in scorers that compare with one right text: here the reference's answer stands for it."""
SURE = 0.99
"""What the reference's answer has to score against itself, at least, to stand for a right one."""

_EXACT_OUTPUTS = frozenset(("label", "yes_no", "number", "tool_call"))
_JSON = ("json_schema", "json_object")

Scoring = Generator[Consult, Told, Scores]


class LiveScorers:
    """What scores pairs of live answers, in the order of ``scorers``; judges come last."""

    def __init__(self, scorers: Sequence[Scorer | Judge] = ()) -> None:
        self.judges = [each for each in scorers if is_judge(each)]
        self._free = [cast("Scorer", each) for each in scorers if not is_judge(each)]

    def score(
        self,
        candidate: Choice,
        reference: Choice,
        request: Request,
        readings: Mapping[str, Reading],
    ) -> Scoring:
        """The scores of both answers, the reference's last; None for both where none can tell."""
        task = Task(request)
        exact = is_exact(request, readings) or bool(candidate.tool_calls or reference.tool_calls)
        judges = [each for each in self.judges if _applies(each, task)]
        tasks = [(each, _known(each, reference, task)) for each in self._free]
        free = [(scorer, known) for scorer, known in tasks if _applies(scorer, known)]
        if not (exact or judges or free):
            return Scores((None, None), why=NO_SCORER)
        if agree(candidate, reference):
            return Scores((1.0, 1.0), AGREEMENT)
        scores = Scores((None, None), why=NO_SCORER)
        for scorer, known in free:
            scores = yield from settle((scorer,), (candidate, reference), known)
            value = scores.values[1]
            if value is not None and (known is task or value >= SURE):
                return scores
        if exact and not (judges and differ_in_prose_only(candidate, reference)):
            return Scores((0.0, 1.0), AGREEMENT)
        if judges:
            scores = yield from settle(judges, (candidate, reference), task)
        return scores if None not in scores.values else Scores((None, None), why=scores.why)


def agree(one: Choice, other: Choice) -> bool:
    """Whether two answers say the same: the same words or value, the same calls, or nothing."""
    if one.refusal and other.refusal:
        return True
    if said(one) == said(other):
        return True
    meant = meaning(one)
    return meant is not None and meant == meaning(other)


def is_exact(request: Request, readings: Mapping[str, Reading]) -> bool:
    """Whether answers to this request can be compared as values."""
    form = request.prompt.response_format
    if form is not None and form.type in _JSON:
        return True
    reading = readings.get("output")
    return (shape(request) if reading is None else reading.value) in _EXACT_OUTPUTS


def differ_in_prose_only(one: Choice, other: Choice) -> bool:
    """Whether two JSON answers, or the arguments of two lists of calls, have the same shape and
    differ in nothing but long texts."""
    first, second = _values(one), _values(other)
    if first is None or second is None:
        return False
    mine, theirs = leaves(first), leaves(second)
    return mine.keys() == theirs.keys() and all(
        same(value, theirs[path]) or (_is_prose(value) and _is_prose(theirs[path]))
        for path, value in mine.items()
    )


def _values(choice: Choice) -> Any:
    """The JSON of an answer, or of its calls; None where it is no JSON."""
    try:
        if not choice.tool_calls:
            return read_json(choice.text)
        return [[call.name, read_json(call.arguments or "{}")] for call in choice.tool_calls]
    except Unreadable:
        return None


def _is_prose(value: Any) -> bool:
    """Whether it is a text that has more than one way to be right."""
    return isinstance(value, str) and (len(value) > LONGEST or len(value.split()) > MOST_WORDS)


def _known(scorer: Scorer, reference: Choice, task: Task) -> Task:
    """The task as this scorer is to see it."""
    if scorer.name in BY_REFERENCE and not isinstance(scorer, CustomScorer):
        return Task(task.request, expected=reference.text)
    return task


def _applies(scorer: Scorer | Judge, task: Task) -> bool:
    try:
        return scorer.applies(task)
    except Exception:  # noqa: BLE001  a user's scorer may raise anything
        return False
