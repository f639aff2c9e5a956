"""Alerts: webhooks of what has no job, sent in the same form, signed and tried again alike."""

from collections import Counter
from collections.abc import Mapping

from stepdown.deferral.webhooks import Notice, Target, Webhooks


class Alerts:
    """Implements ``webhooks.Source``: tells every target of each message. ``targets`` are by name.

    What is not sent when the process ends stays unsent.
    """

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self.targets = targets
        self._webhooks = Webhooks(self)
        self._bodies: dict[str, bytes] = {}
        self._untold = Counter[str]()

    def send(self, name: str, body: bytes) -> None:
        """Tell all targets, in the background. ``name`` is the message's own: its ``webhook-id``.

        To be called on the event loop.
        """
        if not self.targets:
            return
        self._bodies[name] = body
        self._untold[name] += len(self.targets)
        for target in self.targets:
            self._webhooks.offer(Notice(name, "", target))

    def status(self) -> dict[str, int]:
        """What became of the messages, each to each target."""
        sender = self._webhooks
        return {
            "waiting": sender.waiting,
            "delivered": sender.delivered,
            "failed": sender.failed,
            "dropped": sender.dropped,
        }

    async def aclose(self) -> None:
        await self._webhooks.aclose()

    # ── for the webhooks ─────────────────────────────────────────────────────────────────────

    def target(self, name: str) -> Target | None:
        return self.targets.get(name)

    async def shown(self, job: str, tenant: str) -> bytes | None:
        return self._bodies.get(job)

    async def note(self, job: str, state: str, tries: int, error: str) -> None:
        if state == "pending":
            return
        self._untold[job] -= 1
        if self._untold[job] <= 0:
            del self._untold[job]
            self._bodies.pop(job, None)
