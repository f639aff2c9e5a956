"""What holds for every vector index: one suite over memory, graph and PostgreSQL."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepdown.caching.index import memory as memory_module
from stepdown.caching.index import postgresql as postgresql_module
from stepdown.embedding.embedder import Vectors
from support.vector_indexes import (
    DIMENSIONS,
    Indexed,
    directions,
    memory,
    postgresql,
)

VECTORS = directions(12)
Made = Callable[[int], Indexed]
_number = count()


@pytest.fixture(params=["memory", "thread", "graph", "postgresql"])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """Makes an index of one kind, for so many entries. ``thread``: as large partitions are served;
    ``graph``: with the approximate search from the third entry of a partition on."""
    opened: list[Indexed] = []
    kind: str = request.param
    if kind in ("thread", "graph"):
        monkeypatch.setattr(memory_module, "QUICK", 1)
    if kind == "graph":
        pytest.importorskip("usearch", reason="needs the extra graph")
    if kind == "postgresql":
        monkeypatch.setattr(postgresql_module, "LATEST", 0)
        url: str = request.getfixturevalue("pgvector_url")

    def make(most: int) -> Indexed:
        if kind == "postgresql":
            index = postgresql(url, f"embedder-{next(_number)}", most)
        else:
            index = memory(most, most_flat=2 if kind == "graph" else 10_000)
        index.run(index.index.clear())
        opened.append(index)
        return index

    yield make
    for index in opened:
        index.run(index.index.clear())
        index.close()


def test_the_nearest_come_first_with_their_cosines(made: Made) -> None:
    index = made(100)
    for number, vector in enumerate(VECTORS):
        assert index.add("p", str(number), vector) == []
    asked = directions(1, seed=1)[0]
    expected = VECTORS @ asked
    found = index.run(index.index.search("p", asked, 4))
    assert [match.id for match in found] == [str(at) for at in np.argsort(-expected)[:4]]
    assert [match.similarity for match in found] == pytest.approx(
        sorted(expected.tolist(), reverse=True)[:4], abs=2e-3
    )
    [itself] = index.run(index.index.search("p", VECTORS[3], 1))
    assert itself.id == "3"
    assert 0.998 < itself.similarity <= 1


def test_fewer_than_asked_for_and_none_at_all(made: Made) -> None:
    index = made(100)
    assert index.search("p", VECTORS[0]) == []
    index.add("p", "a", VECTORS[0])
    assert index.search("p", VECTORS[1], 5) == ["a"]
    assert index.search("p", VECTORS[0], 0) == []


def test_a_partition_sees_nothing_of_another(made: Made) -> None:
    index = made(100)
    for number, vector in enumerate(VECTORS):
        index.add(f"tenant-{number % 2}", str(number), vector)
    for tenant in (0, 1):
        found = index.search(f"tenant-{tenant}", VECTORS[1 - tenant], 100)
        assert sorted(found, key=int) == [str(number) for number in range(tenant, 12, 2)]


def test_one_id_in_two_partitions_is_two_entries(made: Made) -> None:
    index = made(100)
    index.add("p", "a", VECTORS[0])
    index.add("q", "a", VECTORS[1])
    assert index.remove("p", "a")
    assert index.search("p", VECTORS[0]) == []
    assert index.search("q", VECTORS[0]) == ["a"]


def test_an_entry_can_be_replaced_and_removed(made: Made) -> None:
    index = made(100)
    for number in range(5):
        index.add("p", str(number), VECTORS[number])
    index.add("p", "2", VECTORS[7])
    assert index.search("p", VECTORS[7], 1) == ["2"]
    assert index.run(index.index.size()).entries == 5
    assert index.remove("p", "2")
    assert not index.remove("p", "2")
    assert not index.remove("q", "1")
    assert "2" not in index.search("p", VECTORS[7], 10)


def test_what_was_added_or_hit_longest_ago_makes_room(made: Made) -> None:
    index = made(3)
    for name in "abc":
        assert index.add("p", name, VECTORS[ord(name) % 12]) == []
    index.hit("p", "a")
    index.hit("p", "nobody")
    assert index.add("q", "d", VECTORS[0]) == ["b"]
    assert index.add("q", "e", VECTORS[1]) == ["c"]
    assert sorted(index.search("p", VECTORS[0], 9)) == ["a"]
    assert sorted(index.search("q", VECTORS[0], 9)) == ["d", "e"]
    size = index.run(index.index.size())
    assert (size.entries, size.evicted) == (3, 2)
    assert size.bytes > 0


def test_a_partition_or_all_can_be_cleared(made: Made) -> None:
    index = made(100)
    for number in range(6):
        index.add(f"p{number % 3}", str(number), VECTORS[number])
    assert index.run(index.index.clear("p1")) == 2
    assert index.search("p1", VECTORS[1]) == []
    assert index.run(index.index.clear()) == 4
    assert index.run(index.index.size()).entries == 0
    index.add("p1", "again", VECTORS[1])
    assert index.search("p1", VECTORS[1]) == ["again"]


def test_a_vector_of_another_size_is_refused(made: Made) -> None:
    index = made(100)
    with pytest.raises(ValueError, match=r"expected a vector of shape \(8,\), got \(7,\)"):
        index.add("p", "a", VECTORS[0][:7])
    with pytest.raises(ValueError, match=r"expected a vector of shape \(8,\), got \(1, 8\)"):
        index.search("p", VECTORS[:1])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "remove", "hit"]),
        st.sampled_from(["p", "q"]),
        st.integers(0, 7),
        st.integers(0, len(VECTORS) - 1),
    ),
    max_size=40,
)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS, most=st.integers(1, 6))
def test_after_any_history_it_holds_what_it_should(
    made: Made, steps: list[tuple[str, str, int, int]], most: int
) -> None:
    index = made(most)
    held: OrderedDict[tuple[str, str], Vectors] = OrderedDict()
    for step, partition, number, vector in steps:
        entry = str(number)
        key = (partition, entry)
        if step == "add":
            held[key] = VECTORS[vector]
            held.move_to_end(key)
            gone = [held.popitem(last=False)[0][1] for _ in range(len(held) - most)]
            assert index.add(partition, entry, VECTORS[vector]) == gone
        elif step == "remove":
            assert index.remove(partition, entry) == (held.pop(key, None) is not None)
        else:
            index.hit(partition, entry)
            if key in held:
                held.move_to_end(key)
    for partition in ("p", "q"):
        asked = np.ones(DIMENSIONS, np.float32) / DIMENSIONS**0.5
        there = {entry: its for (owner, entry), its in held.items() if owner == partition}
        found = index.run(index.index.search(partition, asked, 100))
        assert {match.id for match in found} == set(there)
        for match in found:
            assert match.similarity == pytest.approx(float(there[match.id] @ asked), abs=2e-3)
        similarities = [match.similarity for match in found]
        assert similarities == sorted(similarities, reverse=True)
    index.run(index.index.clear())
