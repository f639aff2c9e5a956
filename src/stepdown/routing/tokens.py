"""Estimates how many tokens a prompt is, with the error of the estimate, in microseconds.

Every UTF-8 lead byte tells its character's script, so one ``bytes.translate`` sorts a prompt's
characters into classes, and each class has a measured price in o200k tokens. The weights were
fitted by least squares of the relative error to o200k counts of English prose, mathematics, code,
JSON, and text in 27 other languages; ``docs/rules.md`` gives the error for each.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from msgspec import Raw

from stepdown.types import Prompt, Reading

PER_MESSAGE = 4
PER_REPLY = 3
PER_IMAGE = 765, 680
"""An image's tokens and their half-width: between the 85 of low detail and about 1,450."""
PER_ATTACHMENT = 1000, 1000
"""The same for sound and files, whose length is not known here."""

SAMPLE = 768
SLICES = 8
"""A longer text is read in this many even slices of ``SAMPLE / SLICES`` bytes."""


class CharacterClass(NamedTuple):
    """Characters that cost about the same: their lead bytes, and o200k tokens for each."""

    name: str
    first: int
    last: int
    tokens: float


# Later entries win where the ranges overlap.
ASCII_CLASSES = (
    CharacterClass("punctuation", 0x00, 0x7F, 0.29),
    CharacterClass("space", 0x20, 0x20, 0.148),
    CharacterClass("line break", 0x09, 0x0D, 0.25),
    CharacterClass("digit", 0x30, 0x39, 0.62),
    CharacterClass("capital", 0x41, 0x5A, 0.62),
    CharacterClass("letter", 0x61, 0x7A, 0.19),
)
WIDE_CLASSES = (
    CharacterClass("Latin with marks", 0xC2, 0xCD, 1.27),
    CharacterClass("Greek", 0xCE, 0xCF, 0.41),
    CharacterClass("Cyrillic", 0xD0, 0xD3, 0.33),
    CharacterClass("Armenian, Hebrew", 0xD4, 0xD7, 0.42),
    CharacterClass("Arabic", 0xD8, 0xDF, 0.35),
    CharacterClass("Indic, Thai", 0xE0, 0xE0, 0.40),
    CharacterClass("Georgian, Vietnamese", 0xE1, 0xE1, 0.37),
    CharacterClass("symbol", 0xE2, 0xE2, 0.60),
    CharacterClass("kana", 0xE3, 0xE3, 0.67),
    CharacterClass("Han", 0xE4, 0xE9, 0.87),
    CharacterClass("Hangul", 0xEA, 0xED, 0.70),
    CharacterClass("emoji, rare", 0xEE, 0xF4, 1.80),
)
ODD_LETTER = 0.525
"""Tokens that each letter costs more as punctuation and digits fill the text, as in ``f(x)``."""

# The half-width of the estimate: 95 % of the fitted texts lie within it.
ERROR_FIXED = 3.0
ERROR_SHARE = 0.18
ERROR_ODD = 0.5
ERROR_WIDE = 0.05
ERROR_SAMPLED = 0.03


def _table() -> bytes:
    table = bytearray(b"\xff" * 256)
    for index, kind in enumerate((*ASCII_CLASSES, *WIDE_CLASSES)):
        table[kind.first : kind.last + 1] = bytes([index]) * (kind.last + 1 - kind.first)
    return bytes(table)


CLASS_OF_BYTE = _table()
PUNCTUATION, SPACE, BREAK, DIGIT, CAPITAL, LETTER = (bytes([i]) for i in range(6))
PUNCTUATION_PRICE, SPACE_PRICE, BREAK_PRICE, DIGIT_PRICE, CAPITAL_PRICE, LETTER_PRICE = (
    kind.tokens for kind in ASCII_CLASSES
)
WIDE_PRICES = tuple(
    (bytes([len(ASCII_CLASSES) + i]), kind.tokens) for i, kind in enumerate(WIDE_CLASSES)
)


