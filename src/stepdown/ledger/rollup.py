"""What requests cost: sums per minute, by route, rule, model, outcome and tags."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import astuple

from stepdown.ledger.detail import ZERO, Detail
from stepdown.ledger.minutes import HOUR, MINUTE, Minutes
from stepdown.storage.money import to_pico

TAG_SETS = 1000
"""How many different sets of tags a minute keeps apart; tags come from clients."""
OTHER_TAGS = '["(other)"]'

_AMOUNTS = 8
"""How many of the sums are money; they stand last."""

Key = tuple[int, str, str, int, str, str, str]
"""The values of ``ROLLUP_KEY``."""


class Sums(Struct):
    """What one key adds up, in the order of ``ROLLUP_SUMS``. Money in US dollars.

    ``downgraded`` counts the requests that a route sent to another model than the reference,
    ``unpriced`` those with an unknown cost or reference cost, ``estimated`` those whose usage the
    gateway had to estimate. ``cost`` sums every known cost; ``reference_cost`` and ``saved`` are
    of the requests with both costs known. Of what was saved, ``saved_…`` are owed to those savers,
    and the rest to the route.
    """

    requests: int = 0
    downgraded: int = 0
    unpriced: int = 0
    estimated: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: Decimal = ZERO
    reference_cost: Decimal = ZERO
    saved: Decimal = ZERO
    saved_exact: Decimal = ZERO
    saved_semantic: Decimal = ZERO
    saved_cascade: Decimal = ZERO
    saved_compression: Decimal = ZERO
    saved_batch: Decimal = ZERO

    def add(self, other: "Sums") -> None:
        self.requests += other.requests
        self.downgraded += other.downgraded
        self.unpriced += other.unpriced
        self.estimated += other.estimated
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cached_tokens += other.cached_tokens
        self.cost += other.cost
        self.reference_cost += other.reference_cost
        self.saved += other.saved
        self.saved_exact += other.saved_exact
        self.saved_semantic += other.saved_semantic
        self.saved_cascade += other.saved_cascade
        self.saved_compression += other.saved_compression
        self.saved_batch += other.saved_batch

    def add_saved(self, detail: Detail, saved: Decimal) -> None:
        """Add what one request saved, to the savers that it is owed to."""
        self.saved += saved
        self.saved_compression += detail.compression_discount
        self.saved_batch += detail.batch_discount
        rest = saved - detail.compression_discount - detail.batch_discount
        match detail.saver:
            case "exact":
                self.saved_exact += rest
            case "semantic":
                self.saved_semantic += rest
            case "cascade":
                self.saved_cascade += rest
            case _:
                pass


class Rollups(Minutes[Key, Sums]):
    """The requests' sums since the last ``take``."""

    def __init__(self) -> None:
        super().__init__()
        self._minute = 0
        self._tags: set[str] = set()

    @property
    def requests(self) -> int:
        """How many requests the sums count."""
        return sum(sums.requests for sums in self._sums.values())

    def add(self, detail: Detail) -> None:
        """Count one request."""
        bucket = int(detail.time) // MINUTE * MINUTE
        tags = detail.tags and self._bounded(bucket, detail.tags)
        key = (
            bucket,
            detail.route,
            detail.decision,
            detail.rung,
            detail.model,
            detail.outcome,
            tags,
        )
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = Sums()
        sums.requests += 1
        sums.downgraded += detail.downgraded
        sums.estimated += detail.estimated
        usage = detail.usage
        if usage is not None:
            sums.input_tokens += usage.input
            sums.output_tokens += usage.output
            sums.cached_tokens += usage.cached_input
        cost, reference_cost = detail.cost, detail.reference_cost
        if cost is not None:
            sums.cost += cost
        if cost is None or reference_cost is None:
            sums.unpriced += 1
        else:
            sums.reference_cost += reference_cost
            if reference_cost is not cost:  # one object where the reference itself answered
                sums.add_saved(detail, reference_cost - cost)

    def _coarse(self, key: Key) -> Key:
        bucket, *rest, tags = key
        return (bucket // HOUR * HOUR, *rest, tags and OTHER_TAGS)  # type: ignore[return-value]

    def _bounded(self, bucket: int, tags: str) -> str:
        if bucket != self._minute:
            self._minute, self._tags = bucket, set()
        if tags not in self._tags:
            if len(self._tags) >= TAG_SETS:
                return OTHER_TAGS
            self._tags.add(tags)
        return tags


def rows(taken: dict[Key, Sums]) -> list[tuple[object, ...]]:
    """The rows to write: each key's values, then its sums, money in picodollars.

    In the keys' order: replicas then lock a database's rows in one order, and never each other.
    """
    return [
        (
            *key,
            *astuple(sums)[:-_AMOUNTS],
            *map(to_pico, astuple(sums)[-_AMOUNTS:]),
        )
        for key, sums in sorted(taken.items())
    ]
