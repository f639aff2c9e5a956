"""The schedule: fixed times by a clock that tests set, each run recorded once, failures told."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import Engine, text

from stepdown.evals.history import histories
from stepdown.evals.report import Report
from stepdown.evals.watch import LONGEST_WAIT, Round, Watch, salt_of, slot_of
from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.database import open_database
from support.eval_series import DAY, NOON, make_report

MIDNIGHT = NOON - DAY // 2
HOUR = 3600


class SetClock:
    """A clock that waiting moves on, and that says stop at ``end``."""

    def __init__(self, time: float, end: float = float("inf")) -> None:
        self.time = time
        self.end = end
        self.waits: list[float] = []

    @property
    def stopped(self) -> bool:
        return self.time >= self.end

    def now(self) -> float:
        return self.time

    async def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.waits.append(seconds)
        self.time = min(self.time + seconds, self.end)


class Scripted:
    """Evaluates in the time given, and raises or gives what is next on the list."""

    def __init__(
        self, clock: SetClock, seconds: float = 0.0, script: Sequence[Report | Exception] = ()
    ) -> None:
        self.clock = clock
        self.seconds = seconds
        self.script = list(script)
        self.asked: list[tuple[float, str]] = []

    async def __call__(self, salt: str) -> Report:
        self.asked.append((self.clock.time, salt))
        self.clock.time += self.seconds
        given = self.script.pop(0) if self.script else make_report({"a": (0.0, 1.0), "b": (1.0, 1)})
        if isinstance(given, Exception):
            raise given
        return structs.replace(given, time=self.clock.time)

    @property
    def times(self) -> list[float]:
        return [time for time, _ in self.asked]


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Engine]:
    engine = open_database(sqlite_url)
    yield engine
    engine.dispose()


def watched(
    evaluate: Scripted, database: Engine, every: int = DAY, most: int | None = None
) -> list[Round]:
    told: list[Round] = []
    asyncio.run(Watch(evaluate, database, every).run(evaluate.clock, told.append, most))
    return told


def test_now_and_then_at_fixed_times(database: Engine) -> None:
    evaluate = Scripted(SetClock(NOON + 17.5), seconds=1234.5)
    told = watched(evaluate, database, most=4)
    midnights = [MIDNIGHT + day * DAY for day in range(4)]
    assert evaluate.times == [NOON + 17.5, *midnights[1:]]
    assert [each.slot for each in told] == midnights
    assert all(each.recorded and each.problem is None for each in told)
    assert [len(each.look.runs) for each in told if each.look] == [1, 2, 3, 4]
    assert max(evaluate.clock.waits) <= LONGEST_WAIT


def test_each_slot_has_a_salt_of_its_own(database: Engine) -> None:
    first = Scripted(SetClock(NOON))
    watched(first, database, most=3)
    again = Scripted(SetClock(NOON + 5 * HOUR))
    watched(again, database, most=1)
    salts = [salt for _, salt in first.asked]
    assert len(set(salts)) == 3
    assert [salt for _, salt in again.asked] == [salts[0]] == [salt_of(MIDNIGHT)]


def test_a_restart_in_a_slot_that_was_run_adds_nothing(database: Engine) -> None:
    watched(Scripted(SetClock(NOON)), database, most=1)
    (told,) = watched(Scripted(SetClock(NOON + HOUR)), database, most=1)
    assert not told.recorded
    assert told.look is not None
    assert len(told.look.runs) == 1


def test_two_watches_of_a_series_share_its_runs(database_url: str) -> None:
    engine = open_database(database_url)
    told = [
        each
        for at in (NOON, NOON + 60)
        for each in watched(Scripted(SetClock(at)), engine, every=HOUR, most=3)
    ]
    assert [each.recorded for each in told] == [True] * 3 + [False] * 3
    assert [len(series) for series in histories(engine)] == [3]
    engine.dispose()


def test_slots_that_pass_during_a_run_are_left_out(database: Engine) -> None:
    evaluate = Scripted(SetClock(NOON), seconds=2.5 * HOUR)
    watched(evaluate, database, every=HOUR, most=3)
    assert [time - NOON for time in evaluate.times] == [0, 2.5 * HOUR, 5 * HOUR]


def test_a_clock_that_is_set_back_runs_no_slot_twice(database: Engine) -> None:
    clock = SetClock(NOON)
    evaluate = Scripted(clock, seconds=-2.0 * HOUR)
    told = watched(evaluate, database, every=HOUR, most=3)
    assert [each.slot - NOON for each in told] == [0, HOUR, 2 * HOUR]


def test_it_ends_when_told_to(database: Engine) -> None:
    evaluate = Scripted(SetClock(NOON, end=NOON + 1.5 * HOUR))
    assert len(watched(evaluate, database, every=HOUR)) == 2
    assert evaluate.clock.time == NOON + 1.5 * HOUR


def test_it_ends_after_the_run_under_way(database: Engine) -> None:
    evaluate = Scripted(SetClock(NOON, end=NOON + 60), seconds=600)
    (told,) = watched(evaluate, database)
    assert told.recorded


def test_a_later_run_that_fails_is_told_and_the_next_goes_on(database: Engine) -> None:
    good = make_report({"a": (0.0, 1.0)})
    away = ExceptionGroup("tasks", [ConnectionError("nobody answers")])
    unscored = make_report({"a": (None, None)})
    stopped = structs.replace(good, stopped="The budget is used up.")
    evaluate = Scripted(SetClock(NOON), script=[good, away, unscored, stopped, good])
    told = watched(evaluate, database, most=5)
    assert [each.problem for each in told] == [
        None,
        "ConnectionError: nobody answers",
        "not recorded: no row is scored",
        "not recorded, since it is not whole: The budget is used up.",
        None,
    ]
    assert [each.recorded for each in told] == [True, False, False, False, True]
    assert told[-1].look is not None
    assert [run.slot for run in told[-1].look.runs] == [MIDNIGHT, MIDNIGHT + 4 * DAY]


def test_a_database_that_is_away_later_is_told(database: Engine) -> None:
    class Dropping(Scripted):
        async def __call__(self, salt: str) -> Report:
            if self.asked:
                with database.begin() as connection:
                    connection.execute(text("DROP TABLE IF EXISTS eval_runs"))
            return await super().__call__(salt)

    told = watched(Dropping(SetClock(NOON)), database, most=3)
    assert told[0].recorded
    said = [str(each.problem).partition(":")[0] for each in told[1:]]
    assert said == ["The evaluation cannot be recorded"] * 2


def test_what_the_first_run_raises_ends_it(database: Engine) -> None:
    with pytest.raises(LookupError, match="no such file"):
        watched(Scripted(SetClock(NOON), script=[LookupError("no such file")]), database)
    with database.begin() as connection:
        connection.execute(text("DROP TABLE eval_runs"))
    with pytest.raises(DatabaseUnavailable):
        watched(Scripted(SetClock(NOON)), database)


def test_an_outage_at_the_beginning_ends_nothing(database: Engine) -> None:
    away = make_report({"a": (None, None)})
    told = watched(Scripted(SetClock(NOON), script=[away]), database, most=2)
    assert [each.recorded for each in told] == [False, True]


def test_another_policy_is_another_series(database: Engine) -> None:
    script = [make_report({"a": (0.0, 1.0)}, policy=policy) for policy in ("one", "two", "one")]
    told = watched(Scripted(SetClock(NOON), script=script), database, most=3)
    assert [len(each.look.runs) for each in told if each.look] == [1, 1, 2]


def test_runs_before_a_moment_are_not_compared(database: Engine) -> None:
    watched(Scripted(SetClock(NOON)), database, most=3)
    clock = SetClock(NOON + 3 * DAY)
    evaluate = Scripted(clock)
    told: list[Round] = []
    watch = Watch(evaluate, database, DAY, since=float(NOON + 2 * DAY), limit=0.0)
    asyncio.run(watch.run(clock, told.append, 1))
    assert told[0].look is not None
    assert [run.slot for run in told[0].look.runs] == [MIDNIGHT + 3 * DAY]
    assert told[0].look.above


@given(st.floats(0, 1e11), st.integers(60, 10**7))
def test_a_moment_is_in_its_slot(time: float, every: int) -> None:
    slot = slot_of(time, every)
    assert slot <= time < slot + every
    assert slot % every == 0
    assert slot_of(float(slot), every) == slot
