"""A real server observes its rules on shadowed traffic, switches good ones on and bad ones off, and
keeps what it learnt over restarts and crashes.
"""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from stepdown.quality.guard.recorded import recorded, standing_after
from stepdown.quality.guard.transitions import set_state
from stepdown.quality.pairs import Pair
from stepdown.quality.records.guard_store import GuardStore
from stepdown.quality.records.history import counters, pairs
from stepdown.storage.address import parse
from support.clients import async_client_of, client_of, user
from support.configs import STRONG, deployment
from support.fault_server import FaultServer, wait_until
from support.faults import says
from support.gateway_process import GatewayProcess
from support.hooks import SECRET, Hook
from support.pairs import reading

RIGHT, WRONG = '{"a": 1}', '{"a": 2}'
JSON: Any = {"type": "json_object"}
LOOK = 20.0
"""Seconds within which a running server is to have looked, on a machine that does much else."""
FLUSH_INTERVAL = 0.2
GRACE = 0.6
"""What two busy cores may add to it, between an answer and the flush that has its pair."""


def rule(name: str, rung: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "when": {"metadata.kind": name}, "rung": rung, **options}


def config(upstream: FaultServer, *rules: dict[str, Any], **sections: Any) -> dict[str, Any]:
    strong: dict[str, Any] = {name: float(rate) for name, rate in STRONG.items()}
    return {
        "model_list": [
            deployment(upstream, "poor"),
            deployment(upstream, "fair"),
            deployment(upstream, "strong", **strong),
        ],
        "routes": {
            "auto": {
                "ladder": ["poor", "fair", "strong"],
                "rules": list(rules),
                "sessions": False,
                "regret": {"budget": 0.2},
                "shadow": {"rate": 1.0, "observe_rate": 1.0},
            }
        },
        **sections,
        "shadow": {"pause_busy": 1.0, **sections.get("shadow", {})},
    }


@pytest.fixture(autouse=True)
def answers(upstream: FaultServer) -> None:
    for model, answer in (("poor", WRONG), ("fair", RIGHT), ("strong", RIGHT)):
        upstream.always(model, says(answer))


@pytest.fixture
def place(tmp_path: Path, migrated: Path) -> Path:
    """Where a server may run."""
    shutil.copy(migrated, tmp_path / "ledger.db")
    return tmp_path


class Asker:
    """Asks a gateway in the name of a rule, and keeps the ids of the requests."""

    def __init__(self, gateway: GatewayProcess, client: openai.AsyncOpenAI) -> None:
        self.gateway = gateway
        self.client = client
        self.asked: list[str] = []

    async def ask(self, kind: str, number: int = 0, **fields: Any) -> str:
        """The model that answered."""
        metadata: Any = {"kind": kind, **fields.pop("metadata", {})}
        reply = await self.client.chat.completions.with_raw_response.create(
            model="auto",
            messages=user(f"Number {number}?"),
            response_format=JSON,
            metadata=metadata,
            **fields,
        )
        if fields.get("stream"):
            async for _ in reply.parse():
                pass
        self.asked.append(reply.headers["x-stepdown-request-id"])
        return str(reply.headers["x-stepdown-model"])

    async def ask_all(self, kind: str, count: int, **fields: Any) -> Counter[str]:
        asked = [self.ask(kind, number, **fields) for number in range(count)]
        return Counter(await asyncio.gather(*asked))


def asking(gateway: GatewayProcess, kind: str, count: int = 1, **fields: Any) -> Counter[str]:
    """How often which model answered."""

    async def ask() -> Counter[str]:
        async with async_client_of(gateway) as client:
            return await Asker(gateway, client).ask_all(kind, count, **fields)

    return asyncio.run(ask())


def status(gateway: GatewayProcess) -> dict[str, Any]:
    found: dict[str, Any] = httpx2.get(f"{gateway.url}/admin/status", timeout=10).json()
    return found


def states(gateway: GatewayProcess) -> dict[str, str]:
    return {ward["rule"]: ward["state"] for ward in status(gateway)["guard"]["wards"]}


def become(gateway: GatewayProcess, **expected: str) -> None:
    wait_until(lambda: states(gateway) == expected, f"the states are {expected}", LOOK)


