"""Questions whose answer changes with the time they are asked at: never answered from the cache.

A short list of English words and phrases, matched word by word whatever their case. A route's
configuration may add its own, in any language (``fresh_words``).
"""

import re
from collections.abc import Sequence

FRESH = (
    "today", "todays", "tonight", "tomorrow", "tomorrows", "yesterday", "yesterdays", "now",
    "nowadays", "currently", "current", "latest", "newest", "most recent", "recent", "recently",
    "this morning", "this afternoon", "this evening", "this week", "this weekend", "this month",
    "this quarter", "this year", "last night", "last week", "last month", "last year", "next week",
    "next month", "next year", "at the moment", "at present", "presently", "as of", "so far",
    "right away", "up to date", "up-to-date", "breaking news", "news", "live score", "in stock",
    "what time is it", "what day is it", "what date is it", "ago",
    "the other day", "upcoming", "just happened", "real time", "real-time",
)  # fmt: skip
_WORDS = re.compile(r"\s+")


class Freshness:
    """Finds such words. ``more`` are the user's own."""

    def __init__(self, more: Sequence[str] = ()) -> None:
        phrases = sorted({*FRESH, *(each.strip().lower() for each in more if each.strip())})
        patterns = (r"\s+".join(map(re.escape, _WORDS.split(each))) for each in phrases)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)", re.IGNORECASE)

    def found(self, text: str) -> str | None:
        """The first such word, as it stands there, or None."""
        match = self._pattern.search(text.replace("'", "").replace("’", ""))
        return None if match is None else match.group()
