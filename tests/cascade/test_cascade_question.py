"""A question: the request that puts it, and the verdicts that are read from replies."""

from typing import Any

import pytest
from msgspec import json

from stepdown.cascade.question import Question
from stepdown.types import Choice
from support.answers import asking

QUESTION = Question("gpt-4o", "Say which.", "better", ("A", "B", "2"))


def body(question: Question) -> dict[str, Any]:
    request = question.about("A or B?", asking(stream=True, tools=[], n=3))
    read: dict[str, Any] = json.decode(json.encode(request.fields))
    return read


def test_the_request() -> None:
    request = QUESTION.about("A or B?", asking(stream=True, tools=[], n=3))
    assert (request.id, request.tenant, request.route) == ("r-1", "t-1", None)
    assert not request.streams
    assert request.size == len(json.encode(request.fields))
    assert request.prompt.model == "gpt-4o"
    assert [(each.role, each.text) for each in request.prompt.messages] == [
        ("system", "Say which."),
        ("user", "A or B?"),
    ]


def test_the_body_restricts_the_verdict() -> None:
    assert body(QUESTION) == {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "Say which."},
            {"role": "user", "content": "A or B?"},
        ],
        "temperature": 0,
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "better",
                "strict": True,
                "schema": {
                    "type": "object",
                    "properties": {"better": {"type": "string", "enum": ["A", "B", "2"]}},
                    "required": ["better"],
                    "additionalProperties": False,
                },
            },
        },
    }


def test_a_reply_can_be_bounded() -> None:
    bounded = Question("m", "Say.", "better", ("A",), max_tokens=20)
    assert body(bounded)["max_tokens"] == 20
    assert bounded.about("x", asking()).prompt.output_limit == 20


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('{"better": "A"}', "A"),
        ('{"better": 2}', "2"),
        ('```json\n{"why": "so", "better":"B"}\n```', "B"),
    ],
)
def test_verdicts(text: str, verdict: str) -> None:
    assert QUESTION.verdict(Choice(text)) == verdict


@pytest.mark.parametrize(
    "text",
    [
        *("", "A", "null", '"A"', '["A"]', "[" * 9_000),
        *('{"better": "a"}', '{"better": "C"}', '{"better": "Ａ"}', '{"best": "A"}'),
        *('{"better": 3}', '{"better": 2.0}', '{"better": true}', '{"better": ["A"]}'),
        *('{"better": "A"', '{"better": "A"} {"better": "B"}'),
    ],
)
def test_no_verdicts(text: str) -> None:
    assert QUESTION.verdict(Choice(text)) is None


def test_a_refusal_is_no_verdict() -> None:
    assert QUESTION.verdict(Choice(refusal="I will not judge.")) is None
