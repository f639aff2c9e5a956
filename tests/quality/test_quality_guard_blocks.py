"""Blocks: settled stretches are read once, and what drift sees does not hang on when it looks."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.blocks import SETTLED, STRETCH, Blocks
from stepdown.quality.guard.drift import BLOCK, drifted, watched
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.transitions import step

TERMS = Terms(0.2, 1.0)
LONG_AFTER = 1000 * STRETCH + SETTLED


def good(pairs: int = BLOCK) -> Counts:
    return Counts({1.0: (0, pairs)})


def active() -> Standing:
    transition = step(Standing("k"), good(400), TERMS)
    assert transition is not None
    return transition.after


def stretches(counts: Mapping[int, Counts], blocks: Blocks) -> dict[int, Counts]:
    """What is read of them: those after the last settled one."""
    return {number: each for number, each in counts.items() if number > blocks.after}


def test_what_is_not_certified_is_not_watched() -> None:
    blocks = Blocks(Standing("k"), TERMS)
    assert not blocks.watching
    assert blocks.look({0: good()}, LONG_AFTER) is None


def test_settled_stretches_are_cut_once_they_have_enough() -> None:
    blocks = Blocks(active(), TERMS)
    found = {number: good(BLOCK // 2) for number in range(5)}
    watch = blocks.look(found, LONG_AFTER)
    assert watch == watched(active(), [good(), good(), good(BLOCK // 2)], TERMS)
    assert blocks.after == 4


def test_what_is_not_settled_is_read_again() -> None:
    blocks = Blocks(active(), TERMS)
    now = 3 * STRETCH + SETTLED
    watch = blocks.look({number: good() for number in range(5)}, now)
    assert blocks.after == 2
    assert watch == watched(active(), [good()] * 3 + [good(2 * BLOCK)], TERMS)
    late = {3: good(BLOCK + 7), 4: good()}
    again = blocks.look(late, now)
    assert again == watched(active(), [good()] * 3 + [good(2 * BLOCK + 7)], TERMS)


def test_nothing_new_changes_nothing() -> None:
    blocks = Blocks(active(), TERMS)
    first = blocks.look({0: good()}, LONG_AFTER)
    assert blocks.look({}, LONG_AFTER) == first


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 150)), min_size=1, max_size=12),
    st.sets(st.integers(0, 12)),
)
def test_it_does_not_matter_when_it_is_looked_at(
    given_: list[tuple[int, int]], looks: set[int]
) -> None:
    counts = {
        number: Counts({1.0: (min(regrets, pairs), pairs)})
        for number, (regrets, pairs) in enumerate(given_)
    }
    one, often = Blocks(active(), TERMS), Blocks(active(), TERMS)
    for number in sorted(looks):
        seen = {each: counts[each] for each in counts if each < number}
        often.look(stretches(seen, often), (number + 1) * STRETCH)
    expected = one.look(counts, LONG_AFTER)
    assert often.look(stretches(counts, often), LONG_AFTER) == expected


def test_a_change_is_noticed_though_the_whole_stint_looks_good() -> None:
    standing = active()
    blocks = Blocks(standing, TERMS)
    counts = {number: good() for number in range(20)}
    watch = blocks.look(counts, LONG_AFTER)
    assert watch is not None
    assert drifted(standing, watch, TERMS) is None
    watch = blocks.look({20: Counts({1.0: (45, BLOCK)})}, LONG_AFTER)
    assert watch is not None
    transition = drifted(standing, watch, TERMS)
    assert transition is not None
    assert transition.cause == "drift"
    assert transition.after.state == "observing"
