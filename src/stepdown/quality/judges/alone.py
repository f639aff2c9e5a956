"""Judges each answer by itself: one call for each that says something of its own."""

from collections.abc import Generator, Mapping, Sequence

from stepdown.cascade.question import Question
from stepdown.quality.judges.asking import Said, answer_shown, asking, hear, said, unfit
from stepdown.types import Choice, Consult, Scores, Task

WISH = "Judge the answer."


def judge_alone(
    name: str,
    question: Question,
    worth: Mapping[str, float],
    choices: Sequence[Choice | None],
    task: Task,
    known: Sequence[tuple[str, str]] = (),
) -> Generator[Consult, Sequence[Choice | None], Scores]:
    """The answers' scores: what each one's verdict is worth, 0..1.

    ``known`` are texts, by their names, that are shown beside the conversation. All answers are
    asked about at once; nothing is compared, so ``Scores.judged`` stays 0.
    """
    distinct = {said(each): answer_shown(each) for each in choices if each is not None}
    whys = {key: unfit([("answer", text), *known]) for key, text in distinct.items()}
    fit = {key: text for key, text in distinct.items() if whys[key] is None}
    heard = yield from hear(
        question,
        [asking(question, task.request, [*known, ("answer", text)], WISH) for text in fit.values()],
    )
    verdicts = {key: each.verdict for key, each in zip(fit, heard, strict=True)}
    values = [_value(each, verdicts, worth) for each in choices]
    reasons = [*whys.values(), *(each.why for each in heard)]
    return Scores(tuple(values), name, why=next(filter(None, reasons), None))


def _value(
    choice: Choice | None,
    verdicts: Mapping[Said, str | None],
    worth: Mapping[str, float],
) -> float | None:
    verdict = None if choice is None else verdicts.get(said(choice))
    return None if verdict is None else worth[verdict]
