"""Limits per minute: what is spent is set aside before the call, so that no burst overspends.

A fixed minute would let twice the limit through around its turn. Here no sixty seconds ever hold
more than the limit; the price is the resolution of a second, 1.6 % of the rate.
"""

from collections import deque

WINDOW = 61
"""Seconds after the beginning of a second's step until all of it is more than a minute old."""


class SlidingMinute:
    """Amounts spent within the last minute. ``limit`` None counts without limiting.

    ``now`` is a monotonic clock's seconds and never goes back.
    """

    __slots__ = ("_steps", "limit", "spent")

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.spent = 0
        self._steps: deque[list[int]] = deque()  # [second, amount], at most WINDOW of them

    def pause(self, now: float, amount: int) -> float:
        """Seconds until ``amount`` can be spent; 0.0 when it can be now.

        An amount above the limit counts as the whole limit: it goes when nothing else is spent.
        """
        self._forget(now)
        if self.limit is None:
            return 0.0
        excess = self.spent + min(amount, self.limit) - self.limit
        if excess <= 0:
            return 0.0
        for second, spent in self._steps:
            excess -= spent
            if excess <= 0:
                return second + WINDOW - now
        return 0.0

    def used(self, now: float) -> int:
        """What was spent within the last minute."""
        self._forget(now)
        return self.spent

    def spend(self, now: float, amount: int) -> int:
        """Set an amount aside; returns the second it is booked under, for ``correct``."""
        self._forget(now)
        second = int(now)
        if self._steps and self._steps[-1][0] == second:
            self._steps[-1][1] += amount
        else:
            self._steps.append([second, amount])
        self.spent += amount
        return second

    def correct(self, now: float, second: int, by: int) -> None:
        """Change what was set aside in that second, once the true amount is known.

        What turns out to be more is booked now: a step that is about to leave would hide it.
        """
        if by > 0:
            self.spend(now, by)
            return
        self._forget(now)
        for step in self._steps:
            if step[0] == second:
                given_back = min(-by, step[1])
                step[1] -= given_back
                self.spent -= given_back
                return

    def _forget(self, now: float) -> None:
        steps = self._steps
        oldest = int(now) - WINDOW
        while steps and steps[0][0] <= oldest:
            self.spent -= steps.popleft()[1]
