"""How far what is observed is from being certified, in pairs and in days."""

from collections.abc import Mapping

from msgspec import Struct
from sqlalchemy import Engine

from stepdown.quality.evidence import estimate
from stepdown.quality.guard.needed import needed
from stepdown.quality.knowledge.positions import Position
from stepdown.quality.records.groups import groups
from stepdown.quality.records.selection import Selection

DAY = 86_400.0
WINDOW = 7 * DAY
"""Seconds of traffic that a pace is taken from."""
SHORTEST = 3_600.0
"""Seconds of traffic that are too few for a pace."""
FEW = 20
"""Of fewer pairs than these no rate is taken: then none is to be regretted from now on."""


class Progress(Struct, frozen=True):
    """It takes about ``pairs`` more, at a regret of ``rate`` from now on (the median).

    ``pairs`` is None where it is not to be expected at this rate. ``per_day`` are the pairs that
    come in a day, None where too little traffic is known.
    """

    rate: float
    pairs: int | None
    per_day: float | None = None

    @property
    def days(self) -> float | None:
        if self.pairs is None or not self.per_day:
            return None
        return self.pairs / self.per_day


def progress(position: Position, per_day: float | None = None) -> Progress | None:
    """For what is observed on known terms and not certified yet; None for all else."""
    terms, standing, counts = position.terms, position.standing, position.counts
    if terms is None or standing.state != "observing" or standing.certificate is not None:
        return None
    rate = (estimate(counts) or 0.0) if counts.pairs >= FEW else 0.0
    return Progress(rate, needed(standing, counts, terms, rate), per_day)


def traffic(database: Engine, now: float) -> Mapping[str, float]:
    """By key, the requests a day of which a pair could be scored, were all of them sampled.

    From the pairs of the last seven days before ``now`` (seconds since 1970), or of as long as the
    route has any in them. A route of which less than an hour is known is left out. Raises
    DatabaseUnavailable where the database fails.
    """
    found = groups(database, "key", Selection(since=now - WINDOW))
    begun: dict[str, float] = {}
    for group in found:
        begun[group.route] = min(group.first, begun.get(group.route, now))
    requests: dict[str, float] = {}
    for group in found:
        seconds = now - begun[group.route]
        if group.name and seconds >= SHORTEST:
            stands_for = sum(pairs / propensity for propensity, (_, pairs) in group.counts.items())
            requests[group.name] = requests.get(group.name, 0.0) + stands_for * DAY / seconds
    return requests