def kept(gateway: GatewayProcess) -> list[Pair]:
    with reading(f"sqlite:///{gateway.database}") as database:
        return list(pairs(database))


def metrics(gateway: GatewayProcess) -> str:
    return httpx2.get(f"{gateway.url}/metrics", timeout=10).text


# ── What is observed, certified and shown bad ────────────────────────────────────────────────


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    with Hook() as hook:
        yield hook


@pytest.fixture(scope="module")
def told(hook: Hook) -> dict[str, Any]:
    """Sections by which the hook is told of alarms."""
    webhooks = {"pager": {"url": hook.url, "secret": SECRET}}
    return {"jobs": {"webhooks": webhooks}, "shadow": {"alerts": ["pager"]}}


RULES = rule("good", "fair"), rule("bad", "poor"), rule("old", "poor", trusted=True)


def test_the_guard_from_the_first_request_to_a_restart(
    upstream: FaultServer, told: dict[str, Any], hook: Hook, place: Path
) -> None:
    gateway = GatewayProcess(config(upstream, *RULES, **told), place)
    with gateway:
        assert states(gateway) == {"good": "observing", "bad": "observing", "old": "trusted"}
        assert asking(gateway, "good", 20) == {"strong": 20}
        assert asking(gateway, "good", 20, stream=True) == {"strong": 20}
        assert asking(gateway, "bad", 12) == {"strong": 12}
        assert asking(gateway, "old", 12) == {"poor": 12}
        become(gateway, good="active", bad="tripped", old="tripped")
        assert asking(gateway, "good", 3) == {"fair": 3}
        assert asking(gateway, "bad") == asking(gateway, "old") == {"strong": 1}
        wait_until(lambda: len(hook.received) == 2, "the webhook is told of both trips")
        assert {each.job["data"]["rule"] for each in hook.received} == {"bad", "old"}
        assert {each.job["type"] for each in hook.received} == {"guard.tripped"}
        wait_until(lambda: status(gateway)["shadow"]["paired"] == 69, "all are shadowed")
        shown = metrics(gateway)
        assert 'stepdown_guard_state{route="auto",rule="good",state="active"} 1\n' in shown
        assert 'stepdown_guard_events_total{cause="above budget"} 2\n' in shown
        assert "stepdown_shadow_paired_total 69\n" in shown
        assert "rule 'old' is tripped, after trusted; above budget by guard" in gateway.log
    with gateway:  # what it knows, it knows at the first request
        assert asking(gateway, "good") == {"fair": 1}
        assert asking(gateway, "bad") == asking(gateway, "old") == {"strong": 1}
        assert states(gateway) == {"good": "active", "bad": "tripped", "old": "tripped"}
    assert len(hook.received) == 2
    check_the_pairs(kept(gateway))


def check_the_pairs(found: list[Pair]) -> None:
    assert len({pair.id for pair in found}) == len(found) == 72
    assert {pair.regret for pair in found if pair.rule == "good"} == {False}
    assert {pair.regret for pair in found if pair.rule != "good"} == {True}
    good = [pair for pair in found if pair.rule == "good"]
    assert Counter((pair.served, pair.candidate, pair.reference) for pair in good) == {
        (2, 1, 2): 40,
        (1, 1, 2): 4,
    }
    assert Counter(pair.stint for pair in good) == {1: 40, 2: 4}
    assert {pair.scorer for pair in found} == {"agreement"}
    assert all(pair.candidate_cost and pair.reference_cost for pair in found)


# ── What is never shadowed ───────────────────────────────────────────────────────────────────


def test_what_must_not_be_shadowed_is_not(upstream: FaultServer, place: Path) -> None:
    before = len(upstream.received("strong"))
    with GatewayProcess(config(upstream, rule("old", "fair", trusted=True)), place) as gateway:
        asking(gateway, "old", 3, metadata={"tags": "no-shadow"})
        asking(gateway, "old", 2, store=True)
        with client_of(gateway) as client:
            client.chat.completions.create(model="fair", messages=user("directly"))
        assert asking(gateway, "old", 2, stream=True) == {"fair": 2}
        wait_until(lambda: status(gateway)["shadow"]["paired"] == 2, "the others are shadowed")
        assert status(gateway)["shadow"]["skips"] == {"no_shadow": 3, "provider_state": 2}
    assert len(upstream.received("strong")) == before + 2
    assert len(kept(gateway)) == 2
    with reading(f"sqlite:///{gateway.database}") as database:
        counted = {counter.reason: counter.amount for counter in counters(database)}
    assert counted == {"sampled": 7, "paired": 2, "no_shadow": 3, "provider_state": 2}


