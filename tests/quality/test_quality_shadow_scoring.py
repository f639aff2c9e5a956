"""Two live answers are scored by the cheapest way that can tell, and not only where they agree."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.ports import Judge, Scorer
from stepdown.quality.judges.pairwise import Pairwise
from stepdown.quality.registry import build_scorers
from stepdown.quality.shadow.scoring import AGREEMENT, LiveScorers, agree, differ_in_prose_only
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Reading, Request, Scores, ToolCall
from support.answers import asking

FREE = asking("Tell me about transformers.")
JSON = asking("Extract.", response_format={"type": "json_object"})
TOOL = {"type": "function", "function": {"name": "find"}}
LABEL: Mapping[str, Reading] = {"output": Reading("label")}
JUDGE = Pairwise("judge")
LONG = "A step-down transformer lowers the voltage of an alternating current."
OTHER = "It lowers an alternating voltage, and that is what is called a step-down."


def scorers(*entries: Any) -> tuple[Scorer | Judge, ...]:
    problems = Problems()
    built = build_scorers(list(entries), "at", problems)
    assert not problems.lines
    return built


def score(
    candidate: Choice | str,
    reference: Choice | str,
    request: Request = FREE,
    readings: Mapping[str, Reading] = {},
    *,
    by: Sequence[Scorer | Judge] = (),
    verdict: str | None = None,
) -> tuple[Scores, int]:
    """The scores, and how many calls judges made; each order prefers ``verdict``'s side."""
    one, other = (
        Choice(each) if isinstance(each, str) else each for each in (candidate, reference)
    )
    scoring = LiveScorers(by).score(one, other, request, readings)
    calls = 0
    try:
        wish = next(scoring)
        while True:
            calls += len(wish.requests)
            wish = scoring.send(judged(verdict))
    except StopIteration as end:
        scores: Scores = end.value
        return scores, calls


def judged(verdict: str | None) -> Sequence[Choice | None]:
    sides = {"candidate": ("A", "B"), "reference": ("B", "A"), "tie": ("tie", "tie")}
    if verdict is None:
        return (None, None)
    return [Choice(f'{{"better": "{side}"}}') for side in sides[verdict]]


TIE = (1.0, 1.0)
REGRET = (0.0, 1.0)
UNSCORED = (None, None)


@pytest.mark.parametrize(
    ("candidate", "reference", "values"),
    [
        ('{"a": 1, "b": [true]}', '```json\n{"b":[true],"a":1.0}\n```', TIE),
        ('{"a": 1}', '{"a": 2}', REGRET),
        ('{"a": "x"}', '{"a": "y"}', REGRET),
        ('{"a": 1}', "I cannot tell.", REGRET),
        (f'{{"a": 1, "why": "{LONG}"}}', f'{{"a": 1, "why": "{OTHER}"}}', REGRET),
        (Choice("", refusal="No."), '{"a": 1}', REGRET),
        (Choice("", refusal="No."), Choice("", refusal="Never."), TIE),
    ],
)
def test_json_is_compared_by_its_value(
    candidate: Choice | str, reference: Choice | str, values: Any
) -> None:
    for request in (JSON, asking(response_format={"type": "json_schema", "json_schema": {}})):
        scores, calls = score(candidate, reference, request)
        assert (scores.values, scores.scorer, calls) == (values, AGREEMENT, 0)


@pytest.mark.parametrize("kind", ["label", "yes_no", "number"])
def test_labels_and_numbers_are_compared_as_such(kind: str) -> None:
    readings = {"output": Reading(kind)}
    assert score("Yes.", "yes", FREE, readings)[0].values == TIE
    assert score("no", "yes", FREE, readings, by=[JUDGE])[0].values == REGRET


