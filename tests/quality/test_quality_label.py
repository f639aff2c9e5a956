"""The expected label, and no other."""

from typing import Any

import pytest

from stepdown.quality.scorers.label import build
from stepdown.types import Choice
from support.scoring import built, problems_of, score, task

LABELS = ("billing", "technical", "not spam")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("billing", 1.0),
        ("**Billing.**", 1.0),
        ("The label is billing.", 1.0),
        ('{"label": "Billing"}', 1.0),
        ('```json\n{"category": "billing"}\n```', 1.0),
        ("technical", 0.0),
        ("billing or technical", 0.0),
        ("no idea", 0.0),
        ("", 0.0),
        ('{"label": "billing", "why": "technical"}', 0.0),
        ('{"label": ["billing"]}', 0.0),
        ('{"label": null}', 0.0),
    ],
)
def test_an_answer_names_the_label(answer: str, right: float) -> None:
    assert score(built(build), answer, "billing", LABELS) == right


def test_of_several_expected_labels_any_is_right() -> None:
    assert score(built(build), "technical", ["billing", "Technical"], LABELS) == 1.0


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ('{"why": "technical words", "label": "billing"}', 1.0),
        ('{"why": "billing", "label": "technical"}', 0.0),
        ('{"why": "billing"}', 0.0),
        ('["billing"]', 0.0),
        ("billing", 0.0),
    ],
)
def test_a_field(answer: str, right: float) -> None:
    assert score(built(build, {"field": "label"}), answer, "billing", LABELS) == right


def test_numbers_and_truth_are_labels_too() -> None:
    assert score(built(build, [1, 2, 3]), "2", 2) == 1.0
    assert score(built(build, {"labels": [1, 2]}), '{"score": 2}', 2) == 1.0
    assert score(built(build, ["true", "false"]), '{"spam": true}', True) == 1.0


def test_the_options_labels_stand_in_place_of_the_rows() -> None:
    scorer = built(build, ["spam", "ham"])
    assert score(scorer, "spam, not billing", "spam", LABELS) == 1.0
    assert score(built(build), "spam", "spam") is None
    assert score(scorer, "spam", None) is None


def test_what_is_expected_has_to_be_a_label() -> None:
    with pytest.raises(ValueError, match="expected one of the 3 labels, got 'bilking'"):
        score(built(build), "billing", "bilking", LABELS)


def test_a_refusal_is_wrong() -> None:
    choice = Choice("billing", refusal="No.")
    assert built(build).score(choice, task("billing", LABELS)) == 0.0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ([], "at: expected a list of labels, got []"),
        ({"labels": "a"}, "at.labels: expected a list of labels, got 'a'"),
        ([True], "at[0]: expected a text, got True; quote yes, no, on and off in YAML"),
        (["a", " "], "at[1]: expected a label, got ' '"),
        (["a", None], "at[1]: expected a label, got None"),
        ({"labels": ["a-b", "A b"]}, "at.labels[1]: 'A b' is the same label as 'a-b'"),
        ({"field": 3}, "at.field: expected a text, got 3"),
        ("a", "at: expected a mapping of labels, field, got 'a'"),
    ],
)
def test_wrong_options_are_told(options: Any, line: str) -> None:
    assert problems_of(build, options) == [line]
