"""What a request's Cache-Control header wants of the caches.

Source: RFC 9111, section 5.2.1. What is misspelt or unknown there is ignored, as HTTP says.
"""

import re

from msgspec import Struct

_DIRECTIVE = re.compile(
    r'(?<![a-z-])([a-z-]++)\s*+(?:=\s*+(?:"([^"]*+)"|([^\s,"]*+)))?+\s*+(?:,|$)'
)
"""Never goes back: each name is tried once, whatever follows."""
_LONGEST = 1000
"""Characters; nobody has that much to say."""
_SECONDS = re.compile(r"[0-9]{1,10}")


class CacheControl(Struct, frozen=True):
    """``no_cache``: do not answer from a cache, but keep the answer. ``no_store``: neither.

    ``max_age`` is the oldest answer that will do, in seconds, or None.
    """

    no_cache: bool = False
    no_store: bool = False
    max_age: int | None = None


NOTHING = CacheControl()


def cache_control(header: str | None) -> CacheControl:
    """Read the header's value. Of several ages the smallest counts."""
    if not header:
        return NOTHING
    no_cache = no_store = False
    max_age: int | None = None
    for name, quoted, plain in _DIRECTIVE.findall(header[:_LONGEST].lower()):
        if name == "no-cache":
            no_cache = True
        elif name == "no-store":
            no_store = True
        elif name == "max-age" and _SECONDS.fullmatch(stated := quoted or plain):
            max_age = int(stated) if max_age is None else min(max_age, int(stated))
    return CacheControl(no_cache, no_store, max_age)
