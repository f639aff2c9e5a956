"""A course: one request's tries with the deployments of one model."""

import math
from collections.abc import Sequence

from msgspec import Struct

from stepdown.errors import UpstreamError
from stepdown.providers.blame import is_misconfigured
from stepdown.providers.demand import Demand
from stepdown.providers.deployment import Deployment
from stepdown.providers.groups import Served
from stepdown.providers.member import Member
from stepdown.providers.retry import RetryRules

NOBODY: frozenset[Member] = frozenset()


class Course(Struct, eq=False):
    """``model`` is the name as it was asked for, ``members`` are those the prompt fits.

    ``open``: more tries may follow. ``asked``: who failed since the last pause. ``barred``: who
    would fail again. ``resume_at``: nobody is asked before that time.
    """

    model: str
    served: Served
    members: Sequence[Member]
    open: bool = True
    tries: int = 0
    resume_at: float = 0.0
    failure: UpstreamError | None = None
    asked: frozenset[Member] = NOBODY
    barred: frozenset[Member] = NOBODY

    def ready(self, now: float, demand: Demand) -> Sequence[Member]:
        """The members that may be called now: those not asked yet, else all of them.

        Only those of the lowest ``order`` among them.
        """
        if now < self.resume_at:
            return ()
        members = self.members
        if len(members) == 1 and not self.tries:
            return members if members[0].pause(now, demand) == 0.0 else ()
        ready = [m for m in members if m.pause(now, demand) == 0.0]
        if self.tries:
            ready = [m for m in ready if m not in self.barred]
            ready = [m for m in ready if m not in self.asked] or ready
        if self.served.group.ordered and ready:
            first = min(member.order for member in ready)
            ready = [member for member in ready if member.order == first]
        return ready

    def lend(self, member: Member, now: float, demand: Demand) -> Deployment:
        """The member's deployment for one call, under the name that was asked for."""
        deployment = member.lend(now, demand)
        served = self.served
        if served.matched is None:
            return deployment
        return deployment.serving(served.name, served.matched)

    def failed(self, member: Member, failure: UpstreamError, rules: RetryRules) -> None:
        """Note a failed try; close the course when it was the last one allowed."""
        self.tries += 1
        self.failure = failure
        self.asked |= {member}
        if is_misconfigured(failure):
            self.barred |= {member}
        if self.tries > rules.allowed(failure, member.deployment.max_retries):
            self.open = False

    def pause(self, now: float, demand: Demand) -> float:
        """Seconds until a member may be called; infinite when none may ever be."""
        if not self.open:
            return math.inf
        pauses = (m.pause(now, demand) for m in self.members if m not in self.barred)
        return max(min(pauses, default=math.inf), self.resume_at - now)


def fitting(served: Served, demand: Demand) -> Sequence[Member]:
    """The members whose window the prompt fits, or is not known to exceed."""
    group = served.group
    if group.smallest_window is None or demand.fits(group.smallest_window):
        return group.members
    return [m for m in group.members if demand.fits(m.deployment.max_input_tokens)]
