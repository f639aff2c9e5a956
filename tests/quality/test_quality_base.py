"""What counts as right, and what scores 0 whatever is expected."""

from typing import Any

import pytest

from stepdown.quality.scorers.base import Base, references
from stepdown.types import Choice, Task, ToolCall
from support.scoring import task


class Same(Base):
    name = "same"

    def rate(self, choice: Choice, task: Task) -> float:
        return 1.0 if choice.text in references(task.expected) else 0.0


@pytest.mark.parametrize(
    ("expected", "texts"),
    [
        (None, ()),
        ("", ("",)),
        ("Paris", ("Paris",)),
        (["Paris", "paris"], ("Paris", "paris")),
        ([], ("[]",)),
        (["a", 1], ('["a",1]',)),
        (18, ("18",)),
        (True, ("true",)),
        ({"a": [1, 2]}, ('{"a":[1,2]}',)),
    ],
)
def test_references(expected: Any, texts: tuple[str, ...]) -> None:
    assert references(expected) == texts


def test_a_refusal_scores_nothing_even_with_the_expected_text_beside_it() -> None:
    assert Same().score(Choice("Paris", refusal="I cannot say."), task("Paris")) == 0.0


def test_tool_calls_are_no_text() -> None:
    calls = (ToolCall("Paris", '"Paris"'),)
    assert Same().score(Choice(tool_calls=calls), task("Paris")) == 0.0
    assert Same().score(Choice("Paris", tool_calls=calls), task("Paris")) == 1.0


def test_where_nothing_is_expected_nothing_is_scored() -> None:
    assert not Same().applies(task())
    assert Same().score(Choice("Paris"), task()) is None
    assert Same().score(Choice(refusal="No."), task()) is None


def test_what_scores_nothing_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Base()  # type: ignore[abstract]  # which is the point