def estimate(prompt: Prompt, fields: Mapping[str, Raw] | None = None) -> Reading:
    """The prompt's tokens, and the half-width of the estimate, both in o200k tokens.

    ``fields`` is the request's own JSON, where the tools' schemas are; without it they count as
    nothing. About 4 µs for 2 KB and 15 µs for 50 KB.
    """
    value, error = _estimate_text(_whole_text(prompt, fields))
    extra, extra_error = _beside_text(prompt)
    return Reading(value + extra, error=error + extra_error, saw="estimated from the characters")


def _whole_text(prompt: Prompt, fields: Mapping[str, Raw] | None) -> bytes:
    text = "\n".join([message.text for message in prompt.messages]).encode("utf-8", "surrogatepass")
    for message in prompt.messages:
        if message.tool_calls:
            text += b"".join([bytes(call) for call in message.tool_calls])
    if fields is not None:
        for name in ("tools", "response_format"):
            if name in fields:
                text += bytes(fields[name])
    return text


def _beside_text(prompt: Prompt) -> tuple[float, float]:
    """Tokens of the message frames, images and attachments, with their half-width."""
    value, error = PER_REPLY + PER_MESSAGE * len(prompt.messages), 0
    for message in prompt.messages:
        if isinstance(message.content, list):
            for part in message.content:
                if part.text is None:
                    each = PER_IMAGE if part.type == "image_url" else PER_ATTACHMENT
                    value, error = value + each[0], error + each[1]
    return value, error


def _estimate_text(text: bytes) -> tuple[float, float]:
    size = len(text)
    if not size:
        return 0.0, 0.0
    sample = text if size <= SAMPLE else _slices(text)
    classes = sample.translate(CLASS_OF_BYTE)
    rest = classes.translate(None, LETTER + SPACE)  # few bytes: counting in them is quick
    letters = classes.count(LETTER)
    spaces = len(classes) - letters - len(rest)
    punctuation, digits = rest.count(PUNCTUATION), rest.count(DIGIT)
    strange = (punctuation + digits) / len(sample)
    wide = 0.0
    if not sample.isascii():
        wide = sum([rest.count(kind) * tokens for kind, tokens in WIDE_PRICES])
    value = (
        letters * (LETTER_PRICE + strange * ODD_LETTER)
        + spaces * SPACE_PRICE
        + punctuation * PUNCTUATION_PRICE
        + digits * DIGIT_PRICE
        + rest.count(CAPITAL) * CAPITAL_PRICE
        + rest.count(BREAK) * BREAK_PRICE
        + wide
    )
    share = ERROR_SHARE + ERROR_ODD * strange + (0.0 if sample is text else ERROR_SAMPLED)
    scale = size / len(sample)
    return value * scale, ERROR_FIXED + (share * value + ERROR_WIDE * wide) * scale


def _slices(text: bytes) -> bytes:
    width = SAMPLE // SLICES
    step = (len(text) - width) // (SLICES - 1)
    return b"".join([text[start : start + width] for start in range(0, SLICES * step, step)])


# ── The exact count, where the extra ``tokens`` is installed ─────────────────────────────────


class Tokenizer(Protocol):
    def count(self, text: str) -> int: ...


@cache
def tokenizer() -> Tokenizer | None:
    """The o200k tokenizer, or None where the extra is not installed.

    Loading takes about 0.7 s and 65 MB, once: so it happens at the first prompt that lies near a
    threshold, or earlier where somebody calls this at start-up.
    """
    try:
        quicktok: Any = import_module("quicktok")
    except ImportError:
        return None
    loaded: Tokenizer = quicktok.get_encoding("o200k_base")
    return loaded


def count(prompt: Prompt, fields: Mapping[str, Raw] | None = None) -> Reading | None:
    """The prompt's exact o200k tokens; None without the tokenizer.

    What has no exact count (images, and the form in which a provider shows tools to the model)
    keeps its error.
    """
    exact = tokenizer()
    if exact is None:
        return None
    text = _whole_text(prompt, fields).decode("utf-8", "replace")
    value, error = _beside_text(prompt)
    if prompt.tools:
        error += PER_MESSAGE * len(prompt.tools)
    return Reading(value + exact.count(text), error=error, saw="counted with o200k")
