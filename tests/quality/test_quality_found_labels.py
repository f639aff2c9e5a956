"""Labels, however they stand in an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.found_labels import READ, folded, labels_in


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (" **Billing.** ", "billing"),
        ("not_spam", "not spam"),
        ("Not-Spam", "not spam"),
        ("very   good", "very good"),
        ("-1", "-1"),
        ("C++", "c++"),
        ("(A)", "a"),
        ("Straße", "strasse"),
        ("…", "…"),
    ],
)
def test_the_form_in_which_labels_are_compared(text: str, form: str) -> None:
    assert folded(text) == form


@pytest.mark.parametrize(
    ("text", "labels", "found"),
    [
        ("Billing", ("billing", "technical"), {"billing"}),
        ("The label is: **billing**.", ("billing", "technical"), {"billing"}),
        ("It is billing, plainly billing.", ("billing", "technical"), {"billing"}),
        ("billing or technical", ("billing", "technical"), {"billing", "technical"}),
        ("It is about a rebilling.", ("billing",), set[str]()),
        ("It is not spam.", ("spam", "not spam"), {"not spam"}),
        ("This is not-spam", ("spam", "not_spam"), {"not spam"}),
        ("I would say C++.", ("c", "c++"), {"c++"}),
        ("I would say C#.", ("c",), set[str]()),
        ("The sentiment is -1.", ("-1", "0", "1"), {"-1"}),
        ("The sentiment is 1.", ("-1", "0", "1"), {"1"}),
        ("B) Paris is a city.", ("A", "B"), {"b"}),
        ("The answer is B, as A is a village.", ("A", "B"), {"a", "b"}),
        ("a", ("A", "B"), {"a"}),
        ("", ("A",), set[str]()),
        ("A", (), set[str]()),
    ],
)
def test_what_is_found(text: str, labels: tuple[str, ...], found: set[str]) -> None:
    assert labels_in(text, labels) == found


LABELS = st.lists(st.text("abc-_ ", min_size=1).filter(lambda t: t.strip(" -_")), min_size=1)


@given(LABELS, st.data())
def test_a_label_is_found_by_itself_and_only_labels_are(
    labels: list[str], data: st.DataObject
) -> None:
    label = data.draw(st.sampled_from(labels))
    known = set(map(folded, labels))
    assert labels_in(label.upper(), labels) == {folded(label)}
    assert labels_in(data.draw(st.text("abc-_ .")), labels) <= known


@pytest.mark.parametrize(
    ("part", "found"), [("a", set[str]()), ("a-", {"a a"}), ("a ", {"a a"}), ("-", set[str]())]
)
def test_long_and_hostile_answers_are_read(part: str, found: set[str]) -> None:
    labels = ("a", "a a", *("a" * size for size in range(2, 60)))
    assert labels_in(part * READ, labels) == found
