"""Texts of a pair: they come back but for log probabilities, and damage is told."""

import pytest

from stepdown.quality.records.pair_texts import FORMAT, Texts, encode, pack, unpack
from stepdown.types import Choice, Token, ToolCall

TEXTS = Texts(
    b'{"model":"auto"}',
    (Choice("no", finish_reason="stop"),),
    (Choice(tool_calls=(ToolCall("lookup", '{"a":1}'),)), Choice(refusal="I cannot.")),
)


def test_texts_come_back() -> None:
    assert unpack(pack(encode(TEXTS)), FORMAT) == TEXTS


def test_log_probabilities_are_not_kept() -> None:
    spoken = Choice("no", finish_reason="stop", tokens=(Token("no", -0.1),))
    assert unpack(pack(encode(Texts(TEXTS.prompt, (spoken,), TEXTS.reference))), FORMAT) == TEXTS


def test_half_a_surrogate_pair_is_an_error() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode(Texts(b"{}", (Choice("\ud83d"),), ()))


@pytest.mark.parametrize("body", [b"", b"x", pack(b"x"), pack(encode(TEXTS)[:-1])])
def test_damaged(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^damaged texts: "):
        unpack(body, FORMAT)


def test_another_format() -> None:
    with pytest.raises(ValueError, match=r"^format: expected 1, got 2$"):
        unpack(pack(encode(TEXTS)), 2)
