"""Prompts for the tests of compression: drafts, and texts made of parts that are to stay or not."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from stepdown.compression.counting import estimated
from stepdown.compression.draft import Draft
from stepdown.compression.technique import Technique
from stepdown.requests import request_of
from stepdown.routing.tokens import estimate
from stepdown.types import Message, Request

TALE = (
    "the river bridge was closed in spring because ice had damaged two of its seven arches and "
    "repairs took until autumn when traffic from the northern villages could cross again"
)
WORDS = TALE.split()


def request(*messages: dict[str, Any], **fields: Any) -> Request:
    return request_of({"model": "auto", "messages": list(messages), **fields}, id="sd-1")


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def tool(content: str, call: str = "c1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call, "content": content}


def draft_of(*messages: dict[str, Any], target: int | None = None, first: int = 0) -> Draft:
    asked = request(*messages)
    tokens = round(estimate(asked.prompt, asked.fields).value)
    return Draft(asked, estimated, tokens, first=first, target=target)


def applied(technique: Technique, draft: Draft) -> list[Message]:
    """The messages after this technique, in the request's order."""
    draft.technique = technique.name
    technique.apply(draft)
    forms = draft.made()
    return [
        forms[index].message if index in forms else message
        for index, message in enumerate(draft.messages)
    ]


def sentence(number: int, size: int = 14) -> str:
    """A sentence like no other: words in another order, and its number."""
    words = [WORDS[(number * 7 + step * (3 + number % 5)) % len(WORDS)] for step in range(size)]
    return f"Note {number} says that {' '.join(words)}."


def document(sentences: int, first: int = 0) -> str:
    return " ".join(sentence(first + number) for number in range(sentences))


# ── Texts for properties ─────────────────────────────────────────────────────────────────────

PROTECTED: Sequence[str] = (
    "```python\nx  =  1   \n\n\n\ny = [ 1,  2 ]\n```",
    "~~~\nkeep   this\n~~~",
    '"a  quoted   string"',
    "“typographic   quotation”",
    "`inline  code`",
    "Input: the  food was   cold\nOutput: negative",
    '\'{"a":  [1,   2,  3], "name": "in a string"}\'',
    "def run(x):\n    if x  >  1:\n        return  x",
)
"""Each stands by itself, between empty lines, and has to come out as it went in."""

FREE = st.one_of(
    st.integers(0, 400).map(sentence),
    st.integers(0, 400).map(lambda n: f"{sentence(n)}   \n\n\n\n{sentence(n + 1)}  {sentence(n)}"),
    st.text(st.sampled_from("abc xyz.,\n\t  é漢"), max_size=60),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text('ab "\\,\né1', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc é", max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
