"""An alarm is one message: the same whichever process writes the event, and not another's."""

import json
from typing import Any

import pytest
from msgspec import structs

from stepdown.config.alarms import alarm_to, message
from stepdown.quality.evidence import Counts
from stepdown.quality.guard.recorded import recorded
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.transitions import step
from stepdown.quality.records.events import GuardEvent, event_of, row_of
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
    sent: list[tuple[str, bytes]] = []
    alarm = alarm_to(lambda name, body: sent.append((name, body)))
    event = tripped()
    for each in (event, event_of(row_of(event)), structs.replace(event, seq=4)):
        alarm(each)
    assert sent[0] == sent[1]
    assert [name for name, _ in sent] == [f"guard_{'k' * 16}_{seq}" for seq in (3, 3, 4)]
