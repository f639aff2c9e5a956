"""A server that is killed between an event and its alert has its successor deliver it."""

from pathlib import Path
from typing import Any

import httpx2

from stepdown.quality.records.guard_store import GuardStore
from stepdown.storage.address import parse
from support.fault_server import wait_until
from support.gateway_process import GatewayProcess
from support.hooks import SECRET, Hook
from support.pairs import make_pair, store_pairs

LOOK = 20.0
"""Seconds within which a running server is to have looked, on a machine that does much else."""


def config(hook: Hook) -> dict[str, Any]:
    return {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": f"simulated/{name}"}}
            for name in ("weak", "strong")
        ],
        "routes": {
            "auto": {
                "ladder": ["weak", "strong"],
                "rules": [
                    {"name": "all", "when": {"tokens": {"ge": 0}}, "rung": 0, "trusted": True}
                ],
                "regret": {"budget": 0.2},
                "shadow": {"rate": 1.0},
            }
        },
        "jobs": {"webhooks": {"ops": {"url": hook.url, "secret": SECRET}}},
        "shadow": {"alerts": ["ops"]},
    }


def wards(gateway: GatewayProcess) -> list[dict[str, Any]]:
    status = httpx2.get(f"{gateway.url}/admin/status", timeout=10).json()
    found: list[dict[str, Any]] = status["guard"]["wards"]
    return found


def trip(gateway: GatewayProcess) -> None:
    """Pairs that show the rule to be bad, as a shadow would have left them."""
    [ward] = wards(gateway)
    bad = {"key": ward["key"], "stint": 1, "propensity": 1.0, "regret": True}
    store_pairs(f"sqlite:///{gateway.database}", *[make_pair(**bad) for _ in range(12)])


def taken(gateway: GatewayProcess) -> set[tuple[str, str]]:
    """What the record knows to be delivered."""
    store = GuardStore(parse(str(gateway.database)))
    try:
        return store.told(0.0)
    finally:
        store.close()


def test_an_alert_outlives_the_process_that_owes_it(tmp_path: Path) -> None:
    with Hook(*[500] * 3) as hook:
        with GatewayProcess(config(hook), tmp_path) as gateway:
            trip(gateway)
            wait_until(lambda: bool(hook.received), "the alert has been tried", LOOK)
            gateway.kill()
            assert taken(gateway) == set()
        refused = len(hook.received)
        assert refused < 4, "the receiver has taken it already"
        name = hook.received[0].headers["webhook-id"]

        with GatewayProcess(config(hook), tmp_path) as gateway:
            wait_until(lambda: bool(taken(gateway)), "the alert is delivered", 2 * LOOK)
            assert taken(gateway) == {(name, "ops")}
            assert wards(gateway)[0]["state"] == "tripped"
        assert {each.headers["webhook-id"] for each in hook.received} == {name}
        assert hook.received[-1].job["type"] == "guard.tripped"
        delivered = len(hook.received)
        assert delivered > refused

        with GatewayProcess(config(hook), tmp_path) as gateway:
            wait_until(lambda: wards(gateway)[0]["state"] == "tripped", "it has looked", LOOK)
        assert len(hook.received) == delivered
