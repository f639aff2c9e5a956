"""Labels: small differences in writing pass, and what no label begins with is dropped."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.validators.one_of import OneOf, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, ToolCall
from support.watching import ANY_REQUEST, cut, dropped_at, keeps_the_law


def built(options: object) -> OneOf:
    problems = Problems()
    one_of = build(options, "at", problems)
    assert one_of is not None, problems.lines
    return one_of


TOPICS = built(["billing", "account_access", "n/a", "C++", "-1"])


@pytest.mark.parametrize(
    "text",
    [
        *("billing", "Billing", " billing\n", "billing.", '"billing"', "**Billing**", "`billing`!"),
        *("account_access", "Account access", "account-access", "ACCOUNT - ACCESS", "“n/a”"),
        *("_billing_", "c++", "-1", "(account  access)", "billing –"),
    ],
)
def test_a_label_passes_however_it_is_dressed(text: str) -> None:
    assert TOPICS.check(Choice(text), ANY_REQUEST) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "bill", "billings", "billing, account access", "It is billing", "c", "1", "+1"),
        *("billing. The customer says so", "n", "a", "na", "accountaccess", "..."),
    ],
)
def test_anything_else_is_rejected(text: str) -> None:
    assert TOPICS.check(Choice(text), ANY_REQUEST) == "the answer is none of the 5 labels"


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("It is billing", 0),
        ("billing.  \n", None),
        ("billing. The", 9),
        ("billings", 7),
        ("**account - acc", None),
        ("account. a", 9),
        ("\n\n\nbillx", 7),
    ],
)
def test_an_answer_is_dropped_where_no_label_goes_on_so(text: str, index: int | None) -> None:
    assert dropped_at(TOPICS, cut(text, 1)) == index


def test_tool_calls_without_a_text_pass() -> None:
    assert TOPICS.check(Choice(tool_calls=(ToolCall("f", "{}"),)), ANY_REQUEST) is None


PRIORITY = built({"labels": ["low", "high", 3], "field": "priority"})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"priority": "High"}, None),
        ({"priority": 3}, None),
        ({"priority": "middle"}, "the field 'priority' is none of the 3 labels"),
        ({"priority": None}, "the field 'priority' is none of the 3 labels"),
        ({"other": "low"}, "the answer has no field 'priority'"),
        (["low"], "expected a JSON object, got '[' at character 1"),
    ],
)
def test_a_field_of_json_may_hold_the_label(answer: object, reason: str | None) -> None:
    assert PRIORITY.check(Choice(json.dumps(answer)), ANY_REQUEST) == reason


def test_an_answer_that_is_no_object_is_dropped() -> None:
    assert dropped_at(PRIORITY, cut("low", 1)) == 0
    assert dropped_at(PRIORITY, cut('{"priority": "mid', 1)) is None


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (None, "at.labels: expected a list of labels, got None"),
        ([], "at: expected a list of labels, got []"),
        ([True, "b"], "at[0]: expected a text, got True; quote yes, no, on and off in YAML"),
        (["a", "A."], "at[1]: 'A.' is the same label as 'a'"),
        (["a", "!"], "at[1]: expected a label with a letter or a digit, got '!'"),
        (["a", ["b"]], "at[1]: expected a label, got ['b']"),
        ({"labels": ["a"], "feld": "x"}, "at.feld: no such option. Did you mean 'field'?"),
        ({"labels": ["a"], "field": ""}, "at.field: expected a text, got ''"),
    ],
)
def test_wrong_options_are_told(options: object, line: str) -> None:
    problems = Problems()
    assert build(options, "at", problems) is None
    assert line in problems.lines


LABELS = ["a", "ab", "a b", "a.b", "ß", "straße x", "b-a", "x - y"]
TEXTS = st.text(st.sampled_from("aAbBßsx.-_ \n*\"'"), max_size=9)


@given(TEXTS, TEXTS, st.integers(1, 4))
def test_a_watch_never_drops_what_passes(text: str, more: str, every: int) -> None:
    keeps_the_law(built(LABELS), cut(text, every), Choice(text + more))


@given(st.sampled_from(LABELS), st.text(st.sampled_from(' .\n*"-_'), max_size=9), st.integers(1, 4))
def test_a_dressed_label_passes_and_is_not_dropped(label: str, dress: str, every: int) -> None:
    text = f"**{label.upper()}{dress}"
    one_of = built(LABELS)
    assert one_of.check(Choice(text), ANY_REQUEST) is None
    keeps_the_law(one_of, cut(text, every), Choice(text))


def test_a_text_without_an_end_of_marks_is_not_kept() -> None:
    watch = built(LABELS).watch(ANY_REQUEST)
    assert watch is not None
    assert all(watch.feed(Piece("a" if not at else ".!" * 500)) is None for at in range(100))
