"""Recorded requests with sampled pairs, made by a world whose truth is known."""

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from stepdown.ledger.detail import FORMAT, Detail, encode, pack
from stepdown.ports import Price
from stepdown.pricing.price import TokenPrice
from stepdown.quality.pairs import Pair
from stepdown.routing.route import PolicyRoute, build_route
from stepdown.storage.address import parse
from stepdown.storage.store import Segment, Slice, Store
from stepdown.types import Attempt, Reading, Usage

CHEAP, STRONG = "small", "large"
PRICES: Mapping[str, Price] = {
    CHEAP: TokenPrice(input=Decimal("1e-6"), output=Decimal("1e-6")),
    STRONG: TokenPrice(input=Decimal("1e-5"), output=Decimal("1e-5")),
}
NOON = 1_760_011_200.0


def route_of(*rules: Mapping[str, Any], **options: Any) -> PolicyRoute:
    """A route ``auto`` from the small to the large model."""
    given = {"ladder": [CHEAP, STRONG], "rules": list(rules), **options}
    return build_route("auto", given, price_of=PRICES.get)


def cheap_rule(name: str = "short", **when: Any) -> dict[str, Any]:
    return {"name": name, "when": when or {"tokens": {"lt": 500}}, "rung": "cheap"}


def make_detail(name: str = "req", **changes: Any) -> Detail:
    """An answered request that no rule claimed; ``changes`` are the detail's fields."""
    model = changes.get("model", STRONG)
    usage = changes.get("usage", Usage(input=100, output=10))
    cost = None if usage is None else PRICES[model].cost(usage) if model in PRICES else None
    usual: dict[str, Any] = {
        "id": name,
        "time": NOON,
        "started": 0.0,
        "ended": 1.0,
        "route": "auto",
        "decision": "default",
        "rung": 1,
        "model": model,
        "deployment": f"{model}/1",
        "ambiguous": False,
        "policy": "a1b2",
        "propensity": 1.0,
        "reference_model": STRONG,
        "outcome": "answered",
        "error": None,
        "stream": False,
        "usage": usage,
        "estimated": False,
        "cost": cost,
        "reference_cost": None if usage is None else PRICES[STRONG].cost(usage),
        "attempts": [Attempt(model, f"{model}/1", 0.0, usage=usage, cost=cost)],
        "readings": {"tokens": Reading(100)},
        "tenant": "",
        "intent": None,
        "session": None,
        "tags": "",
    }
    return Detail(**usual | changes)


def pair_for(detail: Detail, *, regret: bool | None, propensity: float, **changes: Any) -> Pair:
    """The small model against the large one, on this request."""
    usual: dict[str, Any] = {
        "id": detail.id,
        "time": detail.time,
        "route": detail.route,
        "rule": detail.decision,
        "policy": detail.policy,
        "served": detail.rung,
        "candidate": 0,
        "reference": 1,
        "candidate_model": CHEAP,
        "reference_model": STRONG,
        "propensity": propensity,
        "regret": regret,
        "candidate_cost": detail.usage and PRICES[CHEAP].cost(detail.usage),
        "reference_cost": detail.usage and PRICES[STRONG].cost(detail.usage),
        "tenant": detail.tenant,
        "readings": {name: reading.value for name, reading in detail.readings.items()},
    }
    return Pair(**usual | changes)


class Stratum(Struct, frozen=True):
    """Requests that are decided and sampled alike.

    ``regret`` is the truth. ``tokens`` and ``task`` are read; ``longer`` is how many times as many
    tokens the small model's answers have as the large one's.
    """

    share: float
    regret: float
    propensity: float
    decision: str = "default"
    model: str = STRONG
    tokens: int = 100
    intent: str | None = None
    longer: float = 1.0


def make_log(
    strata: Sequence[Stratum], requests: int, rng: random.Random
) -> tuple[list[Detail], list[Pair]]:
    """So many requests, each of a stratum by chance, and the pairs of those that were sampled."""
    details: list[Detail] = []
    pairs: list[Pair] = []
    drawn = rng.choices(strata, [stratum.share for stratum in strata], k=requests)
    for number, stratum in enumerate(drawn):
        output = rng.randrange(5, 200)
        served_low = stratum.model == CHEAP
        low = Usage(input=stratum.tokens, output=round(output * stratum.longer))
        high = Usage(input=stratum.tokens, output=output)
        detail = make_detail(
            f"{number}-{rng.random()}",
            decision=stratum.decision,
            model=stratum.model,
            rung=0 if served_low else 1,
            usage=low if served_low else high,
            readings={"tokens": Reading(stratum.tokens)},
            intent=stratum.intent,
        )
        details.append(detail)
        if rng.random() < stratum.propensity:
            pairs.append(
                pair_for(
                    detail,
                    regret=rng.random() < stratum.regret,
                    propensity=stratum.propensity,
                    candidate_cost=PRICES[CHEAP].cost(low),
                    reference_cost=PRICES[STRONG].cost(high),
                )
            )
    return details, pairs


def store_details(url: str, details: Sequence[Detail]) -> None:
    """Write details at once, as the ledger's writer does."""
    body = pack([encode(detail) for detail in details])
    times = [detail.time for detail in details]
    store = Store(parse(url))
    segment = Segment("test", min(times), max(times), len(details), 0, FORMAT, body)
    store.write(Slice(segment, None, ()))
    store.close()


def never_asked(request: object, ladder: Sequence[str]) -> str:
    """A router of the user's own: a replay takes what was recorded of its answers."""
    raise AssertionError("a replay asks nobody")
