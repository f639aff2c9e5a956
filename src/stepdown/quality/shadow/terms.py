"""How shadows are run: what a route wants shadowed, and what all of them together may take."""

from msgspec import Struct

from stepdown.quality.shadow.admission import Room
from stepdown.quality.shadow.excluded import Exclusions
from stepdown.quality.shadow.sampling import Rates


class Shadowed(Struct, frozen=True):
    """A route that is shadowed. ``margin``: how much better, in scores of 0..1, the reference has
    to be for a regret."""

    ladder: tuple[str, ...]
    rates: Rates = Rates()
    margin: float = 0.1


class ShadowTerms(Struct, frozen=True):
    """``concurrency`` is how many requests are shadowed at once, ``timeout`` the seconds of a call,
    its tries together. No shadow begins and nothing is sampled while more than ``pause_in_flight``
    requests are under way in the gateway, or its event loop's thread computes for more than
    ``pause_busy`` of its time (0 to 1; 1: whatever it computes)."""

    concurrency: int = 4
    timeout: float = 120.0
    pause_in_flight: int = 256
    pause_busy: float = 1.0
    room: Room = Room()
    exclusions: Exclusions = Exclusions()
    store_texts: bool = False
