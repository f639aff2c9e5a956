"""Which requests are shadowed: by a hash of the request's id, with a probability that is recorded.

Nothing but the id and the probability decides, so that a retry and every replica decide alike, and
nothing of the answer can.
"""

from collections.abc import Collection, Mapping
from hashlib import blake2b

from msgspec import Struct

ROUTE = b"stepdown.shadow"
COMPRESSION = b"stepdown.prompts"
"""Each keeps one use of the hash apart from any other (blake2b's personalisation): what is sampled
for one saver says nothing of what is for another."""


def uniform(request_id: str, purpose: bytes = ROUTE) -> float:
    """A number in [0, 1) that is the id's own, as if drawn evenly."""
    given = request_id.encode("utf-8", "surrogatepass")
    digest = blake2b(given, digest_size=8, person=purpose).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53


def sampled(request_id: str, propensity: float) -> bool:
    """Whether the request is one of the sample. One that is stays so at any higher propensity."""
    return uniform(request_id) < propensity


class Rates(Struct, frozen=True):
    """The shares of a route's requests that are shadowed, each in 0..1.

    ``observe_rate`` is for rules under observation, ``upgrade_rate`` for requests that were decided
    for the last rung (None: ``rate``). Of several tags that have a rate, the first one listed here
    counts.
    """

    rate: float = 0.02
    observe_rate: float = 0.2
    upgrade_rate: float | None = None
    tags: Mapping[str, float] = {}
    rules: Mapping[str, float] = {}

    def propensity(
        self, rule: str, tags: Collection[str], state: str | None, *, strong: bool
    ) -> float:
        """The probability for one request: of its tag, or of its rule, its rule's state, the route.

        ``rule`` is the decision's name. ``strong``: it was decided for the last rung, and not by
        the guard.
        """
        if tags and self.tags:
            for tag, rate in self.tags.items():
                if tag in tags:
                    return rate
        if rule in self.rules:
            return self.rules[rule]
        if strong:
            return self.rate if self.upgrade_rate is None else self.upgrade_rate
        return self.observe_rate if state == "observing" else self.rate

    @property
    def highest(self) -> float:
        """No request is sampled with a higher probability."""
        return max(self._all())

    @property
    def lowest(self) -> float | None:
        """No request that may be sampled at all has a lower one; None where none may.

        What is never sampled is no part of what the pairs stand for.
        """
        return min((rate for rate in self._all() if rate > 0.0), default=None)

    def least(self, rule: str, state: str | None, *, strong: bool = False) -> float | None:
        """The same for a rule's requests in a state: by their tags they may have others."""
        own = self.propensity(rule, (), state, strong=strong)
        return min((rate for rate in (own, *self.tags.values()) if rate > 0.0), default=None)

    def _all(self) -> tuple[float, ...]:
        upgrade = self.rate if self.upgrade_rate is None else self.upgrade_rate
        own = self.rate, self.observe_rate, upgrade
        return *own, *self.tags.values(), *self.rules.values()
