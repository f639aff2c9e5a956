"""Strategies: which of several deployments that may be called now is called.

Each is given at least one member and returns one of them. Names and meaning are LiteLLM's.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from random import Random

from stepdown.providers.member import Member

Strategy = Callable[[Sequence[Member], float, Random], Member]
"""(members, now, random) → the member to call."""

_STATES_SHARES = attrgetter("shares")

FRESH = 60.0
"""Seconds for which a measured latency is believed; then one call measures it again."""


def simple_shuffle(members: Sequence[Member], now: float, random: Random) -> Member:
    """At random, in proportion to ``weight``, else ``rpm``, else ``tpm``, else evenly.

    A member without the figure that others have gets no share of its own.
    """
    if any(map(_STATES_SHARES, members)):
        for metric in ("weight", "rpm", "tpm"):
            shares = [getattr(member.deployment, metric) or 0 for member in members]
            if any(shares):
                return random.choices(members, shares)[0]
    return members[int(random.random() * len(members))]


def least_busy(members: Sequence[Member], now: float, random: Random) -> Member:
    """The one with the fewest calls under way."""
    return min(members, key=lambda member: (member.in_flight, random.random()))


def latency_based(members: Sequence[Member], now: float, random: Random) -> Member:
    """The fastest for each output token.

    One whose measurement is missing or old is measured first, by one call at a time.
    """

    def rank(member: Member) -> tuple[int, float, float]:
        if member.latency is not None and now - member.measured < FRESH:
            return 1, member.latency, random.random()
        if member.in_flight == 0:
            return 0, 0.0, random.random()
        return 2, member.in_flight, random.random()

    return min(members, key=rank)


def cost_based(members: Sequence[Member], now: float, random: Random) -> Member:
    """The cheapest for a thousand tokens in and a thousand out; unknown prices come last."""
    return min(members, key=lambda member: (member.cost, random.random()))


def usage_based(members: Sequence[Member], now: float, random: Random) -> Member:
    """The one that spent the fewest tokens within the last minute, those under way included."""

    def rank(member: Member) -> tuple[int, float]:
        return (0 if member.tokens is None else member.tokens.used(now)), random.random()

    return min(members, key=rank)


STRATEGIES: dict[str, Strategy] = {
    "simple-shuffle": simple_shuffle,
    "least-busy": least_busy,
    "latency-based-routing": latency_based,
    "cost-based-routing": cost_based,
    "usage-based-routing": usage_based,
    "usage-based-routing-v2": usage_based,
}

COUNTS_TOKENS = {"usage-based-routing", "usage-based-routing-v2"}
"""The strategies that need every member's tokens counted."""
