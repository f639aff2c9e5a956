"""Shadows and the guard from a configuration: built, put in force, kept over a reload, ended."""

import asyncio
import gc
import shutil
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stepdown.config.build import build
from stepdown.config.guarding import Guarding, check, shadow_terms
from stepdown.config.live import Live
from stepdown.config.schema import ShadowSettings
from stepdown.pipeline import Pipeline
from stepdown.quality.guard.recorded import recorded
from stepdown.quality.guard.transitions import set_state
from stepdown.quality.guard.wards import Ward
from stepdown.quality.records.guard_store import GuardStore
from stepdown.quality.records.history import counters, pairs
from stepdown.quality.records.pair_store import Batch, PairStore
from stepdown.requests import request_of
from stepdown.storage.address import parse
from stepdown.storage.migrate import migrate
from stepdown.types import Journey
from support.documents import entry, read, refused
from support.hooks import SECRET
from support.pairs import reading
from support.scripted import Ear

D = Decimal
LOW = {"name": "low", "when": {"metadata.kind": "low"}, "rung": "cheap"}
HIGH = {"name": "high", "when": {"metadata.kind": "high"}, "rung": "strong"}
ROUTE = {
    "ladder": ["weak", "strong"],
    "rules": [LOW, HIGH],
    "sessions": False,
    "regret": {"budget": 0.2},
    "shadow": {"rate": 1.0, "observe_rate": 1.0},
}
SLOW = {"latency": 0.2}


def models(**weak: Any) -> list[dict[str, Any]]:
    return [entry("weak", "simulated/weak", simulated=weak), entry("strong", "simulated/strong")]


class File:
    """A configuration file that can be written anew, with a ledger of its own."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "config.yaml"
        self.url = f"sqlite:///{directory / 'ledger.db'}"
        self.write()

    def write(self, route: dict[str, Any] = ROUTE, entries: Any = None, **sections: Any) -> None:
        document = {
            "model_list": entries or models(),
            "ledger": {"url": self.url},
            "routes": {"auto": route},
            **sections,
        }
        self.path.write_bytes(msgspec.yaml.encode(document))


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger whose tables are there: to make them takes longer than the tests."""
    path = tmp_path_factory.mktemp("migrated") / "ledger.db"
    migrate(parse(str(path)))
    return path


@pytest.fixture
def file(tmp_path: Path, migrated: Path) -> File:
    shutil.copy(migrated, tmp_path / "ledger.db")
    return File(tmp_path)


def run(file: File, steps: Callable[[Live], Awaitable[None]]) -> None:
    async def main() -> None:
        live = Live(file.path, {})
        live.start()
        try:
            async with asyncio.timeout(30):
                await until(lambda: live.ready)
                await steps(live)
        finally:
            await live.aclose()

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  nothing announces it
        await asyncio.sleep(0.005)


def guarding(live: Live) -> Guarding:
    found = live._built.guarding
    assert found is not None
    return found


async def ask(live: Live | Pipeline, kind: str = "low", **fields: Any) -> Journey:
    pipeline = live.pipeline if isinstance(live, Live) else live
    messages = [{"role": "user", "content": "Hello"}]
    whole = {"model": "auto", "messages": messages, "metadata": {"kind": kind}, **fields}
    request = request_of(whole)
    return await pipeline.handle(request, Ear())


def by_hand(file: File, ward: Ward, state: str) -> None:
    store = GuardStore(parse(file.url))
    transition = set_state(ward.beginning(), state, "I say so", "ann", 1.0)
    assert store.append_event(recorded(transition, 1, 1.0, ward.route, ward.rule))
    store.close()


def rungs(*journeys: Journey) -> list[int]:
    return [journey.decision.rung for journey in journeys if journey.decision is not None]


# ── What is built ────────────────────────────────────────────────────────────────────────────


def test_nothing_is_built_where_nothing_is_asked_for(file: File) -> None:
    file.write({"ladder": ["weak", "strong"]}, shadow={"max_cost": 1})
    live = Live(file.path, {})
    assert live._built.guarding is None
    assert live.pipeline.shadow is None
    assert not {"shadow", "pairs", "guard"} & set(live.status())


