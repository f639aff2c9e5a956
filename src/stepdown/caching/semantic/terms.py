"""What a route's semantic cache is to do."""

from msgspec import Struct

from stepdown.caching.exact.terms import ExactTerms
from stepdown.caching.semantic.bound import BoundTerms


class SemanticTerms(Struct, frozen=True):
    """The terms for one route, or one model that is asked by its own name.

    ``ttl`` is how long an answer may be given again, in seconds. ``floor`` is the least similarity
    (cosine) of a would-be hit. ``nondeterministic``: requests that ask for variety are cached too.
    ``most_text`` is the longest last turn, in characters, and ``most_entry`` the largest answer, in
    bytes. ``fresh_words`` are more words of questions that are never cached. ``policy`` and
    ``varies`` are what else answers hang on, see ``caching.key.key_of``.
    """

    bound: BoundTerms = BoundTerms()
    ttl: float = 86_400.0
    floor: float = 0.7
    nondeterministic: bool = False
    most_text: int = 2_000
    most_entry: int = 200_000
    fresh_words: tuple[str, ...] = ()
    policy: str = ""
    varies: tuple[str, ...] = ()

    @property
    def storing(self) -> ExactTerms:
        """As the exact cache reads them."""
        return ExactTerms(self.ttl, self.nondeterministic, most_entry=self.most_entry)
