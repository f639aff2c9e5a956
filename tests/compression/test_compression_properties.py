"""What holds for every prompt and every list of techniques."""

import json
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stepdown.compression.counting import estimated
from stepdown.compression.draft import rewritten
from stepdown.compression.shrink import Target, shrink
from stepdown.compression.spans import spans
from stepdown.compression.technique import Technique
from stepdown.compression.techniques.duplicates import Duplicates
from stepdown.compression.techniques.extract import Extract
from stepdown.compression.techniques.history import History, Pins
from stepdown.compression.techniques.minify import Minify
from stepdown.compression.techniques.tables import Tables
from stepdown.routing.tokens import estimate
from stepdown.types import Request
from support.prompts_to_shrink import FREE, JSON, PROTECTED, request, said, tool, user

ALL: tuple[Technique, ...] = (
    Minify(),
    Duplicates(),
    Tables(),
    History(Pins(first=0, last=1, outputs=1)),
    Extract(),
)
QUESTION = "Which  note   speaks of ice?\n\n\n\nBe  brief."
DATA = st.tuples(st.lists(JSON, min_size=2, max_size=3), st.sampled_from([None, 2])).map(
    lambda pair: json.dumps(pair[0], indent=pair[1])
)
CONTENT = st.lists(FREE | st.sampled_from(PROTECTED) | DATA, min_size=1, max_size=14).map(
    "\n\n".join
)
SYSTEM: dict[str, Any] = {"role": "system", "content": "Be   brief.  \n\n\n\nAlways."}
PARTS = CONTENT.map(
    lambda text: [
        {"type": "text", "text": text},
        {"type": "image_url", "image_url": {"url": "data:,x"}},
    ]
)
MESSAGE = CONTENT.map(user) | PARTS.map(user) | CONTENT.map(said) | CONTENT.map(tool)
PROMPT = st.lists(MESSAGE, min_size=1, max_size=5).map(
    lambda found: request(SYSTEM, *found, user(QUESTION), temperature=0)
)
TECHNIQUES = st.lists(st.sampled_from(ALL), unique=True, min_size=1, max_size=5)
SHARE = st.sampled_from([0.2, 0.5, 0.8])


def outcome(asked: Request, techniques: list[Technique], share: float | None) -> Request:
    tokens = round(estimate(asked.prompt, asked.fields).value)
    target = None if share is None else Target(share)
    return rewritten(asked, shrink(asked, techniques, estimated, tokens, target=target).forms)


def kept(text: str) -> list[str]:
    """Protected stretches; a quotation within a longer stretch of code is that code's."""
    return [text[span.start : span.end] for span in spans(text) if span.is_kept]


@settings(max_examples=60, deadline=None)
@given(PROMPT, TECHNIQUES, SHARE)
def test_what_is_protected_comes_out_as_it_went_in(
    asked: Request, techniques: list[Technique], share: float
) -> None:
    after = outcome(asked, techniques, share)
    for old, new in zip(asked.prompt.messages, after.prompt.messages, strict=True):
        at = 0
        for stretch in kept(old.text):
            place = new.text.find(stretch, at)
            assert place >= 0, stretch
            at = place + len(stretch)
        for stretch in PROTECTED:
            assert new.text.count(stretch) >= old.text.count(stretch)


@settings(max_examples=60, deadline=None)
@given(PROMPT, TECHNIQUES, SHARE)
def test_all_but_the_texts_stays_as_it_came(
    asked: Request, techniques: list[Technique], share: float
) -> None:
    after = outcome(asked, techniques, share)
    raws = msgspec.json.decode(asked.fields["messages"], type=list[msgspec.Raw])
    new = msgspec.json.decode(after.fields["messages"], type=list[msgspec.Raw])
    assert len(raws) == len(new)
    assert bytes(new[0]) == bytes(raws[0])
    assert bytes(new[-1]) == bytes(raws[-1])
    for message, old, other in zip(asked.prompt.messages, raws, new, strict=True):
        before, now = json.loads(bytes(old)), json.loads(bytes(other))
        assert {**before, "content": None} == {**now, "content": None}
        if isinstance(message.content, list):
            assert now["content"][1] == before["content"][1]
        if message.role == "assistant" and not any(each.name == "history" for each in techniques):
            assert bytes(other) == bytes(old)
    assert {**asked.fields, "messages": None} == {**after.fields, "messages": None}


@settings(max_examples=60, deadline=None)
@given(PROMPT, TECHNIQUES, SHARE)
def test_no_text_becomes_longer_in_tokens(
    asked: Request, techniques: list[Technique], share: float
) -> None:
    after = outcome(asked, techniques, share)
    for old, new in zip(asked.prompt.messages, after.prompt.messages, strict=True):
        assert estimated(new.text) <= estimated(old.text)


@settings(max_examples=60, deadline=None)
@given(PROMPT)
def test_lossless_ones_keep_all_that_is_not_space_and_find_nothing_twice(asked: Request) -> None:
    lossless: list[Technique] = [each for each in ALL if each.lossless]
    once = outcome(asked, lossless, None)
    for old, new in zip(asked.prompt.messages, once.prompt.messages, strict=True):
        assert "".join(old.text.split()) == "".join(new.text.split())
        at = 0
        for stretch in data(old.text):
            compact = msgspec.json.format(stretch, indent=-1)
            place = max(new.text.find(compact, at), new.text.find(stretch, at))
            assert place >= 0
            read = json.JSONDecoder().raw_decode(new.text, place)[0]
            assert json.dumps(read) == json.dumps(json.loads(stretch))
    assert outcome(once, lossless, None).fields == once.fields


def data(text: str) -> list[str]:
    found = [text[span.start : span.end] for span in spans(text) if span.kind == "data"]
    return [each for each in found if each[:1] in "{["]


@settings(max_examples=40, deadline=None)
@given(PROMPT, st.sampled_from([0.3, 0.6]))
def test_what_a_target_leaves_stays_in_order(asked: Request, share: float) -> None:
    after = outcome(asked, [Extract()], share)
    for old, new in zip(asked.prompt.messages, after.prompt.messages, strict=True):
        words, left = iter(old.text.split()), new.text.replace("[…]", " ").split()
        assert all(word in words for word in left)
        assert not Counter(left) - Counter(old.text.split())


@settings(max_examples=40, deadline=None)
@given(PROMPT)
def test_a_target_in_tokens_that_is_met_leaves_nothing_to_do(asked: Request) -> None:
    tokens = round(estimate(asked.prompt, asked.fields).value)
    found = shrink(asked, ALL, estimated, tokens, target=Target(None, tokens))
    assert found.removed.keys() <= {"minify"}
