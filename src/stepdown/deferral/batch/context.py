"""What the steps of a batch's life share: the database, the configuration in force, the clock."""

import asyncio
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Callable
from secrets import token_hex

from msgspec import Struct

from stepdown.deferral.batch.outlets import Outlets
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.deferral.records import Records
from stepdown.pipeline import Pipeline
from stepdown.storage.batches import BatchStore

log = logging.getLogger("stepdown.deferral")

LEASE = 30.0
"""Seconds without a sign of life after which others take over what a process holds."""

Hook = Callable[[str], None]
"""Told of each step as it is about to be taken, or has just been taken."""


class InForce(Struct, frozen=True):
    """What answers requests now, and where batches can go."""

    pipeline: Pipeline
    outlets: Outlets


def unobserved(step: str) -> None:
    """Nobody watches."""


class Context:
    """One process's. ``owner`` is the name its leases bear; ``at`` is told of each step."""

    def __init__(
        self,
        records: Records[BatchStore],
        terms: BatchTerms,
        in_force: Callable[[], InForce],
        at: Hook = unobserved,
    ) -> None:
        self.records = records
        self.terms = terms
        self.in_force = in_force
        self.at = at
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        self.counts: Counter[str] = Counter()
        self.wake = asyncio.Event()

    @property
    def until(self) -> float:
        """The end of a lease that is taken now, in seconds since 1970."""
        return time.time() + LEASE
