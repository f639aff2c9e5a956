"""Turns the guard's alarms into messages to webhooks."""

import time
from collections import deque
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from stepdown.deferral.alerts import Alerts
from stepdown.quality.guard.alarms import MOST_TOLD, id_of
from stepdown.quality.guard.recorded import cause_of
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import Told

TYPES = {"above budget": "guard.tripped", "drift": "guard.drifted"}
"""By cause."""


class WebhookAlarms:
    """Implements ``guard.alarms.Alarms``: each event is one message, to the webhooks of
    ``alerts``."""

    def __init__(self) -> None:
        self.alerts = Alerts({}, self._delivered)
        self._told = deque[Told](maxlen=MOST_TOLD)

    def targets(self) -> Collection[str]:
        return tuple(self.alerts.targets)

    def tell(self, event: GuardEvent, target: str | None = None) -> None:
        self.alerts.send(id_of(event), message(event), target)

    def told(self) -> Sequence[Told]:
        told = tuple(self._told)
        self._told.clear()
        return told

    def _delivered(self, name: str, target: str) -> None:
        self._told.append(Told(name, target, time.time()))


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
