"""The store in memory keeps its bound, and lets go of what was not used for longest."""

import asyncio
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from stepdown.caching.exact.memory import OVERHEAD, MemoryStore
from stepdown.caching.exact.store import Record

names = st.sampled_from("abcdefgh")
steps = st.lists(
    st.tuples(st.just("put"), names, st.integers(0, 3000), st.floats(0.5, 5))
    | st.tuples(st.just("get"), names)
    | st.tuples(st.just("delete"), names)
    | st.tuples(st.just("pass"), st.floats(0, 3)),
    max_size=60,
)


class Model:
    """The same store, written down as plainly as can be."""

    def __init__(self, most: int) -> None:
        self.most, self.now = most, 0.0
        self.held: dict[str, tuple[bytes, float]] = {}

    @property
    def size(self) -> int:
        return sum(len(value) + OVERHEAD for value, _ in self.held.values())

    def put(self, name: str, size: int, ttl: float) -> bytes:
        self.held = {n: each for n, each in self.held.items() if each[1] > self.now}
        self.held.pop(name, None)
        value = b"x" * size
        if size + OVERHEAD <= self.most:
            while (
                sum(len(v) + OVERHEAD for v, _ in self.held.values()) + size + OVERHEAD > self.most
            ):
                del self.held[next(iter(self.held))]
            self.held[name] = (value, self.now + ttl)
        return value

    def get(self, name: str) -> bytes | None:
        found = self.held.pop(name, None)
        if found is None or found[1] <= self.now:
            return None
        self.held[name] = found
        return found[0]


@given(steps)
def test_it_does_what_the_model_does(script: list[tuple[object, ...]]) -> None:
    async def run() -> None:
        model = Model(6000)
        store = MemoryStore(6000, lambda: model.now)
        for step in script:
            match step:
                case ("put", str(name), int(size), float(ttl)):
                    await store.put([Record(name, model.put(name, size, ttl), ttl)])
                case ("get", str(name)):
                    assert await store.get(name) == model.get(name)
                case ("delete", str(name)):
                    await store.delete(name)
                    model.held.pop(name, None)
                case ("pass", float(seconds)):
                    model.now += seconds
            assert store.last.size <= 6000
            assert len(store._expiring) <= 2 * len(store._held) + 65
        alive = {name for name, (_, expires) in model.held.items() if expires > model.now}
        assert (await store.stats()).entries == len(alive)

    asyncio.run(run())


def test_the_bound_is_one_of_real_memory() -> None:
    async def run() -> tuple[int, int]:
        most = 4_000_000
        store = MemoryStore(most)
        tracemalloc.start()
        for n in range(20_000):
            await store.put([Record(f"{n:032x}", b"%d" % n + bytes(n % 1500), 3600.0)])
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        stats = await store.stats()
        assert stats.evicted
        assert stats.entries > 2000
        return taken, most

    taken, most = asyncio.run(run())
    assert taken <= most


def test_a_value_larger_than_the_whole_is_left_out_with_the_older_one_of_its_id() -> None:
    async def run() -> None:
        store = MemoryStore(2000)
        await store.put([Record("a", b"old", 60), Record("b", b"x", 60)])
        await store.put([Record("a", b"x" * 3000, 60)])
        assert await store.get("a") is None
        assert await store.get("b") == b"x"

    asyncio.run(run())
