"""When a stream of pairs is stopped that is looked at after every pair: exactly, no simulation."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Stops = Callable[[int, int], bool]
"""Whether to stop at (regrets, pairs)."""


def stopped_few(stops: Stops, rate: float, longest: int) -> NDArray[np.float64]:
    """The probability to have stopped, by the number of pairs from 0 to ``longest``.

    ``rate`` of the pairs are regrets. It stops where there are few: what stops with some number of
    regrets stops with fewer, and after more pairs.
    """
    going, stopped = _begin(longest)
    most = -1
    for pairs in range(1, longest + 1):
        going = _one_more(going, rate)
        while most < pairs and stops(most + 1, pairs):
            most += 1
        stopped[pairs] = stopped[pairs - 1] + going[: most + 1].sum()
        going[: most + 1] = 0.0
    return stopped


def stopped_many(stops: Stops, rate: float, longest: int) -> NDArray[np.float64]:
    """The same, where it stops with many: what stops with some number stops with more, and after
    fewer pairs."""
    going, stopped = _begin(longest)
    fewest = 0
    for pairs in range(1, longest + 1):
        going = _one_more(going, rate)
        while fewest <= pairs and not stops(fewest, pairs):
            fewest += 1
        stopped[pairs] = stopped[pairs - 1] + going[fewest:].sum()
        going[fewest:] = 0.0
    return stopped


def median(stopped: NDArray[np.float64]) -> int:
    """The number of pairs by which half of the streams have stopped."""
    assert stopped[-1] >= 0.5
    return int(np.argmax(stopped >= 0.5))


def _begin(longest: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    going = np.zeros(longest + 1)
    going[0] = 1.0
    return going, np.zeros(longest + 1)


def _one_more(going: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    after = going * (1.0 - rate)
    after[1:] += going[:-1] * rate
    return after