def test_until_it_is_started_guarded_rules_send_nothing_down(file: File) -> None:
    live = Live(file.path, {})
    guard = live._built.routes["auto"].guard
    assert guard is not None
    assert guard.held == {"low"}
    assert not live.ready


def test_the_terms_of_shadows() -> None:
    settings = ShadowSettings.model_validate(
        {
            "queue": 7,
            "concurrency": 2,
            "rpm": 30,
            "pause_in_flight": 9,
            "pause_busy": 0.5,
            "timeout": "30s",
            "store_texts": True,
            "exclude_tags": ["secret"],
            "exclude_tenants": ["red"],
        }
    )
    terms = shadow_terms(settings)
    assert (terms.room.items, terms.room.rpm, terms.concurrency) == (7, 30, 2)
    assert (terms.pause_in_flight, terms.pause_busy) == (9, 0.5)
    assert (terms.timeout, terms.store_texts) == (30.0, True)
    assert terms.exclusions.tags == {"secret", "no-shadow"}
    assert terms.exclusions.tenants == {"red"}


def scorers(**sections: Any) -> list[tuple[str, str]]:
    config = read(*models(), routes={"auto": ROUTE}, **sections)
    built = build(config, price_of=lambda _: None)
    found = check(config, built.routes, built.fleet)
    return [(each.name, getattr(each, "model", "")) for each in found]


def test_the_configured_judge_comes_last_unless_one_is_named() -> None:
    judge = {"model": "strong"}
    assert scorers() == []
    assert scorers(judge=judge) == [("judge", "strong")]
    named = {"scorers": ["numeric"]}
    assert scorers(judge=judge, shadow=named) == [("numeric", ""), ("judge", "strong")]
    own = {"scorers": [{"judge_rubric": {"model": "weak", "criteria": "short"}}]}
    assert scorers(judge=judge, shadow=own) == [("judge_rubric", "weak")]


def test_what_is_wrong_is_told_at_once() -> None:
    wrong = {"scorers": ["numric", {"judge": {"model": "strng"}}], "alerts": ["nobody"]}
    config = read(*models(), routes={"auto": ROUTE}, shadow=wrong)
    found = refused(lambda: build(config, price_of=lambda _: None))
    assert [line.partition(":")[0] for line in found] == [
        "shadow.alerts[0]",
        "shadow.scorers[0]",
        "shadow.scorers",
    ]
    assert "there is no model 'strng' to judge" in found[2]


# ── In force ─────────────────────────────────────────────────────────────────────────────────


def test_what_is_observed_is_held_and_shadowed(file: File) -> None:
    async def steps(live: Live) -> None:
        assert rungs(await ask(live), await ask(live, "high"), await ask(live, "none")) == [1, 1, 1]
        shadow = guarding(live).shadow
        assert shadow is not None
        await until(lambda: shadow.status().paired == 3)
        [ward] = live.status()["guard"]["wards"]
        assert (ward["rule"], ward["state"]) == ("low", "observing")
        assert live.status()["shadow"]["sampled"] == 3

    run(file, steps)
    with reading(file.url) as database:
        found = {pair.rule: pair for pair in pairs(database)}
    assert {rule: (pair.served, pair.candidate, pair.stint) for rule, pair in found.items()} == {
        "low": (1, 0, 1),
        "high": (1, 0, 0),
        "default": (1, 0, 0),
    }
    assert found["low"].key
    assert not found["high"].key


def test_what_is_trusted_saves(file: File) -> None:
    file.write({**ROUTE, "rules": [{**LOW, "trusted": True}]})

    async def steps(live: Live) -> None:
        assert rungs(await ask(live)) == [0]

    run(file, steps)


def test_a_cascade_that_tripped_begins_nothing_cheap(file: File) -> None:
    schema = {"name": "x", "schema": {"type": "object", "required": ["a"]}}
    form = {"type": "json_schema", "json_schema": schema}
    file.write({**ROUTE, "cascade": {"validators": ["json_schema"]}})

    async def steps(live: Live) -> None:
        low, cascade = guarding(live).wards
        assert (low.rule, cascade.rule) == ("low", "cascade")
        journeys = [await ask(live, kind, response_format=form) for kind in ("none", "low")]
        assert rungs(*journeys) == [0, 1]
        by_hand(file, cascade, "tripped")
        await guarding(live).lasting.keeper.look()
        held = await ask(live, "none", response_format=form)
        assert held.decision is not None
        assert (held.decision.name, held.decision.rung, held.decision.held) == ("cascade", 1, 0)

    run(file, steps)


