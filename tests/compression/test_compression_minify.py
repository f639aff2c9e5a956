"""``minify``: space goes, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.compression.draft import Text
from stepdown.compression.techniques.minify import Minify, minified
from support.prompts_to_shrink import (
    FREE,
    JSON,
    PROTECTED,
    applied,
    document,
    draft_of,
    said,
    tool,
    user,
)


def outcome(value: str) -> str:
    return minified(Text(0, None, "tool", 0, value))


@given(JSON, st.sampled_from([None, 1, 2, 4]))
def test_json_keeps_its_value(value: Any, indent: int | None) -> None:
    written = json.dumps([value, "a text of some length"], indent=indent)
    shorter = outcome(f"Result:\n{written}")
    assert len(shorter) <= len(written) + len("Result:\n")
    assert json.loads(shorter.removeprefix("Result:\n")) == json.loads(written)


def test_json_keeps_spellings_order_and_twins() -> None:
    value = '{ "b" : 1.10, "a": 1E5 , "b": "x  \\u00e9 \\/", "c": [ ] , "d" : -0.0 }'
    assert outcome(value) == '{"b":1.10,"a":1E5,"b":"x  \\u00e9 \\/","c":[],"d":-0.0}'


@pytest.mark.parametrize("value", ['{"a": NaN,   "b": [1, 2, 3, 4]}', '{"a": 1,   "b": [1, 2, }'])
def test_what_is_no_json_stays(value: str) -> None:
    assert outcome(value) == value


@given(st.lists(FREE | st.sampled_from(PROTECTED), max_size=6).map("\n\n".join))
def test_only_space_goes_and_a_second_pass_finds_none(text: str) -> None:
    once = outcome(text)
    assert once.split() == text.split()
    assert len(once) <= len(text)
    assert outcome(once) == once


def test_text_loses_space_that_says_nothing() -> None:
    text = "First line.   \r\nSecond.  Third.\n\n\n\n  - indented\t\n"
    assert outcome(text) == "First line.\nSecond. Third.\n\n  - indented\n"


@pytest.mark.parametrize("pattern", [" ", "\t", " \n", "\r", '"', "'", "[", '{"a":', "“", "`\n"])
def test_long_runs_of_anything_are_read_once(pattern: str) -> None:
    text = pattern * (100_000 // len(pattern))
    assert outcome(text).split() == text.split()


def test_columns_keep_their_places() -> None:
    text = "name      age\nAnn        31\nBob     42"
    assert outcome(text) == text


def test_users_data_and_documents_are_minified_and_their_questions_not() -> None:
    data = json.dumps([{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}], indent=2)
    asked = "How many   are there?   \n\n\n\nBe  brief."
    [message] = applied(Minify(), draft_of(user(f"{asked}\n\n{data}")))
    assert message.content == f"{asked}\n\n" + '[{"id":1,"name":"Ann"},{"id":2,"name":"Bob"}]'


def test_answers_and_system_prompts_stay() -> None:
    data = json.dumps({"a": [1, 2, 3, 4], "b": "text"}, indent=4)
    messages = [{"role": "system", "content": data}, {"role": "developer", "content": data}]
    draft = draft_of(*messages, user("Hi"), said(data), tool(data), user("Go on"))
    after = [message.content for message in applied(Minify(), draft)]
    assert after == [data, data, "Hi", data, '{"a":[1,2,3,4],"b":"text"}', "Go on"]


def test_a_document_without_waste_is_as_it_was() -> None:
    draft = draft_of(user(document(30)))
    applied(Minify(), draft)
    assert draft.made() == {}
