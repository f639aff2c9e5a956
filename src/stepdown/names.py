"""Suggests the names that somebody may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

FEW = 12
"""So many names are listed in full where none is near."""
LONGEST = 512
"""Characters of a name that others are compared with: a client's may be as long as its request."""


def known_names(name: str, known: Iterable[str]) -> str:
    """The nearest names or, where none is near, all of a few; begins with a space."""
    names = list(known)
    near = nearest(name, names)
    if near or not names:
        return near
    more = ", …" if len(names) > FEW else ""
    return f" There are {', '.join(map(repr, names[:FEW]))}{more}."


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that begins with a space, ``" Did you mean 'auto'?"``, or the empty string."""
    close = get_close_matches(name, list(known), n=3, cutoff=0.6) if len(name) <= LONGEST else []
    if not close:
        return ""
    return f" Did you mean {' or '.join(repr(c) for c in close)}?"
