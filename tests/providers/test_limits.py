"""A sliding minute never lets through more than its limit, and gives back what was not used."""

from hypothesis import given
from hypothesis import strategies as st

from stepdown.providers.limits import SlidingMinute


def test_the_limit_holds_until_the_first_amounts_are_a_minute_old() -> None:
    minute = SlidingMinute(10)
    assert minute.pause(100.5, 4) == 0.0
    minute.spend(100.5, 4)
    minute.spend(130.0, 6)
    assert minute.pause(131.0, 1) == 30.0
    assert minute.pause(131.0, 5) == 60.0
    assert minute.pause(161.0, 4) == 0.0
    assert minute.used(161.0) == 6


def test_an_amount_above_the_limit_goes_when_nothing_else_is_spent() -> None:
    minute = SlidingMinute(10)
    assert minute.pause(0.0, 99) == 0.0
    minute.spend(0.0, 1)
    assert minute.pause(0.0, 99) == 61.0


def test_without_a_limit_it_only_counts() -> None:
    minute = SlidingMinute(None)
    minute.spend(0.0, 5)
    assert minute.pause(0.0, 10**9) == 0.0
    assert minute.used(60.0) == 5
    assert minute.used(61.0) == 0


def test_what_was_not_used_is_given_back_to_its_own_second() -> None:
    minute = SlidingMinute(100)
    second = minute.spend(10.0, 90)
    minute.spend(20.0, 5)
    minute.correct(30.0, second, -80)
    assert minute.used(30.0) == 15
    assert minute.used(71.0) == 5


def test_what_was_used_beyond_is_booked_now() -> None:
    minute = SlidingMinute(100)
    second = minute.spend(10.0, 10)
    minute.correct(70.0, second, 30)
    assert minute.used(71.0) == 30


def test_a_correction_that_comes_after_the_minute_changes_nothing() -> None:
    minute = SlidingMinute(100)
    second = minute.spend(10.0, 10)
    minute.spend(100.0, 7)
    minute.correct(101.0, second, -10)
    assert minute.used(101.0) == 7


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 40), st.integers(1, 20)), max_size=40),
)
def test_no_sixty_seconds_hold_more_than_the_limit(
    limit: int, wishes: list[tuple[float, int]]
) -> None:
    minute = SlidingMinute(limit)
    now = 0.0
    spent: list[tuple[float, int]] = []
    for step, wish in wishes:
        now += step
        amount = min(wish, limit)
        pause = minute.pause(now, amount)
        if pause == 0.0:
            minute.spend(now, amount)
            spent.append((now, amount))
        else:
            assert minute.pause(now + pause, amount) == 0.0, "the pause was too short"
            now += pause
        for start, _ in spent:
            assert sum(n for at, n in spent if start <= at < start + 60.0) <= limit