def test_without_shadows_states_change_by_hand_only(file: File) -> None:
    file.write(shadow={"enabled": False})

    async def steps(live: Live) -> None:
        assert live.pipeline.shadow is None
        assert live.status()["shadow"] is None
        assert rungs(await ask(live)) == [1]
        by_hand(file, guarding(live).wards[0], "trusted")
        await guarding(live).lasting.keeper.look()
        assert rungs(await ask(live)) == [0]

    run(file, steps)


def test_the_days_money_is_that_of_all_processes(file: File) -> None:
    file.write(shadow={"max_cost": 2, "judge_max_cost": "0.5"})
    hour = int(time.time()) // 3600 * 3600
    store = PairStore(parse(file.url))
    amounts = [("paired", 10**12), ("shadow_failed", 5 * 10**11), ("judged", 25 * 10**10)]
    store.write(Batch(counters=[(hour, "auto", reason, 1, cost) for reason, cost in amounts]))
    store.close()

    async def steps(live: Live) -> None:
        lasting = guarding(live).lasting
        assert (lasting.budget.limit, lasting.judge_budget.limit) == (D(2), D("0.5"))
        assert (lasting.budget.spent, lasting.judge_budget.spent) == (D("1.5"), D("0.25"))
        file.write(shadow={"max_cost": 9})
        live.reload()
        assert guarding(live).lasting.budget is lasting.budget
        assert (lasting.budget.limit, lasting.judge_budget.limit) == (D(9), None)

    run(file, steps)


def test_status_can_be_shown(file: File) -> None:
    async def steps(live: Live) -> None:
        await ask(live)
        status = live.status()
        assert msgspec.json.encode(status)
        assert isinstance(status["shadow"]["spent"], str)
        assert status["guard"]["alerts"]["waiting"] == 0
        assert status["pairs"]["dropped"] == 0

    run(file, steps)


# ── Over a reload ────────────────────────────────────────────────────────────────────────────


def test_standings_outlive_a_reload_where_the_rule_is_the_same(file: File) -> None:
    other = {"name": "other", "when": {"metadata.kind": "other"}, "rung": "cheap"}

    async def steps(live: Live) -> None:
        by_hand(file, guarding(live).wards[0], "trusted")
        lasting = guarding(live).lasting
        await lasting.keeper.look()
        file.write({**ROUTE, "rules": [LOW, other, HIGH]})
        live.reload()
        assert rungs(await ask(live), await ask(live, "other")) == [0, 1]
        assert guarding(live).lasting is lasting
        changed = {**LOW, "when": {"metadata.kind": "low", "turns": 1}}
        file.write({**ROUTE, "rules": [changed, other, HIGH]})
        live.reload()
        assert rungs(await ask(live)) == [1]
        file.write({**ROUTE, "rules": [LOW, HIGH]})
        live.reload()
        assert rungs(await ask(live)) == [0]

    run(file, steps)


def test_no_reload_sets_a_counter_back(file: File) -> None:
    def counts(live: Live) -> tuple[Any, ...]:
        status = live.status()
        shadow, pairs, guard = status["shadow"], status["pairs"], status["guard"]
        return shadow["sampled"], shadow["paired"], pairs["written"], guard["events"]

    async def steps(live: Live) -> None:
        await ask(live)
        await ask(live, metadata={"kind": "low", "tags": ["no-shadow"]})
        await until(lambda: counts(live)[:3] == (2, 1, 1))
        live.reload()
        assert counts(live)[:3] == (2, 1, 1)
        assert live.status()["shadow"]["skips"] == {"no_shadow": 1}
        gc.collect()  # the earlier configuration is let go of, and closed
        await until(lambda: not live._closing)
        await ask(live)
        await until(lambda: counts(live)[:3] == (3, 2, 2))
        file.write(ledger={"url": file.url, "flush_interval": 0.1})  # another writer
        live.reload()
        assert counts(live)[:3] == (3, 2, 2)
        await ask(live)
        await until(lambda: counts(live)[:3] == (4, 3, 3))
        file.write(shadow={"enabled": False})
        live.reload()
        assert live.status()["shadow"] is None
        file.write()
        live.reload()
        assert counts(live)[:3] == (4, 3, 3)
        assert live.status()["shadow"]["skips"] == {"no_shadow": 1}

    run(file, steps)


