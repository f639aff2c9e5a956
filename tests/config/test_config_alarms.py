"""An alarm is one message: the same whichever process writes the event, and not another's."""

import asyncio
import json
from typing import Any

import pytest
from msgspec import structs

from stepdown.config.alarms import WebhookAlarms, message
from stepdown.deferral.webhooks import Target, key_of
from stepdown.quality.evidence import Counts
from stepdown.quality.guard.recorded import recorded
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.transitions import step
from stepdown.quality.records.events import GuardEvent, event_of, row_of
from support.hooks import SECRET, Hook
from support.pairs import NOON


def tripped() -> GuardEvent:
    transition = step(Standing("k" * 64, "trusted"), Counts({1.0: (9, 12)}), Terms(0.2, 1.0))
    assert transition is not None
    return recorded(transition, 3, NOON, "auto", "easy")


def test_what_a_trip_says() -> None:
    told: dict[str, Any] = json.loads(message(tripped()))
    assert (told["type"], told["timestamp"]) == ("guard.tripped", "2025-10-09T12:00:00+00:00")
    data = told["data"]
    assert (data["route"], data["rule"], data["key"]) == ("auto", "easy", "k" * 64)
    assert (data["from"], data["to"]) == ("trusted", "tripped")
    assert data["why"].startswith("regret above the budget of 20 %: 9 of 12 pairs")
    assert (data["estimate"], data["low"] > 0.2, data["high"] <= 1.0) == (0.75, True, True)


@pytest.mark.parametrize(
    ("cause", "type_"), [("drift", "guard.drifted"), ("certified", "guard.changed")]
)
def test_types(cause: str, type_: str) -> None:
    event = structs.replace(tripped(), evidence={"cause": cause})
    told = json.loads(message(event))
    assert (told["type"], told["data"]["estimate"]) == (type_, None)


def test_an_event_has_one_message_of_its_own() -> None:
    event = tripped()

    async def go() -> list[str]:
        alarms = WebhookAlarms()
        with Hook() as hook:
            alarms.alerts.targets = {"ops": Target(hook.url, key_of(SECRET))}
            assert tuple(alarms.targets()) == ("ops",)
            for each in (event, event_of(row_of(event)), structs.replace(event, seq=4)):
                alarms.tell(each)
            async with asyncio.timeout(10):
                while alarms.alerts.status()["waiting"]:  # noqa: ASYNC110  nothing announces it
                    await asyncio.sleep(0.005)
            await alarms.alerts.aclose()
            assert [each.body for each in hook.received if b"tripped" in each.body]
        told = alarms.told()
        assert alarms.told() == ()
        assert {each.target for each in told} == {"ops"}
        assert all(each.time > NOON for each in told)
        received = [each.headers["webhook-id"] for each in hook.received]
        assert sorted(received) == sorted(each.id for each in told)
        return sorted(received)

    assert asyncio.run(go()) == [f"guard_{'k' * 16}_{seq}" for seq in (3, 4)]
