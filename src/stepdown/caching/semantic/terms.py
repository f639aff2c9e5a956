"""What a route's semantic cache is to do."""

from msgspec import Struct

from stepdown.caching.exact.terms import ExactTerms
from stepdown.caching.semantic.bound import BoundTerms

TTL = 86_400.0
MOST_ENTRY = 200_000


class SemanticTerms(Struct, frozen=True):
    """The terms for one route, or one model that is asked by its own name.

    ``answers`` says how long answers are given again, which are kept, and what else they hang on,
    as for the exact cache (its ``wait`` does not matter). ``floor`` is the least similarity
    (cosine) of a would-be hit, ``most_text`` the longest last turn, in characters. ``fresh_words``
    are more words of questions that are never cached.
    """

    bound: BoundTerms = BoundTerms()
    answers: ExactTerms = ExactTerms(ttl=TTL, most_entry=MOST_ENTRY)
    floor: float = 0.7
    most_text: int = 500
    fresh_words: tuple[str, ...] = ()
