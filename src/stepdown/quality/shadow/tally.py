"""Counts what becomes of sampled requests: each is a pair, or skipped for a reason."""

import logging
from collections import Counter
from decimal import Decimal
from typing import Protocol

from stepdown.quality.pairs import Pair
from stepdown.quality.records.pair_texts import Texts

log = logging.getLogger("stepdown.shadow")

SAMPLED = "sampled"
PAIRED = "paired"
"""A pair was recorded, scored or not; the cost is that of the other model's answer."""
JUDGED = "judged"
"""Calls of judges, and what they cost."""
ERROR = "error"

_NOTHING = Decimal(0)


class Records(Protocol):
    """Where pairs and counts are kept: both enqueue only."""

    def put(self, pair: Pair, texts: Texts | None = None) -> None: ...

    def count(self, route: str, reason: str, amount: int = 1, cost: Decimal = _NOTHING) -> None: ...


class Tally:
    """Counts for the record, and in this process: ``skips`` and ``unscored`` by reason."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.sampled = 0
        self.paired = 0
        self.skips = Counter[str]()
        self.unscored = Counter[str]()

    def sample(self, route: str) -> None:
        self.sampled += 1
        self._records.count(route, SAMPLED)

    def skip(self, route: str, reason: str, cost: Decimal = _NOTHING) -> None:
        """Not to become a pair; ``cost`` is what was spent all the same, in US dollars."""
        self.skips[reason] += 1
        self._records.count(route, reason, 1, cost)

    def fail(self, route: str, cost: Decimal = _NOTHING) -> None:
        """Skip what the gateway itself failed at, in an ``except`` clause."""
        log.exception("A request could not be shadowed.")
        self.skip(route, ERROR, cost)

    def pair(self, pair: Pair, texts: Texts | None, cost: Decimal, judge_calls: int) -> None:
        """Keep a pair for whose second answer ``cost`` was spent, failed tries included."""
        self._records.put(pair, texts)
        self.paired += 1
        self._records.count(pair.route, PAIRED, 1, cost)
        if judge_calls:
            self._records.count(pair.route, JUDGED, judge_calls, pair.judge_cost)
        if pair.why is not None:
            self.unscored[pair.why.partition(":")[0]] += 1
