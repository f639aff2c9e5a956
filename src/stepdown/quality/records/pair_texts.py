"""What was asked and answered of a pair, where the configuration has it kept, and its blob."""

import zlib

import msgspec
from msgspec import Struct, structs

from stepdown.types import Choice

FORMAT = 1
"""Of blobs. New fields go to the end of ``Texts``, with a default, and keep the format."""


class Texts(Struct, frozen=True, array_like=True):
    """``prompt`` is the client's JSON object, of its bytes; the answers are each call's choices.

    Log probabilities are not kept.
    """

    prompt: bytes
    candidate: tuple[Choice, ...]
    reference: tuple[Choice, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Texts).decode


def encode(texts: Texts) -> bytes:
    """Raises UnicodeEncodeError where a model wrote half of a surrogate pair."""
    return _encode(Texts(texts.prompt, _bare(texts.candidate), _bare(texts.reference)))


def pack(encoded: bytes) -> bytes:
    """The blob. The interpreter's lock is free while it compresses."""
    return zlib.compress(encoded, level=1)


def unpack(body: bytes, written_as: int) -> Texts:
    """What a blob of the given format holds. Raises ValueError where it is damaged."""
    if written_as != FORMAT:
        raise ValueError(f"format: expected {FORMAT}, got {written_as}")
    try:
        return _decode(zlib.decompress(body))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ValueError(f"damaged texts: {error}") from error


def _bare(choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    return tuple(structs.replace(choice, tokens=None) for choice in choices)
