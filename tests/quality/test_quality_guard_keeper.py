"""The keeper: routes know where their rules stand, in every process, and over restarts."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stepdown.quality.guard import keeper as module
from stepdown.quality.guard.keeper import Keeper, nothing_known
from stepdown.quality.guard.recorded import recorded
from stepdown.quality.guard.transitions import set_state
from stepdown.quality.guard.wards import Ward
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import GuardStore
from stepdown.quality.records.pair_store import Batch, PairStore
from stepdown.routing.guarded import Guarded, GuardView
from stepdown.storage.address import parse
from support.guarding import HOUR, People, add_pairs, loose_ward
from support.pairs import NOON

EASY, OLD = loose_ward(), loose_ward("old", trusted=True)
DAY = 86_400


class Route:
    guard: GuardView | None = None


class Process:
    """One process's keeper over the route ``auto``, with a clock of its own."""

    def __init__(self, url: str, wards: Sequence[Ward] = (EASY, OLD), **given: Any) -> None:
        self.now = NOON
        self.people = People()
        self.route = Route()
        self.keeper = Keeper(parse(url), clock=lambda: self.now, alarms=self.people, **given)
        self.keeper.guard(wards, {"auto": self.route})

    @property
    def alarms(self) -> list[GuardEvent]:
        return self.people.events

    @property
    def states(self) -> dict[str, str]:
        assert self.route.guard is not None
        return {name: rule.state for name, rule in self.route.guard.rules.items()}

    @property
    def held(self) -> frozenset[str]:
        assert self.route.guard is not None
        return self.route.guard.held


@asynccontextmanager
async def process(url: str, *wards: Ward, **given: Any) -> AsyncIterator[Process]:
    made = Process(url, wards or (EASY, OLD), **given)
    try:
        yield made
    finally:
        await made.keeper.aclose()


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def within_time() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(within_time())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  nothing announces a look
        await asyncio.sleep(0.005)


def by_hand(url: str, ward: Ward, state: str) -> None:
    """As another process writes it."""
    store = GuardStore(parse(url))
    transition = set_state(ward.beginning(), state, "I say so", "ann", NOON)
    assert store.append_event(recorded(transition, 1, NOON, ward.route, ward.rule))
    store.close()


# ── What routes are told ─────────────────────────────────────────────────────────────────────


def test_until_it_has_looked_nothing_is_sent_down(database_url: str) -> None:
    async def test() -> None:
        async with process(database_url) as one:
            assert one.route.guard == GuardView({}, frozenset({"easy", "old"}))
            await one.keeper.has_tried(0.0)
            assert not one.keeper.tried
            await one.keeper.look()
            assert one.keeper.tried
            assert one.states == {"easy": "observing", "old": "trusted"}
            assert one.held == {"easy"}

    run(test)


def test_what_is_not_guarded_is_not_held() -> None:
    wards = [EASY, OLD, loose_ward("other")]
    assert nothing_known(wards, "auto").held == {"easy", "old", "other"}
    assert nothing_known(wards, "bot").held == frozenset()


def test_the_view_names_the_stint_whose_pairs_count(database_url: str) -> None:
    async def test() -> None:
        add_pairs(database_url, EASY, 60)
        async with process(database_url) as one:
            await one.keeper.look()
            assert one.route.guard is not None
            assert one.route.guard.rules["easy"] == Guarded("active", EASY.key, 2)
            assert one.held == frozenset()
            before = one.route.guard
            await one.keeper.look()
            assert one.route.guard == before

    run(test)


def test_another_route_and_rule_are_told_at_once_what_is_known(database_url: str) -> None:
    """As a reload has it: new objects, some of the same rules."""

    async def test() -> None:
        add_pairs(database_url, EASY, 60)
        async with process(database_url) as one:
            await one.keeper.look()
            new = Route()
            one.keeper.guard([EASY, loose_ward("changed")], {"auto": new})
            assert new.guard is not None
            states = {name: rule.state for name, rule in new.guard.rules.items()}
            assert states == {"easy": "active", "changed": "observing"}
            assert new.guard.held == {"changed"}

    run(test)


# ── Several processes, and one after another ─────────────────────────────────────────────────


