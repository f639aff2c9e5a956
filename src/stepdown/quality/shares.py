"""A fraction of trials, with the interval in which the rate behind it is."""

from msgspec import Struct

from stepdown.quality.intervals import exact_interval


class Share(Struct, frozen=True):
    """A fraction of trials, with its exact interval (Clopper & Pearson 1934), both in 0..1."""

    events: int
    trials: int
    low: float = 0.0
    high: float = 1.0

    @property
    def value(self) -> float | None:
        return self.events / self.trials if self.trials else None


def share(events: int, trials: int, confidence: float) -> Share:
    """So many of so many; nothing is known of the rate without trials. Raises ValueError."""
    return Share(events, trials, *exact_interval(events, trials, confidence))
