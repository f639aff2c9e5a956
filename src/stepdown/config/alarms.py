"""Turns the guard's alarms into messages to webhooks."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from stepdown.quality.guard.recorded import cause_of
from stepdown.quality.records.events import GuardEvent

TYPES = {"above budget": "guard.tripped", "drift": "guard.drifted"}
"""By cause."""


def alarm_to(send: Callable[[str, bytes], None]) -> Callable[[GuardEvent], None]:
    """What is told of a guard's events, and sends each as a message with a name of its own."""

    def alarm(event: GuardEvent) -> None:
        send(f"guard_{event.key[:16]}_{event.seq}", message(event))

    return alarm


def message(event: GuardEvent) -> bytes:
    """The event as JSON, in the form that Standard Webhooks 1.0 recommend for payloads."""
    shown: dict[str, Any] = event.evidence.get("shown") or {}
    return msgspec.json.encode(
        {
            "type": TYPES.get(cause_of(event), "guard.changed"),
            "timestamp": datetime.fromtimestamp(event.time, UTC).isoformat(),
            "data": {
                "route": event.route,
                "rule": event.rule,
                "key": event.key,
                "from": event.from_state,
                "to": event.to_state,
                "why": event.why,
                "estimate": shown.get("estimate"),
                "low": shown.get("low"),
                "high": shown.get("high"),
            },
        }
    )
