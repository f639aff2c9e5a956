"""One field of a JSON answer: read, or told why not without the answer's text."""

import pytest

from stepdown.cascade.answer_field import NoField, field_of, object_watch
from stepdown.types import Piece


def test_the_field_is_read() -> None:
    assert field_of(' {"a": {"b": 1}, "c": null}\n', "a") == {"b": 1}
    assert field_of('{"c": null}', "c") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected a JSON object, got the end of the answer"),
        ("[1]", "expected a JSON object, got '[' at character 1"),
        ('{"b": "confidential"}', "the answer has no field 'a'"),
        ('{"a": 1} confidential', "expected the end of the answer, got 'c' at character 10"),
        ('{"a": "\\ud800"}', "the answer has a text that is no Unicode"),
        ('{"a":' * 5000, "the answer is nested more than 128 deep"),
    ],
)
def test_a_missing_field_is_told(text: str, reason: str) -> None:
    with pytest.raises(NoField) as caught:
        field_of(text, "a")
    assert str(caught.value) == reason


def test_what_begins_no_object_is_dropped() -> None:
    watch = object_watch()
    assert watch.feed(Piece('\n{"a": ')) is None
    assert watch.feed(Piece("}")) is not None
