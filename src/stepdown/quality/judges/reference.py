"""``judge_reference``: each answer alone against a known right one: right 1, partly 0.5, wrong 0.

    judge_reference: {model: MODEL_NAME, criteria: "The unit counts.", max_tokens: 50}

Applies only where a right answer is known (``Task.expected``). The name is that of reference-guided
grading; a ladder's reference, its last rung, is judged like every other answer. Source: Zheng et
al. 2023, "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena", arXiv 2306.05685, section 3.1.
"""

from collections.abc import Generator, Sequence
from typing import Any

from stepdown.cascade.question import Question
from stepdown.quality.judges.alone import judge_alone
from stepdown.quality.judges.asking import (
    MARKS,
    known_answer,
    read_given,
    read_options,
    with_criteria,
)
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Consult, Scores, Task

_WORTH = {"right": 1.0, "partly": 0.5, "wrong": 0.0}
_INSTRUCTIONS = f"""\
You check the answer that an assistant gave at the end of a conversation against an answer that is \
known to be right. Of a JSON list of texts shown as the known right answer, each is right. The \
wording, the length and the way to it do not count: only whether the answer says the same in \
substance.

right: it says the same, whatever it says besides without contradicting it
partly: it says some of the same and leaves out the rest, or mixes it with what is wrong
wrong: it says something else, does not answer, or cannot be told

{MARKS}

Reply with JSON only: {{"verdict": "right"}}, or "partly", or "wrong"."""


class ReferenceGuided:
    """Implements ``ports.Judge``: checks each answer against the task's known right one.

    An answer that several models gave is checked once.
    """

    name = "judge_reference"

    def __init__(
        self, model: str, criteria: str | None = None, max_tokens: int | None = None
    ) -> None:
        self.model = model
        """A ``model_name`` of the configuration."""
        instructions = with_criteria(_INSTRUCTIONS, criteria)
        self._question = Question(model, instructions, "verdict", tuple(_WORTH), max_tokens)

    def applies(self, task: Task) -> bool:
        return task.expected is not None

    def judge(
        self, choices: Sequence[Choice | None], task: Task
    ) -> Generator[Consult, Sequence[Choice | None], Scores]:
        """The answers' scores, with all of them asked about at once."""
        known = [known_answer(task.expected)]
        return judge_alone(self.name, self._question, _WORTH, choices, task, known)


def build(options: Any, path: str, problems: Problems) -> ReferenceGuided | None:
    """A judge from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_given(options, (), path, problems)
    common = read_options(given, path, problems)
    if len(problems.lines) > known or common is None:
        return None
    return ReferenceGuided(common.model, common.criteria, common.max_tokens)
