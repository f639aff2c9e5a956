"""The law of watches: what one says of a beginning is true of the whole, however it is cut."""

from collections.abc import Iterable, Sequence

from stepdown.ports import Validator
from stepdown.types import Choice, Piece, Prompt, Request

ANY_REQUEST = Request("r", Prompt("auto", []), {})


def cut(text: str, every: int) -> list[Piece]:
    """The text in pieces of so many characters."""
    return [Piece(text[at : at + every]) for at in range(0, len(text), every)]


def dropped_at(validator: Validator, pieces: Sequence[Piece]) -> int | None:
    """The index of the piece at which a watch drops the answer, or None."""
    watch = validator.watch(ANY_REQUEST)
    assert watch is not None
    for index, piece in enumerate(pieces):
        if watch.feed(piece) is not None:
            return index
    return None


def keeps_the_law(
    validator: Validator,
    pieces: Iterable[Piece],
    whole: Choice,
    request: Request = ANY_REQUEST,
) -> None:
    """``pieces`` are a beginning of ``whole``."""
    watch = validator.watch(request)
    assert watch is not None
    rejected = validator.check(whole, request) is not None
    for piece in pieces:
        if watch.feed(piece) is not None:
            assert rejected, "a watch drops what passes"
            return
        if watch.settled:
            assert not rejected, "a watch settles on what does not pass"
