"""Alerts: webhooks of what has no job, sent in the same form, signed and tried again alike."""

from collections.abc import Callable, Mapping

from stepdown.deferral.webhooks import Notice, Target, Webhooks


class Alerts:
    """Tells every target of each message. ``targets`` are by name.

    ``delivered`` is called with the name of a message and of a target that took it. What is not
    sent when the process ends stays unsent; whoever sends has to know by ``delivered`` what to send
    again.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        delivered: Callable[[str, str], None] = lambda name, target: None,
    ) -> None:
        self.targets = targets
        self._delivered = delivered
        self._posts: dict[str, _Post] = {}
        self._closed = False

    def send(self, name: str, body: bytes, target: str | None = None) -> None:
        """Tell a target, or all, in the background. ``name`` is the message's own: its
        ``webhook-id``. One that a target is being told of just now is not sent to it twice.

        To be called on the event loop. After the end nothing is sent.
        """
        if self._closed:
            return
        for each in self.targets if target is None else (target,):
            post = self._posts.get(each)
            if post is None:
                post = self._posts[each] = _Post(self, each)
            post.send(name, body)

    def status(self) -> dict[str, int]:
        """What became of the messages, each to each target."""
        senders = [post.webhooks for post in self._posts.values()]
        return {
            "waiting": sum(each.waiting for each in senders),
            "delivered": sum(each.delivered for each in senders),
            "failed": sum(each.failed for each in senders),
            "dropped": sum(each.dropped for each in senders),
        }

    async def aclose(self) -> None:
        self._closed = True
        for post in self._posts.values():
            await post.webhooks.aclose()

    def took(self, name: str, target: str) -> None:
        """A target has taken a message."""
        self._delivered(name, target)


class _Post:
    """Implements ``webhooks.Source``: one target's messages that are under way."""

    def __init__(self, alerts: Alerts, name: str) -> None:
        self.webhooks = Webhooks(self)
        self.bodies: dict[str, bytes] = {}
        self._alerts = alerts
        self._name = name

    def send(self, name: str, body: bytes) -> None:
        if name not in self.bodies:
            self.bodies[name] = body
            self.webhooks.offer(Notice(name, "", self._name))

    def target(self, name: str) -> Target | None:
        return self._alerts.targets.get(name)

    async def shown(self, job: str, tenant: str) -> bytes | None:
        return self.bodies.get(job)

    async def note(self, job: str, state: str, tries: int, error: str) -> None:
        if state == "delivered":
            self._alerts.took(job, self._name)
        if state != "pending":
            self.bodies.pop(job, None)