def test_what_waits_to_be_shadowed_is_shadowed_after_a_reload(file: File) -> None:
    file.write(entries=models(latency=0.15), shadow={"concurrency": 1})

    async def steps(live: Live) -> None:
        for _ in range(4):
            await ask(live)
        old = guarding(live).shadow
        assert old is not None
        live.reload()
        gc.collect()
        assert guarding(live).shadow is not old
        await until(lambda: old.status().paired == 4)
        await ask(live)
        new = guarding(live).shadow
        assert new is not None
        await until(lambda: new.status().paired == 1)

    run(file, steps)


def test_requests_under_way_at_a_reload_are_shadowed(file: File) -> None:
    file.write(
        entries=[
            entry("weak", "simulated/weak"),
            entry("strong", "simulated/strong", simulated=SLOW),
        ]
    )

    async def steps(live: Live) -> None:
        old = guarding(live).shadow
        assert old is not None
        asked = asyncio.ensure_future(ask(live.pipeline))
        await until(lambda: old.status().sampled == 1)
        live.reload()
        gc.collect()
        await asked
        del asked
        await until(lambda: old.status().paired == 1)

    run(file, steps)


def test_a_record_that_is_kept_otherwise_is_another(file: File) -> None:
    async def steps(live: Live) -> None:
        before = guarding(live)
        await ask(live)
        file.write(shadow={"retention": "7d"})
        live.reload()
        gc.collect()
        after = guarding(live)
        assert after.lasting is not before.lasting
        await until(lambda: closed(before))
        await until(lambda: live.ready)
        assert rungs(await ask(live)) == [1]

    run(file, steps)
    with reading(file.url) as database:
        assert len(list(pairs(database))) == 2


def closed(guarding: Guarding) -> bool:
    return guarding.lasting.keeper._task is None


def test_shadows_can_be_given_up_and_taken_up_again(file: File) -> None:
    async def steps(live: Live) -> None:
        before = guarding(live)
        file.write({**ROUTE, "regret": None, "shadow": None})
        live.reload()
        gc.collect()
        assert live._built.guarding is None
        assert rungs(await ask(live)) == [0]
        await until(lambda: closed(before))
        file.write()
        live.reload()
        assert rungs(await ask(live)) == [1]
        await until(lambda: live.ready)

    run(file, steps)


def test_webhooks_change_with_the_configuration(file: File) -> None:
    def hooks(name: str) -> dict[str, Any]:
        return {"webhooks": {name: {"url": f"http://{name}/", "secret": SECRET}}}

    file.write(jobs=hooks("one"), shadow={"alerts": ["one"]})

    async def steps(live: Live) -> None:
        alerts = guarding(live).lasting.alerts
        assert list(alerts.targets) == ["one"]
        file.write(jobs=hooks("two"), shadow={"alerts": ["two"]})
        live.reload()
        assert guarding(live).lasting.alerts is alerts
        assert [target.url for target in alerts.targets.values()] == ["http://two/"]

    run(file, steps)


# ── The end ──────────────────────────────────────────────────────────────────────────────────


def test_the_end_leaves_nothing_behind_and_counts_what_it_drops(
    file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepdown.config.guarding.LEAVE", 0.0)
    file.write(entries=models(latency=30.0))

    async def steps(live: Live) -> None:
        await ask(live)
        live.reload()
        gc.collect()
        await ask(live)
        await asyncio.sleep(0.05)

    run(file, steps)
    with reading(file.url) as database:
        found = {counter.reason: counter.amount for counter in counters(database)}
    assert found == {"sampled": 2, "stopped": 2}
