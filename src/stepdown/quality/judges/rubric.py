"""``judge_rubric``: each answer alone gets a grade from 1 to 5; the score is (grade - 1) / 4.

    judge_rubric:
      model: MODEL_NAME
      criteria: "Polite, and in German."
      rubric: {1: "rude or wrong", 2: ..., 3: ..., 4: ..., 5: "friendly and right"}
      max_tokens: 50

``rubric`` says what each grade means, in place of the built-in meanings.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from stepdown.cascade.question import Question
from stepdown.quality.judges.alone import judge_alone
from stepdown.quality.judges.asking import MARKS, read_given, read_options, with_criteria
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_mapping
from stepdown.types import Choice, Consult, Scores, Task

GRADES = ("1", "2", "3", "4", "5")
RUBRIC: Mapping[str, str] = {
    "5": "correct and complete, nothing to improve that matters",
    "4": "correct; what is missing or amiss does not matter to the one who asked",
    "3": "partly correct, or cannot be told",
    "2": "mostly wrong, or leaves out what was asked for",
    "1": "wrong, empty, off the subject or a refusal without need",
}
_WORTH = {grade: (int(grade) - 1) / 4 for grade in GRADES}
_INSTRUCTIONS = """\
You grade the answer that an assistant gave at the end of a conversation. Grade whether the answer \
does what the conversation asks for. Length and polish do not count.

{rubric}

{marks}

Reply with JSON only: {{"grade": "1"}}, or "2", "3", "4" or "5"."""


class Rubric:
    """Implements ``ports.Judge``: grades each answer by itself, the reference too.

    An answer that several models gave is graded once.
    """

    name = "judge_rubric"

    def __init__(
        self,
        model: str,
        criteria: str | None = None,
        rubric: Mapping[str, str] = RUBRIC,
        max_tokens: int | None = None,
    ) -> None:
        """``rubric`` has a text for each of ``GRADES``."""
        self.model = model
        """A ``model_name`` of the configuration."""
        lines = "\n".join(f"{grade}: {rubric[grade].strip()}" for grade in reversed(GRADES))
        instructions = _INSTRUCTIONS.format(rubric=lines, marks=MARKS)
        self._question = Question(
            model, with_criteria(instructions, criteria), "grade", GRADES, max_tokens
        )

    def applies(self, task: Task) -> bool:
        return True

    def judge(
        self, choices: Sequence[Choice | None], task: Task
    ) -> Generator[Consult, Sequence[Choice | None], Scores]:
        """The answers' scores, with all of them asked about at once."""
        return judge_alone(self.name, self._question, _WORTH, choices, task)


def build(options: Any, path: str, problems: Problems) -> Rubric | None:
    """A judge from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_given(options, ("rubric",), path, problems)
    common = read_options(given, path, problems)
    rubric = RUBRIC
    if "rubric" in given:
        rubric = _read_rubric(given["rubric"], f"{path}.rubric", problems)
    if len(problems.lines) > known or common is None:
        return None
    return Rubric(common.model, common.criteria, rubric, common.max_tokens)


def _read_rubric(given: Any, path: str, problems: Problems) -> Mapping[str, str]:
    """The text of each grade; YAML may give the grades as numbers."""
    if not is_mapping(given):
        problems.expected(path, "a mapping of the grades 1 to 5 to what they mean", given)
        return RUBRIC
    texts = {str(grade): text for grade, text in given.items()}
    for grade in texts:
        if grade not in GRADES:
            problems.expected(path, "grades from 1 to 5", grade)
    for grade in GRADES:
        text = texts.get(grade)
        if grade not in texts:
            problems.add(f"{path}.{grade}", "expected what the grade means, got none")
        elif not isinstance(text, str) or not text.strip():
            problems.expected(f"{path}.{grade}", "a text", text)
    return texts
