"""A bounded queue of encoded items: when it is full the oldest go, and are counted."""

from collections import deque

from msgspec import Struct


class Taken(Struct):
    """What was in the queue: the items with their times, and how many were dropped before them."""

    items: list[tuple[float, bytes]]
    dropped: int


class Queue:
    """Holds at most ``count`` items of together at most ``size`` bytes.

    ``dropped`` counts every item that was pushed out. Not safe for two threads: a writer holds a
    lock.
    """

    def __init__(self, count: int, size: int) -> None:
        self.dropped = 0
        self._count = count
        self._size = size
        self._items: deque[tuple[float, bytes]] = deque()
        self._bytes = 0
        self._reported = 0

    def __len__(self) -> int:
        return len(self._items)

    def push(self, time: float, item: bytes) -> None:
        """Add an item; ``time`` is its request's, in seconds since 1970."""
        self._items.append((time, item))
        self._bytes += len(item)
        if self._bytes > self._size or len(self._items) > self._count:
            self._shrink()

    def drop(self) -> None:
        """Count an item that could not even be encoded."""
        self.dropped += 1

    def take(self) -> Taken:
        """Hand over everything, oldest first."""
        items, self._items = self._items, deque()
        self._bytes = 0
        dropped, self._reported = self.dropped - self._reported, self.dropped
        return Taken(list(items), dropped)

    def put_back(self, taken: Taken) -> None:
        """Take back, in front, what could not be written."""
        self._items.extendleft(reversed(taken.items))
        self._bytes += sum(len(item) for _, item in taken.items)
        self._reported -= taken.dropped
        self._shrink()

    def _shrink(self) -> None:
        while self._items and (self._bytes > self._size or len(self._items) > self._count):
            self._bytes -= len(self._items.popleft()[1])
            self.dropped += 1