# ── Several servers, changes by hand, and reloads ────────────────────────────────────────────


def test_servers_of_one_database_agree_also_on_what_is_set_by_hand(
    upstream: FaultServer, place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    good = rule("good", "fair")
    shared = {"ledger": {"url": f"sqlite:///{place / 'ledger.db'}"}}
    elsewhere = tmp_path_factory.mktemp("other")
    with (
        GatewayProcess(config(upstream, good), place) as one,
        GatewayProcess(config(upstream, good, **shared), elsewhere) as other,
    ):
        for server in (one, other):
            assert asking(server, "good", 15) == {"strong": 15}
        for server in (one, other):
            become(server, good="active")
            assert asking(server, "good") == {"fair": 1}
        set_by_hand(one, "tripped")
        for server in (one, other):
            become(server, good="tripped")
            assert asking(server, "good") == {"strong": 1}
            assert "'good' is tripped, after active; by hand by ann: a complaint" in server.log


def set_by_hand(gateway: GatewayProcess, state: str) -> None:
    """As another process does it, for the only thing that is guarded."""
    store = GuardStore(parse(str(gateway.database)))
    [event] = store.standings().values()
    made = set_state(standing_after(event), state, "a complaint", "ann", time.time())
    assert store.append_event(recorded(made, event.seq + 1, 0.0, event.route, event.rule))
    store.close()


def test_a_reload_keeps_what_did_not_change(upstream: FaultServer, place: Path) -> None:
    good = rule("good", "fair")

    def put_in_force(*rules: dict[str, Any]) -> None:
        gateway.write_config(config(upstream, *rules))
        httpx2.post(f"{gateway.url}/admin/reload", timeout=10).raise_for_status()

    with GatewayProcess(config(upstream, good), place) as gateway:
        assert asking(gateway, "good", 30) == {"strong": 30}
        become(gateway, good="active")
        put_in_force(good, rule("new", "fair"))
        assert asking(gateway, "good") == {"fair": 1}
        assert asking(gateway, "new") == {"strong": 1}
        put_in_force(rule("good", "poor"))
        assert asking(gateway, "good") == {"strong": 1}
        assert states(gateway) == {"good": "observing"}


# ── A crash ──────────────────────────────────────────────────────────────────────────────────


def test_a_kill_loses_at_most_one_flush_interval_of_pairs_and_doubles_none(
    upstream: FaultServer, place: Path
) -> None:
    before = len(upstream.received("strong"))
    asked: list[str] = []

    async def load(gateway: GatewayProcess, seconds: float) -> float:
        """When it was killed, by the monotonic clock."""
        async with async_client_of(gateway) as client:
            asker = Asker(gateway, client)

            async def ask() -> None:
                while gateway.running:
                    try:
                        await asker.ask("old")
                    except openai.APIConnectionError:
                        return

            tasks = [asyncio.create_task(ask()) for _ in range(2)]
            await asyncio.sleep(seconds)
            killed = time.monotonic()
            await asyncio.to_thread(gateway.kill)
            await asyncio.wait(tasks)
            asked.extend(asker.asked)
            return killed

    gateway = GatewayProcess(config(upstream, rule("old", "fair", trusted=True)), place)
    with gateway:
        killed = asyncio.run(load(gateway, 1.5))
    shadows = upstream.received("strong")[before:]
    ended = [seen.answered for seen in shadows if seen.answered is not None]
    found = kept(gateway)
    assert len(found) > 20
    assert len(found) >= sum(at < killed - FLUSH_INTERVAL - GRACE for at in ended)
    with gateway:
        asyncio.run(load(gateway, 0.7))
    again = kept(gateway)
    assert {pair.id for pair in found} < {pair.id for pair in again}
    assert len({pair.id for pair in again}) == len(again)
    assert len(again) <= len(upstream.received("strong")) - before
