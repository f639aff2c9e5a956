"""The exact index: it finds what comparing everything finds, whatever came and went."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stepdown.caching.index.flat import FIRST_ROWS, Flat
from support.vector_indexes import DIMENSIONS, directions

VECTORS = directions(100)
CHANGES = st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.integers(0, 99)), max_size=150)


@given(CHANGES, st.integers(0, 99), st.integers(1, 70))
def test_it_equals_comparing_everything(
    changes: list[tuple[bool, int, int]], asked: int, k: int
) -> None:
    flat, held = Flat(DIMENSIONS), dict[str, int]()
    for adds, entry, vector in changes:
        if adds:
            flat.add(str(entry), VECTORS[vector])
            held[str(entry)] = vector
        else:
            assert flat.remove(str(entry)) == (held.pop(str(entry), None) is not None)
    assert len(flat) == len(held)
    found = flat.search(VECTORS[asked], k)
    exact = {entry: float(VECTORS[vector] @ VECTORS[asked]) for entry, vector in held.items()}
    nearest = sorted(exact.values(), reverse=True)[:k]
    assert np.allclose([match.similarity for match in found], nearest, atol=1e-6)
    assert len({match.id for match in found}) == len(found)
    assert all(abs(match.similarity - exact[match.id]) < 1e-6 for match in found)


def test_memory_goes_back_when_entries_go() -> None:
    flat = Flat(DIMENSIONS)
    at_first = flat.bytes
    for number in range(1_000):
        flat.add(str(number), VECTORS[number % 100])
    grown = flat.bytes
    assert grown >= 1_000 * DIMENSIONS * 4
    for number in range(1_000):
        flat.remove(str(number))
    assert flat.bytes == at_first == FIRST_ROWS * DIMENSIONS * 4 < grown


def test_entries_can_be_taken_away_from_the_end() -> None:
    flat = Flat(DIMENSIONS)
    for number in range(5):
        flat.add(str(number), VECTORS[number])
    taken = dict(flat.take_last(2))
    assert list(taken) == ["4", "3"]
    assert np.array_equal(taken["3"], VECTORS[3])
    assert len(flat) == 3
    assert "3" not in flat
    assert [entry for entry, _ in flat.take_last(9)] == ["2", "1", "0"]
