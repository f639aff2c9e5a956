"""``minify``: JSON without the space between its tokens, text without space that says nothing.

Lossless: JSON values stay what they are, strings and numbers as they were spelled; of a text only
space at lines' ends, further empty lines, and further spaces behind a sentence go.
"""

import re
from typing import Any

import msgspec

from stepdown.compression.draft import Draft, Text, mapped
from stepdown.compression.spans import Span
from stepdown.compression.technique import read_options
from stepdown.routing.problems import Problems

_WASTE = re.compile(r"[ \t][ \t\r\n]|\r|\n\n\n|[\]\[{}:,]\s|\s[\]}]")
_LINE_END = re.compile(r"(?<![ \t\r])[ \t\r]+(?=\n)")
_EMPTY_LINES = re.compile(r"\n{3,}")
_SENTENCE_GAP = re.compile(r"(?<=[a-zà-ÿ0-9)][.!?:;,]) {2,}(?=\S)")


class Minify:
    """Implements ``Technique``. 10 µs for 2 KB of JSON, less for text."""

    name = "minify"
    lossless = True
    by_question = False

    def apply(self, draft: Draft) -> None:
        for text in draft.texts:
            if text.role != "assistant" and _WASTE.search(text.value) is not None:
                draft.change(text, minified(text))


def minified(text: Text) -> str:
    return mapped(text, _shorter, ("text", "data"))


def _shorter(value: str, span: Span) -> str:
    stretch = value[span.start : span.end]
    if span.kind == "data":
        return _json(stretch)
    stretch = _EMPTY_LINES.sub("\n\n", _LINE_END.sub("", stretch))
    return _SENTENCE_GAP.sub(" ", stretch)


def _json(stretch: str) -> str:
    try:
        return msgspec.json.format(stretch, indent=-1)
    except (msgspec.MsgspecError, RecursionError):  # NaN is no JSON, but Python's parser takes it
        return stretch


def build(options: Any, path: str, problems: Problems) -> Minify:
    read_options(options, (), path, problems)
    return Minify()
