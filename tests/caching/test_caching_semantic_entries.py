"""What every kind of entries does: they are kept whole, within a bound, and gone when removed."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.shared_entries import Held, entry, in_memory, in_postgresql

MOST = 20_000
Make = Callable[[], Held]


@pytest.fixture(params=["memory", "postgresql"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes entries of the kind, empty at first."""
    made: list[Held] = []

    def one() -> Held:
        if request.param == "memory":
            held = in_memory(MOST)
        else:
            url: str = request.getfixturevalue("pgvector_url")
            held = in_postgresql(url, "contract", most=MOST)
        made.append(held)
        held.clear()
        held.run(held.index.clear())
        return held

    yield one
    for held in made:
        held.clear()
        held.run(held.index.clear())
        held.close()


def test_an_entry_comes_back_as_it_was_put(make: Make) -> None:
    held = make()
    for kept in (
        entry("plain"),
        entry("unknown", usage=None),
        entry("odd", text="\x00 null, \ud800 half a pair, é", body=bytes(range(256))),
        entry("large", body=b"x" * 15_000),
        entry("'; DROP TABLE semantic_entries_8; -- %s :x {}", target="%s", partition="'"),
    ):
        held.put(kept)
        assert held.get(kept.id) == kept
    assert held.get("unheard of") is None


def test_a_later_entry_takes_the_place_of_an_earlier_one(make: Make) -> None:
    held = make()
    held.put(entry("a", body=b"x" * 1_000))
    assert held.put(entry("a", body=b"y")) == []
    found = held.get("a")
    assert found is not None
    assert found.body == b"y"
    assert held.entries.held == (1, entry("a", body=b"y").size)


def test_what_is_removed_is_returned_once(make: Make) -> None:
    held = make()
    kept = entry("a")
    held.put(kept)
    held.put(entry("b"))
    assert held.remove("a") == kept
    assert held.remove("a") is None
    assert held.get("a") is None
    assert held.get("b") is not None
    assert held.clear() == 1
    assert held.clear() == 0
    assert held.entries.held == (0, 0)


def test_the_oldest_make_room(make: Make) -> None:
    held = make()
    names = [str(number) for number in range(30)]
    gone = [each for name in names for each in held.put(entry(name, body=b"x" * 600))]
    assert gone == names[:20]  # 2,000 bytes each
    assert held.entries.held == (10, MOST)
    assert [held.get(name) is not None for name in names] == [False] * 20 + [True] * 10


names = st.sampled_from("abcdefghijklmno")
deeds = st.lists(
    st.one_of(
        st.tuples(st.just("put"), names, st.integers(0, 9_000)),
        st.tuples(st.just("remove"), names, st.just(0)),
        st.tuples(st.just("clear"), st.just(""), st.just(0)),
    ),
    max_size=25,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeds=deeds)
def test_whatever_is_done_the_bound_holds_and_nothing_else_gets_lost(
    make: Make, deeds: list[tuple[str, str, int]]
) -> None:
    held = make()
    kept: dict[str, bytes] = {}
    for what, name, size in deeds:
        if what == "put":
            kept[name] = b"z" * size
            for gone in held.put(entry(name, body=kept[name])):
                del kept[gone]
        elif what == "remove":
            found = held.remove(name)
            assert (found is None) == (kept.pop(name, None) is None)
        else:
            assert held.clear() == len(kept)
            kept.clear()
        sizes = [entry(each, body=body).size for each, body in kept.items()]
        assert held.entries.held == (len(kept), sum(sizes))
        assert sum(sizes) <= MOST + MOST // 100 + 10_400
    for name in "abcdefghijklmno":
        found = held.get(name)
        assert (None if found is None else found.body) == kept.get(name)
