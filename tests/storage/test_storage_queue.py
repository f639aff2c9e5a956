"""The queue: bounded in items and bytes, the oldest go first, and every drop is counted."""

from hypothesis import given
from hypothesis import strategies as st

from stepdown.storage.queue import Queue

steps = st.lists(st.binary(max_size=12) | st.sampled_from(["take", "put back", "drop"]))


@given(steps, st.integers(1, 6), st.integers(0, 40))
def test_every_item_is_taken_or_counted(
    given_steps: list[bytes | str], count: int, size: int
) -> None:
    queue = Queue(count, size)
    pushed, written, dropped, held = 0, [], 0, queue.take()
    for at, step in enumerate(given_steps):
        if step == "take":
            written += held.items
            dropped += held.dropped
            held = queue.take()
        elif step == "put back":
            queue.put_back(held)
            held = queue.take()
        elif step == "drop":
            queue.drop()
            pushed += 1
        elif isinstance(step, bytes):
            queue.push(float(at), step)
            pushed += 1
        assert len(queue) <= count
    written += held.items
    last = queue.take()
    written += last.items
    dropped += held.dropped + last.dropped
    assert len(written) + dropped == pushed
    assert queue.dropped == dropped
    assert [at for at, _ in written] == sorted(at for at, _ in written)


def test_the_oldest_go() -> None:
    queue = Queue(2, 100)
    for at in range(5):
        queue.push(float(at), b"x")
    taken = queue.take()
    assert [at for at, _ in taken.items] == [3.0, 4.0]
    assert taken.dropped == queue.dropped == 3


def test_bytes_are_bounded() -> None:
    queue = Queue(100, 10)
    for at in range(5):
        queue.push(float(at), b"four")
    assert [at for at, _ in queue.take().items] == [3.0, 4.0]
    queue.push(9.0, b"larger than all")
    assert len(queue) == 0
    assert queue.dropped == 4


def test_what_is_put_back_stands_in_front() -> None:
    queue = Queue(3, 100)
    queue.push(1.0, b"a")
    queue.push(2.0, b"b")
    taken = queue.take()
    queue.push(3.0, b"c")
    queue.push(4.0, b"d")
    queue.put_back(taken)
    again = queue.take()
    assert [at for at, _ in again.items] == [2.0, 3.0, 4.0]
    assert again.dropped == 1