def test_two_processes_converge_and_one_transition_wins(database_url: str) -> None:
    async def test() -> None:
        add_pairs(database_url, EASY, 60)
        async with process(database_url) as one, process(database_url) as other:
            await asyncio.gather(one.keeper.look(), other.keeper.look())
            assert one.states == other.states == {"easy": "active", "old": "trusted"}
            made = [each.keeper.status().events for each in (one, other)]
            assert sum(events.get("certified", 0) for events in made) == 1
            add_pairs(database_url, OLD, 12, regrets=12)
            await one.keeper.look()
            assert one.held == {"old"}
            await other.keeper.look()
            assert other.held == {"old"}
            assert (len(one.alarms), len(other.alarms)) == (1, 0)

    run(test)


def test_a_restart_changes_nothing(database_url: str) -> None:
    async def test() -> None:
        add_pairs(database_url, EASY, 60)
        add_pairs(database_url, OLD, 12, regrets=12)
        async with process(database_url) as before:
            await before.keeper.look()
        async with process(database_url) as after:
            await after.keeper.look()
            assert after.route.guard == before.route.guard
            assert after.states == {"easy": "active", "old": "tripped"}
            assert after.alarms == []
            after.now += HOUR + 1
            await after.keeper.look()
            assert after.states == {"easy": "active", "old": "observing"}

    run(test)


