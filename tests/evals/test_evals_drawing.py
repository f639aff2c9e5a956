"""Drawing: the same part again, within larger ones, in the things' order, fairly."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stepdown.evals.drawing import drawn

NAMES = [f"row {number}" for number in range(40)]


def draw(things: list[str], most: int | None, seed: int = 0) -> list[str]:
    return list(drawn(things, most, str, seed))


@given(
    names=st.lists(st.text(st.characters(codec=None)), unique=True, max_size=30),
    most=st.integers(0, 31),
    seed=st.integers(),
)
def test_a_part_in_order_the_same_again_and_within_larger_ones(
    names: list[str], most: int, seed: int
) -> None:
    part = draw(names, most, seed)
    assert len(part) == min(most, len(names))
    assert part == [name for name in names if name in set(part)]
    assert set(part) <= set(draw(names, most + 1, seed))
    assert set(draw(names[::-1], most, seed)) == set(part)


def test_without_a_limit_all() -> None:
    assert draw(NAMES, None) == NAMES


def test_each_is_drawn_as_often() -> None:
    times = Counter(name for seed in range(400) for name in draw(NAMES, 10, seed))
    assert set(times) == set(NAMES)
    # 400 draws of a quarter: 100 each, with a standard deviation of 8.7.
    assert 60 < min(times.values()) <= max(times.values()) < 140
