"""Draws a part of some things at random: the same part each time, and within every larger one."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


def drawn(
    things: Sequence[T], most: int | None, name_of: Callable[[T], str], seed: int = 0
) -> Sequence[T]:
    """At most so many of them, in their order; None is all.

    By a hash of their names, so that what is drawn stays drawn where others come or go, and where
    more are drawn. ``data.from_ledger`` draws in the same way.
    """
    if most is None or len(things) <= most:
        return things

    def rank(place: int) -> bytes:
        name = f"{seed}:{name_of(things[place])}".encode("utf-8", "surrogatepass")
        return blake2b(name, digest_size=16).digest()

    chosen = sorted(range(len(things)), key=rank)[:most]
    return [things[place] for place in sorted(chosen)]
