"""Suggests the names that somebody may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that begins with a space, ``" Did you mean 'auto'?"``, or the empty string."""
    close = get_close_matches(name, list(known), n=3, cutoff=0.5)
    if not close:
        return ""
    return f" Did you mean {' or '.join(repr(c) for c in close)}?"