def test_the_requests_own_fields_do_where_no_signal_was_read() -> None:
    schema = {"properties": {"spam": {"type": "boolean"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert (
        score('{"spam":true}', '{"spam":false}', asking(response_format=form))[0].values == REGRET
    )
    required = asking(tools=[TOOL], tool_choice="required")
    assert score("none", "nothing", required)[0].values == REGRET


def calls(*arguments: str) -> Choice:
    return Choice(tool_calls=tuple(ToolCall("find", each) for each in arguments))


def test_tool_calls_are_compared_by_their_arguments() -> None:
    request = asking(tools=[TOOL])
    assert score(calls('{"a": 1}'), calls('{"a":1.0}'), request)[0].values == TIE
    assert score(calls('{"a": 1}'), calls('{"a":2}'), request)[0].values == REGRET
    assert score(calls("{}"), calls("{}", "{}"), request)[0].values == REGRET
    assert score("Nothing to find.", calls("{}"), request)[0].values == REGRET
    assert score(calls("{}"), "Nothing to find.", request)[0].values == REGRET


def test_long_texts_within_json_are_a_judges_where_there_is_one() -> None:
    one, other = (f'{{"a": 1, "why": "{text}"}}' for text in (LONG, OTHER))
    scores, asked = score(one, other, JSON, by=[JUDGE], verdict="tie")
    assert (scores.values, scores.scorer, asked) == ((0.5, 0.5), "judge", 2)
    said, meant = (calls(f'{{"text": "{text}"}}') for text in (LONG, OTHER))
    assert score(said, meant, by=[JUDGE], verdict="candidate")[0].values == (1.0, 0.5)


def test_what_differs_in_more_than_long_texts_is_none_of_the_judges() -> None:
    texts = ((1, LONG), (2, OTHER))
    one, other = (f'{{"a": {number}, "why": "{text}"}}' for number, text in texts)
    scores, asked = score(one, other, JSON, by=[JUDGE])
    assert (scores.values, asked) == (REGRET, 0)


@pytest.mark.parametrize(
    ("verdict", "values"),
    [("candidate", (1.0, 0.5)), ("reference", (0.0, 0.5)), ("tie", (0.5, 0.5))],
)
def test_other_answers_are_judged(verdict: str, values: Any) -> None:
    scores, asked = score(LONG, OTHER, by=[JUDGE], verdict=verdict)
    assert (scores.values, scores.scorer, scores.judged, asked) == (values, "judge", 1, 2)


def test_the_same_words_are_a_tie_without_a_call() -> None:
    scores, asked = score(LONG, LONG.upper(), by=[JUDGE])
    assert (scores.values, scores.scorer, asked) == (TIE, AGREEMENT, 0)


def test_a_judge_that_fails_leaves_the_pair_unscored() -> None:
    scores, asked = score(LONG, OTHER, by=[JUDGE])
    assert (scores.values, scores.why, asked) == (UNSCORED, "the judge's call failed", 2)


texts = st.sampled_from(["yes", "Yes.", "no", LONG, OTHER, "", '{"a": 1}', '{"a": 2}'])


@given(texts, texts, st.sampled_from([FREE, JSON]), st.sampled_from([{}, LABEL]), st.booleans())
def test_whether_a_pair_is_scored_does_not_hang_on_whether_the_answers_agree(
    candidate: str, reference: str, request: Request, readings: Any, asks: bool
) -> None:
    by = [JUDGE] if asks else []
    scores, _ = score(candidate, reference, request, readings, by=by, verdict="tie")
    could = asks or request is JSON or readings is LABEL
    assert (None not in scores.values) == could


# ── The configured scorers ───────────────────────────────────────────────────────────────────


def test_a_scorer_of_right_answers_is_shown_the_references() -> None:
    numeric = scorers({"numeric": {"tolerance": 0.5}})
    assert score("It is 42.2.", "The sum: 42", by=numeric)[0] == Scores((1.0, 1.0), "numeric")
    assert score("It is 45.", "The sum: 42", by=numeric)[0].values == REGRET
    assert score("It is 42.2.", "42", FREE, LABEL, by=numeric)[0].values == TIE


def test_one_that_finds_nothing_to_compare_with_leaves_it_to_the_next() -> None:
    chain = [*scorers("numeric"), JUDGE]
    scores, _ = score("It is 42.", "I cannot tell.", by=chain, verdict="candidate")
    assert scores.values == (1.0, 0.5)
    assert score("It is 42.", "I cannot tell.", by=scorers("numeric"))[0].values == UNSCORED


def test_a_reference_that_is_no_right_answer_by_its_own_measure_does_not_count() -> None:
    label = scorers({"label": ["spam", "ham"]})
    chain = [*label, JUDGE]
    assert score("spam", "ham", by=label)[0].values == REGRET
    assert score("spam", "It is ham.", by=chain, verdict="tie")[0].scorer == "judge"
    refuses = Choice("ham", refusal="No.")
    assert score("spam", refuses, by=chain, verdict="tie")[0].scorer == "judge"


def test_ones_own_scorer_and_a_pattern_look_at_each_answer_by_itself() -> None:
    polite = scorers("support.own_scorers:polite")
    assert score("Yes, please.", "Yes.", by=polite)[0].values == (1.0, 0.0)
    pattern = scorers({"regex": {"pattern": "[0-9]+"}})
    assert score("12", "twelve", by=pattern)[0].values == (1.0, 0.0)


def test_what_needs_a_right_answer_of_another_kind_does_not_apply() -> None:
    by = scorers("regex", "contains", "tool_calls")
    assert score("a+", "a+", by=by)[0].values == UNSCORED


def test_ones_own_scorer_may_raise() -> None:
    class Broken:
        name = "broken"

        def __init__(self, fails: Callable[[], bool]) -> None:
            self.fails = fails

        def applies(self, task: object) -> bool:
            if self.fails():
                raise ValueError("no idea")
            return True

        def score(self, choice: object, task: object) -> float:
            raise ValueError("no score")

    assert score(LONG, OTHER, by=[Broken(lambda: True)])[0].why == "no scorer applies"
    scores, _ = score(LONG, OTHER, by=[Broken(lambda: False)])
    assert (scores.values, scores.why) == (UNSCORED, "broken: ValueError: no score")
    assert score(LONG, OTHER, by=[Broken(lambda: False), JUDGE], verdict="tie")[0].scorer == "judge"


# ── Agreement ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Choice(" Paris. "), Choice("paris"), True),
        (Choice(""), Choice(" "), True),
        (Choice(""), Choice("Paris"), False),
        (Choice("-5"), Choice("5"), False),
        (Choice("", refusal="No."), Choice(""), False),
    ],
)
def test_agreement(one: Choice, other: Choice, same: bool) -> None:
    assert agree(one, other) == agree(other, one) == same


@pytest.mark.parametrize(
    ("one", "other", "prose"),
    [
        (f'{{"a": "{LONG}"}}', f'{{"a": "{OTHER}"}}', True),
        (f'{{"a": "{LONG}"}}', f'{{"b": "{OTHER}"}}', False),
        (f'{{"a": "{LONG}"}}', '{"a": "short"}', False),
        (f'["{LONG}"]', f'["{OTHER}", 1]', False),
        (f'["{LONG}"]', "no JSON", False),
    ],
)
def test_differences_in_prose(one: str, other: str, prose: bool) -> None:
    assert differ_in_prose_only(Choice(one), Choice(other)) == prose
    calls = [Choice(tool_calls=(ToolCall("f", each),)) for each in (one, other)]
    assert differ_in_prose_only(*calls) == prose
    assert not differ_in_prose_only(Choice(one), calls[1])
