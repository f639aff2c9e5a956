"""What waits to be learned is bounded, and what is dropped is counted and waited for no more."""

import asyncio
from typing import Any

import pytest

from stepdown.caching.semantic import learning
from stepdown.caching.semantic.learning import Given, Learning
from stepdown.caching.semantic.tally import Tally
from stepdown.quality.shadow.kept import Answer


def test_the_queue_is_bounded_in_number_and_bytes_and_stops_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learning, "QUEUE_BYTES", 1000)
    unread: Any = None  # nothing is read of what is only queued

    async def run() -> None:
        tally = Tally()
        queue = Learning(unread, {}, unread, unread, tally)
        for _ in range(5):
            queue.take(Given(unread, {}, unread, Answer(bytes(300)), "m", None, 1.0))
        assert (queue.queued, tally.dropped) == (3, 2)
        queue.stop()
        assert (queue.queued, tally.dropped) == (0, 5)
        await asyncio.wait_for(queue.drained(), 5.0)

    asyncio.run(run())
