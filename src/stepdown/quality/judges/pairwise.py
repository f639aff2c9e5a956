"""``judge``: is an answer better than the reference? Asked in both orders; a win rate.

    judge: {model: MODEL_NAME, criteria: "Polite.", show_expected: true, max_tokens: 50}

An answer scores 1 where the judge prefers it to the reference in both orders, 0 where it prefers
the reference in both, 0.5 otherwise; the reference scores 0.5. Only what both orders say moves a
score: a preference in one order and a tie in the other is a tie, and so is a contradiction, which
is counted as a flip. So no regret is claimed that hangs on the order of the answers; how many this
misses is what ``stepdown.quality.judge_check`` measures.

Source: Zheng et al. 2023, "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena",
arXiv 2306.05685 (both orders, an inconsistent verdict is a tie).
"""

from collections.abc import Generator, Sequence
from typing import Any

from msgspec import Struct

from stepdown.cascade.question import Question
from stepdown.quality.judges.asking import (
    MARKS,
    Heard,
    Said,
    answer_shown,
    asking,
    hear,
    known_answer,
    read_given,
    read_options,
    said,
    unfit,
    with_criteria,
)
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Consult, Request, Scores, Task

NO_REFERENCE = "the reference's answer is missing"
_VERDICTS = ("A", "B", "tie")
_INSTRUCTIONS = f"""\
You compare two answers, A and B, that assistants gave at the end of the same conversation. Say \
which of them does better what the conversation asks for: which is more correct, then which is \
more complete and more nearly in the form that was asked for. Length, polish and the order in \
which the answers stand do not count. Say tie where both serve the one who asked equally well or \
equally badly, and where you cannot tell. Where a known right answer is shown, an answer that \
agrees with it in substance is correct, and one that does not is not; of a JSON list of texts \
shown there, each is right.

{MARKS}

Reply with JSON only: {{"better": "A"}}, or "B", or "tie"."""


class _Verdict(Struct, frozen=True):
    """Of one comparison with the reference. ``value`` is None where there is none: see ``why``."""

    value: float | None
    flipped: bool = False
    why: str | None = None


_EQUAL = _Verdict(0.5)


class Pairwise:
    """Implements ``ports.Judge``: compares each answer with the last, the reference.

    An answer that says what the reference says is a tie without a call, and the same answer from
    two models is compared once. ``Scores.judged`` counts the comparisons that were asked and read
    in both orders.
    """

    name = "judge"

    def __init__(
        self,
        model: str,
        criteria: str | None = None,
        *,
        show_expected: bool = True,
        max_tokens: int | None = None,
    ) -> None:
        self.model = model
        """A ``model_name`` of the configuration."""
        self._show_expected = show_expected
        instructions = with_criteria(_INSTRUCTIONS, criteria)
        self._question = Question(model, instructions, "better", _VERDICTS, max_tokens)

    def applies(self, task: Task) -> bool:
        return True

    def judge(
        self, choices: Sequence[Choice | None], task: Task
    ) -> Generator[Consult, Sequence[Choice | None], Scores]:
        """The answers' scores, with all comparisons asked at once."""
        *others, reference = choices
        if reference is None:
            return Scores((None,) * len(choices), self.name, why=NO_REFERENCE)
        distinct = {said(each): each for each in others if each is not None}
        distinct.pop(said(reference), None)
        whys = {key: self._unfit(each, reference, task) for key, each in distinct.items()}
        fit = {key: each for key, each in distinct.items() if whys[key] is None}
        requests = [
            request for each in fit.values() for request in self._both_orders(each, reference, task)
        ]
        heard = yield from hear(self._question, requests)
        verdicts = {key: _Verdict(None, why=why) for key, why in whys.items()}
        verdicts.update(zip(fit, map(_together, heard[::2], heard[1::2]), strict=True))
        return self._scores(others, reference, verdicts)

    def _scores(
        self,
        others: Sequence[Choice | None],
        reference: Choice,
        verdicts: dict[Said, _Verdict],
    ) -> Scores:
        of = {**verdicts, said(reference): _EQUAL}
        values = [None if each is None else of[said(each)].value for each in others]
        return Scores(
            (*values, 0.5),
            self.name,
            flips=sum(each.flipped for each in verdicts.values()),
            judged=sum(each.value is not None for each in verdicts.values()),
            why=next((each.why for each in verdicts.values() if each.why), None),
        )

    def _unfit(self, choice: Choice, reference: Choice, task: Task) -> str | None:
        """Why the two cannot be shown whole, or None."""
        answers = [
            ("answer", answer_shown(choice)),
            ("reference's answer", answer_shown(reference)),
        ]
        return unfit([*answers, *self._known(task)])

    def _both_orders(self, choice: Choice, reference: Choice, task: Task) -> list[Request]:
        answers = answer_shown(choice), answer_shown(reference)
        return [self._asking(first, second, task) for first, second in (answers, answers[::-1])]

    def _asking(self, first: str, second: str, task: Task) -> Request:
        parts = [*self._known(task), ("answer A", first), ("answer B", second)]
        return asking(self._question, task.request, parts, "Say which answer is better.")

    def _known(self, task: Task) -> list[tuple[str, str]]:
        """What is shown of a right answer."""
        if not self._show_expected or task.expected is None:
            return []
        return [known_answer(task.expected)]


def _together(answer_first: Heard, reference_first: Heard) -> _Verdict:
    """What the verdicts in both orders say of the answer: first it is A, then B."""
    if answer_first.verdict is None or reference_first.verdict is None:
        return _Verdict(None, why=answer_first.why or reference_first.why)
    match answer_first.verdict, reference_first.verdict:
        case "A", "B":
            return _Verdict(1.0)
        case "B", "A":
            return _Verdict(0.0)
        case ("A", "A") | ("B", "B"):
            return _Verdict(0.5, flipped=True)
        case _:
            return _EQUAL


def build(options: Any, path: str, problems: Problems) -> Pairwise | None:
    """A judge from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_given(options, ("show_expected",), path, problems)
    common = read_options(given, path, problems)
    show = given.get("show_expected", True)
    if not isinstance(show, bool):
        problems.expected(f"{path}.show_expected", "true or false", show)
    if len(problems.lines) > known or common is None:
        return None
    return Pairwise(common.model, common.criteria, show_expected=show, max_tokens=common.max_tokens)
