"""Counters of one process: added up over what counts now and what has ended."""

from hypothesis import given
from hypothesis import strategies as st

from stepdown.config.totals import Totals


class Source:
    def __init__(self, sampled: int = 0, **skips: int) -> None:
        self.sampled = sampled
        self.skips = skips

    def read(self) -> dict[str, dict[str, int | dict[str, int]]]:
        return {"shadow": {"sampled": self.sampled, "skips": dict(self.skips)}}


def test_nothing_is_counted_where_there_is_nothing() -> None:
    assert Totals().of("shadow") == {}


def test_open_sources_add_up_and_go_on_counting() -> None:
    totals, one, other = Totals(), Source(2, paused=1), Source(3, paused=1, budget=4)
    for source in (one, other):
        totals.begin(source, source.read)
    assert totals.of("shadow") == {"sampled": 5, "skips": {"paused": 2, "budget": 4}}
    assert totals.of("pairs") == {}
    one.sampled = 9
    assert totals.of("shadow")["sampled"] == 12


def test_one_that_has_ended_has_its_last_word() -> None:
    totals, source = Totals(), Source(2, paused=1)
    totals.begin(source, source.read)
    totals.begin(source, source.read)
    source.sampled = 3
    totals.end(source)
    source.sampled = 100
    totals.end(source)
    assert totals.of("shadow") == {"sampled": 3, "skips": {"paused": 1}}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.booleans()), max_size=40))
def test_no_count_ever_falls(steps: list[tuple[int, int, bool]]) -> None:
    totals = Totals()
    sources = [Source() for _ in range(4)]
    known = 0
    for place, more, ends in steps:
        source = sources[place]
        totals.begin(source, source.read)
        source.sampled += more
        if ends:
            totals.end(source)
            sources[place] = Source()
        now = totals.of("shadow").get("sampled", 0)
        assert isinstance(now, int)
        assert now == known + more
        known = now
