"""A request's texts, and the request that is made of them: only what changed is changed."""

import json
from typing import Any

import pytest
from msgspec import Raw

from stepdown.compression.draft import Draft, rewritten
from stepdown.requests import request_of
from stepdown.types import Request
from support.prompts_to_shrink import document, draft_of, said, tool, user

BODY = (
    b'{ "model": "auto",  "odd": {"x":1.10e2},\n "messages": [ {"role":"system", "content":"Be'
    b'  brief\\u002e"},\n  {"role": "tool", "name": "Ann",  "content":  "one", "odd": [1,  2]}, '
    b'{"content":[{"type":"text","text":"two","cache": {"a":  1}}, {"type": "image_url", '
    b'"image_url": {"url":  "data:x"}},{"type":"text", "text":"three"}],"role":"tool"} ],'
    b' "temperature":0.50 }'
)


def changed(request: Request, **values: str) -> Request:
    """The request with texts replaced by shorter ones."""
    draft = Draft(request, len, 100)
    draft.technique = "test"
    for text in draft.texts:
        if text.value in values:
            assert draft.change(text, values[text.value]) > 0
    return rewritten(request, draft.made())


def test_texts_have_their_places() -> None:
    draft = Draft(request_of(BODY), len, 100)
    assert [(text.message, text.part, text.value) for text in draft.texts] == [
        (1, None, "one"),
        (2, 0, "two"),
        (2, 2, "three"),
    ]


def test_what_is_not_changed_stays_byte_for_byte() -> None:
    request = request_of(BODY)
    after = changed(request, three="3")
    raws = json.loads(BODY)["messages"]
    raws[2]["content"][2]["text"] = "3"
    assert json.loads(bytes(after.fields["messages"])) == raws
    for part in (
        b'{"role":"system", "content":"Be  brief\\u002e"}',
        b'{"role": "tool", "name": "Ann",  "content":  "one", "odd": [1,  2]}',
        b'{"a":  1}',
        b'{"url":  "data:x"}',
    ):
        assert part in bytes(after.fields["messages"])
    assert {name: raw for name, raw in after.fields.items() if name != "messages"} == {
        name: raw for name, raw in request.fields.items() if name != "messages"
    }
    assert after.prompt.messages[:2] == request.prompt.messages[:2]
    assert after.prompt.messages[2].text == "two\n3"
    assert after.id == request.id


def test_the_prompt_agrees_with_the_bytes() -> None:
    after = changed(request_of(BODY), one="1", two="2", three="3")
    again = request_of({"model": "auto", "messages": json.loads(bytes(after.fields["messages"]))})
    assert again.prompt.messages == after.prompt.messages
    assert after.size == len(BODY) - len(request_of(BODY).fields["messages"]) + len(
        after.fields["messages"]
    )


def test_a_change_that_is_not_shorter_is_refused() -> None:
    draft = draft_of(tool("some words"))
    [text] = draft.texts
    before = draft.tokens
    assert draft.change(text, "some other and many more words") == 0
    assert draft.change(text, "some words") == 0
    assert (text.value, draft.tokens) == ("some words", before)
    assert draft.change(text, "words") > 0
    assert draft.tokens < before


def test_a_change_that_loses_what_is_to_stay_is_refused() -> None:
    draft = draft_of(tool('The mayor said "never   again", and left. Nobody knows why he did.'))
    [text] = draft.texts
    before = text.value
    assert draft.change(text, "The mayor left.") == 0
    assert draft.change(text, 'The mayor said "never again", and left.') == 0
    assert text.value == before
    assert draft.change(text, 'The mayor said "never   again", and left.') > 0
    assert draft.change(text, "The mayor left.") == 0


def test_what_was_removed_is_put_down_to_techniques() -> None:
    draft = Draft(request_of(BODY), len, 100)
    for technique, value in (("a", "thre"), ("b", "t")):
        draft.technique = technique
        draft.change(draft.texts[2], value)
    [(index, form)] = draft.made().items()
    assert index == 2
    assert dict(form.removed) == {"a": 1, "b": 3}
    assert draft.tokens == 96


def test_turns_are_counted_from_the_end() -> None:
    draft = draft_of(user("a"), said("b"), tool("c"), user("d"), said("e"))
    assert [text.turn for text in draft.texts] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("first", [0, 1, 2])
def test_texts_before_the_first_are_out_of_reach(first: int) -> None:
    draft = draft_of(user("a"), user("b"), first=first)
    assert [text.message for text in draft.texts] == [0, 1][first:]


def test_the_question_is_that_of_the_last_user_turn() -> None:
    asked = f"{document(10)}\n\n{document(10, 20)}\n\nWhich note speaks of ice?"
    messages: list[dict[str, Any]] = [user("Before?"), user(asked), tool("out"), said("so")]
    assert "Which note speaks of ice?" in draft_of(*messages).question
    assert "Before?" not in draft_of(*messages).question
    assert document(1, 22) not in draft_of(*messages).question
    assert draft_of(said("a")).question == ""


def test_nothing_changed_is_nothing_made() -> None:
    request = request_of(BODY)
    assert Draft(request, len, 100).made() == {}
    assert isinstance(request.fields["messages"], Raw)
