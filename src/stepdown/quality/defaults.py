"""Which scorer is used where neither a row nor its set names one."""

from stepdown.ports import Scorer
from stepdown.quality.final_number import lone_number
from stepdown.quality.scorers.base import texts_of
from stepdown.quality.scorers.json import Json
from stepdown.quality.scorers.label import Label
from stepdown.quality.scorers.normalised import Normalised
from stepdown.quality.scorers.numeric import Numeric
from stepdown.quality.scorers.tool_calls import ToolCalls
from stepdown.routing.shapes import is_list, is_mapping, is_number
from stepdown.types import Task

LONGEST = 60
MOST_WORDS = 8
"""Characters and words of a text that has one way to be right: a name, a date, a short fact."""


def default_scorers(task: Task) -> tuple[Scorer, ...]:
    """The scorer that what is expected calls for; none where an equality would be made up.

    What a longer text says can be said in many ways: how good an answer is that is worded
    otherwise, none of these scorers can tell.
    """
    expected = task.expected
    texts = texts_of(expected)
    if ToolCalls().applies(task):
        return (ToolCalls(),)
    if task.labels and (texts or isinstance(expected, bool | int | float)):
        return (Label(),)
    if is_number(expected) or (texts and all(map(lone_number, texts))):
        return (Numeric(),)
    if isinstance(expected, bool) or (texts and all(map(_is_short, texts))):
        return (Normalised(),)
    if is_mapping(expected) or (is_list(expected) and not texts):
        return (Json(),)
    return ()


def _is_short(text: str) -> bool:
    return len(text) <= LONGEST and 0 < len(text.split()) <= MOST_WORDS
