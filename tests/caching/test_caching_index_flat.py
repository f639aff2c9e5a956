"""The exact index: it finds what comparing everything finds, whatever came and went."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.caching.index.flat import FIRST_ROWS, Flat
from stepdown.embedding.embedder import Vectors, unit
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


def around(count: int, apart: float, seed: int) -> Vectors:
    """Vectors near 200 centres; ``apart`` is how far the centres all lie in one direction."""
    rng = np.random.default_rng(seed)
    centres = directions(200, 96) + apart * directions(1, 96, seed=5)
    spread = 0.4 * directions(count, 96, seed=seed + 10)
    return unit(centres[rng.integers(0, len(centres), count)] + spread)


@pytest.mark.parametrize("apart", [0, 3])  # as of an embedder whose cosines are never below 0.7
def test_a_large_one_looks_at_the_signs_first_and_misses_little(apart: float) -> None:
    screened, whole = Flat(96, screened=2_000), Flat(96, screened=100_000)
    rows = around(5_000, apart, seed=1)
    for number, vector in enumerate(rows):
        screened.add(str(number), vector)
        whole.add(str(number), vector)
    for number in range(0, 5_000, 3):
        screened.remove(str(number))
        whole.remove(str(number))
    found = 0
    asked = around(200, apart, seed=2)
    for vector in asked:
        expected, got = whole.search(vector, 3), screened.search(vector, 3)
        assert len(got) == 3
        assert all(abs(match.similarity - rows[int(match.id)] @ vector) < 1e-5 for match in got)
        found += got[0] == expected[0]
    assert found / len(asked) >= 0.98
    for number in range(1, 5_000, 50):
        if number % 3:
            assert screened.search(rows[number], 1)[0].similarity > 0.9999


def test_a_large_one_that_gets_small_is_exact_again() -> None:
    flat = Flat(DIMENSIONS, screened=50)
    many = directions(400)
    for number, vector in enumerate(many):
        flat.add(str(number), vector)
    for number in range(20, 400):
        flat.remove(str(number))
    asked = directions(1, seed=3)[0]
    found = [match.id for match in flat.search(asked, 20)]
    assert found == [str(at) for at in np.argsort(-(many[:20] @ asked))]
