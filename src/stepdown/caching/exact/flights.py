"""Single flight: of the same requests at one time, one is asked, and the others wait for it."""

import asyncio

from msgspec import Struct

from stepdown.caching.exact.entry import Entry
from stepdown.caching.key import Key
from stepdown.errors import StepdownError


class Landing(Struct, frozen=True):
    """How a flight ended: with an answer, or without.

    ``error`` would meet every other request too. ``answered``: there was an answer, which must not
    be given again.
    """

    entry: Entry | None = None
    error: StepdownError | None = None
    answered: bool = False


UNSTORABLE = Landing(answered=True)


class Flights:
    """The flights that are under way, by key. For one event loop."""

    def __init__(self) -> None:
        self._under_way: dict[bytes, asyncio.Future[Landing]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def begin(self, key: Key) -> bool:
        """Whether this is the first; then it must land."""
        if key.digest in self._under_way:
            return False
        self._under_way[key.digest] = asyncio.get_running_loop().create_future()
        return True

    async def wait(self, key: Key, seconds: float) -> Landing | None:
        """How the flight under way ends, or None where it takes longer than that."""
        flight = self._under_way[key.digest]
        await asyncio.wait((flight,), timeout=max(0.0, seconds))
        return flight.result() if flight.done() else None

    def land(self, key: Key, landing: Landing) -> None:
        """End a flight. Whoever waits goes on, in the order in which they came."""
        flight = self._under_way.pop(key.digest, None)
        if flight is not None:
            flight.set_result(landing)


def once_more(error: StepdownError) -> StepdownError:
    """The same error, to be raised by another request: tracebacks are not shared."""
    kind = type(error)
    same = kind.__new__(kind, *error.args)
    same.__dict__.update(error.__dict__)
    return same
