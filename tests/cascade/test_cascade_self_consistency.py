"""``self_consistency``: how many samples agree with the served answer, played by hand."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import json

from stepdown.cascade.validators.self_consistency import SelfConsistency, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Consult, Request, ToolCall
from support.answers import asking


def graded(
    grader: SelfConsistency, served: str | Choice, others: Sequence[str | Choice | None]
) -> str | None:
    grading = grader.grade(_choice(served), asking())
    next(grading)
    with pytest.raises(StopIteration) as end:
        grading.send([None if other is None else _choice(other) for other in others])
    reason: str | None = end.value.value
    return reason


def _choice(text: str | Choice) -> Choice:
    return Choice(text) if isinstance(text, str) else text


def test_enough_agree() -> None:
    assert graded(SelfConsistency(), "Spam", ["spam.", " SPAM ", "ham", "ham"]) is None


def test_too_few_agree() -> None:
    said = graded(SelfConsistency(), "spam", ["spam", "ham", "eggs", "ham"])
    assert said == "2 of 5 samples agree, 3 are needed"


def test_failed_samples_disagree() -> None:
    assert graded(SelfConsistency(), "spam", ["spam", "spam", None, None]) is None
    assert graded(SelfConsistency(), "spam", ["spam", None, None, None]) is not None


def test_a_larger_group_that_says_something_else_wins() -> None:
    said = graded(SelfConsistency(share=0.4), "spam", ["spam", "ham", "ham", "ham"])
    assert said == "3 of 5 samples agree on another answer"


def test_a_field_is_compared_alone() -> None:
    served, same, other = (
        '{"label": "spam", "why": "a"}',
        '```json\n{"why": "b", "label": "Spam"}\n```',
        '{"label": "ham"}',
    )
    assert graded(SelfConsistency(3, field="label"), served, [same, other]) is None
    assert graded(SelfConsistency(3, field="label"), served, [other, "spam"]) is not None
    assert graded(SelfConsistency(2), served, [same]) is not None


def test_an_answer_without_anything_to_compare_costs_no_call() -> None:
    for choice in (Choice(" "), Choice("no", refusal="I will not"), Choice("{}")):
        with pytest.raises(StopIteration) as end:
            next(SelfConsistency(field="label").grade(choice, asking()))
        assert end.value.value == "the answer has no field 'label' to compare"


def test_tool_calls_agree_by_their_arguments() -> None:
    calls = [
        Choice(tool_calls=(ToolCall("find", arguments),))
        for arguments in ('{"a": 1, "b": 2}', '{"b":2,"a":1.0}', '{"a": 1}')
    ]
    assert graded(SelfConsistency(2, 1.0), calls[0], [calls[1]]) is None
    assert graded(SelfConsistency(2, 1.0), calls[0], [calls[2]]) is not None


def test_what_is_asked() -> None:
    request = asking(
        stream=True, stream_options={"include_usage": True}, n=2, seed=7, max_tokens=9, top_p=0.5
    )
    wish: Consult = next(SelfConsistency(4, temperature=0.9).grade(Choice("yes"), request))
    assert (len(wish.requests), wish.role, wish.model) == (3, "sample", None)
    sample: Request = wish.requests[0]
    assert (sample.id, sample.tenant) == ("r-1", "t-1")
    assert not sample.streams
    assert sample.prompt.n is None
    assert sample.prompt.messages == request.prompt.messages
    assert json.decode(json.encode(sample.fields)) == {
        "model": "auto",
        "messages": [{"role": "user", "content": "Is this spam?"}],
        "max_tokens": 9,
        "top_p": 0.5,
        "temperature": 0.9,
    }
    assert "stream" in request.fields


@pytest.mark.parametrize(
    ("samples", "share", "needed"), [(5, 0.6, 3), (10, 0.7, 7), (3, 2 / 3, 2), (5, 0.01, 2)]
)
def test_how_many_are_needed(samples: int, share: float, needed: int) -> None:
    assert SelfConsistency(samples, share).needed == needed


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"samples": 1}, "v.samples: expected a whole number from 2 to 20, got 1"),
        ({"samples": 2.5}, "v.samples: expected a whole number from 2 to 20, got 2.5"),
        ({"share": 1.5}, "v.share: expected a number from 0 to 1, got 1.5"),
        ({"share": 0}, "v.share: expected a number above 0, got 0.0"),
        ({"temperature": 3}, "v.temperature: expected a number from 0 to 2, got 3"),
        ({"sample": 3}, "v.sample: no such option. Did you mean 'samples'?"),
    ],
)
def test_wrong_options(options: Any, line: str) -> None:
    problems = Problems()
    assert build(options, "v", problems) is None
    assert problems.lines == [line]


def test_no_options_are_needed() -> None:
    grader = build(None, "v", Problems())
    assert grader is not None
    assert (grader.samples, grader.needed) == (5, 3)
