"""What two answers have to share to say the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.answers import meaning
from stepdown.types import Choice


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Yes", " yes. "),
        ('"spam"', "Spam"),
        ("**42**", "42"),
        ("42.0", "42"),
        ('{"a": 1, "b": [true]}', '```json\n{"b":[true],"a":1e0}\n```'),
        ("(b)  Paris!", "B Paris"),
    ],
)
def test_the_same(one: str, other: str) -> None:
    assert meaning(Choice(one)) == meaning(Choice(other)) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-5", "5"),
        ("it is 1.5", "it is 15"),
        ("it is .5", "it is 5"),
        ("it is -5", "it is 5"),
        ("C++", "C"),
        ("[1, 2]", "[2, 1]"),
        ('{"a": true}', '{"a": 1}'),
        ("yes", "no"),
    ],
)
def test_not_the_same(one: str, other: str) -> None:
    assert meaning(Choice(one)) != meaning(Choice(other))


@pytest.mark.parametrize("text", ["", " \n", "...", "``````"])
def test_nothing(text: str) -> None:
    assert meaning(Choice(text)) is None


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5_000, "1e999", '{"a":' * 50_000])
def test_hostile_answers_are_read_as_text(text: str) -> None:
    meaning(Choice(text))
    assert meaning(Choice(text), "a") is None


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert meaning(Choice(text)) == meaning(Choice(f" {text}\n"))