def test_a_change_by_hand_elsewhere_is_seen(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with process(database_url) as one:
            await one.keeper.look()
            by_hand(database_url, EASY, "trusted")
            await one.keeper.look()
            assert one.states["easy"] == "trusted"
            assert one.alarms == []

    with caplog.at_level(logging.INFO, "stepdown.guard"):
        run(test)
    [line] = [record.getMessage() for record in caplog.records]
    assert "'easy' is trusted, after observing; by hand by ann: I say so" in line


def test_what_nobody_follows_changes_by_hand_only(database_url: str) -> None:
    async def test() -> None:
        add_pairs(database_url, EASY, 60)
        async with process(database_url) as one:
            one.keeper.guard([EASY, OLD], {"auto": one.route}, follow=False)
            await one.keeper.look()
            assert one.states == {"easy": "observing", "old": "trusted"}
            by_hand(database_url, OLD, "tripped")
            await one.keeper.look()
            assert one.held == {"easy", "old"}

    run(test)


def test_it_looks_by_itself_until_it_is_closed(database_url: str) -> None:
    async def test() -> None:
        one = Process(database_url, interval=0.01)
        one.keeper.start()
        one.keeper.start()
        await one.keeper.has_tried(10.0)
        assert one.keeper.tried
        add_pairs(database_url, EASY, 60)
        await until(lambda: one.states["easy"] == "active")
        await one.keeper.aclose()
        assert len(asyncio.all_tasks()) == 1

    run(test)


def test_what_takes_long_to_read_is_read_less_often(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE", 1e9)

    async def test() -> None:
        async with process(sqlite_url) as one:
            await one.keeper.look(paced=True)
            add_pairs(sqlite_url, EASY, 60)
            by_hand(sqlite_url, OLD, "tripped")
            await one.keeper.look(paced=True)
            assert one.states == {"easy": "observing", "old": "tripped"}
            one.keeper.guard([EASY, OLD], {"auto": one.route})  # which may have changed them
            await one.keeper.look(paced=True)
            assert one.states == {"easy": "active", "old": "tripped"}

    run(test)


# ── A database that is away ──────────────────────────────────────────────────────────────────


def test_a_database_that_is_away_leaves_all_as_it_is(
    sqlite_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, away = tmp_path / "ledger.db", tmp_path / "away.db"

    async def test() -> None:
        async with process(sqlite_url) as one:
            await one.keeper.look()
            await asyncio.wrap_future(one.keeper._thread.submit(one.keeper._store.close))
            file.rename(away)
            file.mkdir()
            view = one.route.guard
            for _ in range(3):
                await one.keeper.look()
            assert one.route.guard == view
            status = one.keeper.status()
            assert status.failures == 3
            assert status.error is not None
            file.rmdir()
            away.rename(file)
            await one.keeper.look()
            assert one.keeper.status().error is None

    run(test)
    said = [record.getMessage() for record in caplog.records]
    assert [line.partition(";")[0] for line in said] == [
        "The guard's evidence is out of reach",
        "The guard's evidence is within reach again.",
    ]


def test_one_that_is_away_at_the_start_keeps_everything_up(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")

    async def test() -> None:
        async with process(str(file / "ledger.db")) as one:
            await one.keeper.look()
            assert one.keeper.tried
            assert one.held == {"easy", "old"}
            assert one.keeper.status().wards[1].state == "trusted"

    run(test)


def test_a_look_that_fails_in_itself_is_told(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    async def test() -> None:
        async with process(sqlite_url) as one:
            await one.keeper.look()
            monkeypatch.setattr(one.keeper._store, "standings", broken)
            await one.keeper.look()
            assert one.keeper.status().error == "ZeroDivisionError: a bug"
            assert one.states == {"easy": "observing", "old": "trusted"}

    run(test)
    assert "The guard's look failed." in [record.getMessage() for record in caplog.records]


# ── What people and budgets are told ─────────────────────────────────────────────────────────


def test_a_trip_is_an_alarm(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        add_pairs(sqlite_url, OLD, 12, regrets=12)
        add_pairs(sqlite_url, EASY, 60)
        async with process(sqlite_url) as one:
            await one.keeper.look()
            [alarm] = one.alarms
            assert (alarm.rule, alarm.to_state, alarm.seq) == ("old", "tripped", 1)
            assert one.keeper.status().events == {"certified": 1, "above budget": 1}

    run(test)
    [line] = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert line.startswith("The guard of route 'auto': rule 'old' is tripped, after trusted")
    assert "12 of 12 pairs" in line


def test_what_was_told_is_written_down_at_the_end(sqlite_url: str) -> None:
    async def test() -> None:
        add_pairs(sqlite_url, OLD, 12, regrets=12)
        async with process(sqlite_url) as one:
            await one.keeper.look()
            assert len(one.alarms) == 1
        async with process(sqlite_url) as after:
            await after.keeper.look()
            assert after.alarms == []

    run(test)


def test_what_was_not_is_told_after_a_restart(sqlite_url: str) -> None:
    async def test() -> None:
        add_pairs(sqlite_url, OLD, 12, regrets=12)
        async with process(sqlite_url) as one:
            one.people.hear = False
            await one.keeper.look()
            assert len(one.alarms) == 1
        async with process(sqlite_url) as after:
            await after.keeper.look()
            assert after.people.sent == one.people.sent
            assert [event.why for event in after.alarms] == [event.why for event in one.alarms]

    run(test)


def test_status(sqlite_url: str) -> None:
    async def test() -> None:
        add_pairs(sqlite_url, EASY, 20, regrets=1)
        by_hand(sqlite_url, OLD, "tripped")
        async with process(sqlite_url) as one:
            await one.keeper.look()
            easy, old = one.keeper.status().wards
            assert (easy.state, easy.pairs, easy.regrets, easy.since) == ("observing", 20, 1, None)
            assert (old.state, old.pairs, old.since, old.why) == ("tripped", 0, NOON, "I say so")
            assert one.keeper.status().last_look == NOON

    run(test)


def test_what_all_processes_have_spent_today_is_learnt(sqlite_url: str) -> None:
    day = int(NOON // DAY) * DAY
    store = PairStore(parse(sqlite_url))
    store.write(
        Batch(
            counters=[
                (day - 3600, "auto", "paired", 1, 5 * 10**12),
                (day, "auto", "paired", 1, 10**12),
                (day + 3600, "bot", "judged", 2, 2 * 10**12),
            ]
        )
    )
    store.close()
    learnt: list[Mapping[str, Decimal]] = []

    async def test() -> None:
        async with process(sqlite_url, spent=learnt.append) as one:
            await one.keeper.look()

    run(test)
    assert learnt == [{"paired": Decimal(1), "judged": Decimal(2)}]


def test_yesterdays_money_is_not_taken_for_todays(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[Mapping[str, Decimal]] = []

    async def test() -> None:
        async with process(sqlite_url, spent=learnt.append) as one:

            def spent(since: float) -> dict[str, Decimal]:
                one.now += DAY  # midnight comes while it is being read
                return {"paired": Decimal(9)}

            monkeypatch.setattr(one.keeper._store, "spent", spent)
            await one.keeper.look()

    run(test)
    assert learnt == []
