"""Replays and suggestions on synthetic logs with a known truth: coverage, and false certificates.

    nice python benchmarks/replay_simulation.py [LOGS]

A table of how often each estimate's interval holds the truth (nominal: 90 %), how wide it is and
how far off its value, for worlds that favour and that defeat the control variate; and how often a
suggested rule is certified whose regret is above the budget (nominal: 5 % at most).
"""

import math
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from stepdown.quality.intervals import exact_interval
from stepdown.quality.mining.samples import Pool, Sample
from stepdown.quality.mining.suggest import suggest
from stepdown.quality.offline.regrets import Estimate
from stepdown.quality.offline.replay import Replay, replay
from stepdown.types import Reading
from support.replays import CHEAP, PRICES, Stratum, cheap_rule, make_log, route_of

CONFIDENCE = 0.9
ROUTE = route_of(cheap_rule("short", tokens={"lt": 500}), cheap_rule("faq", intent="faq"))
WORLDS = {
    "two groups alike": [
        Stratum(0.5, 0.03, 0.2, decision="small", model=CHEAP),
        Stratum(0.5, 0.03, 0.2),
    ],
    "two groups unlike": [
        Stratum(0.7, 0.0, 0.2, decision="small", model=CHEAP),
        Stratum(0.3, 0.6, 0.2),
    ],
    "one sampled seldom": [
        Stratum(0.6, 0.01, 0.5, decision="small", model=CHEAP),
        Stratum(0.4, 0.15, 0.05),
    ],
    "groups that tell nothing": [
        Stratum(0.25, 0.0, 0.2, decision="small", model=CHEAP),
        Stratum(0.25, 0.4, 0.2, decision="small", model=CHEAP),
        Stratum(0.25, 0.4, 0.2),
        Stratum(0.25, 0.0, 0.2),
    ],
}


class Score:
    """What one method's estimates were like."""

    def __init__(self) -> None:
        self.logs = self.covered = 0
        self.width = self.off = self.squares = 0.0

    def add(self, estimate: Estimate, truth: float) -> None:
        off = (estimate.value or 0.0) - truth
        self.logs += 1
        self.covered += estimate.low <= truth <= estimate.high
        self.width += estimate.high - estimate.low
        self.off += off
        self.squares += off * off

    def told(self) -> str:
        low, high = exact_interval(self.covered, self.logs, 0.95)
        return (
            f"{self.covered / self.logs:.1%} ({low:.1%} to {high:.1%}), width "
            f"{self.width / self.logs:.4f}, bias {self.off / self.logs:+.4f}, "
            f"error {math.sqrt(self.squares / self.logs):.4f}"
        )


def replays(logs: int, requests: int = 1_000) -> Iterator[str]:
    rng = random.Random(70)
    for name, world in WORLDS.items():
        scores: dict[str, Score] = defaultdict(Score)
        true_now = sum(each.share * each.regret for each in world)
        true_more = sum(each.share * each.regret for each in world if each.model != CHEAP)
        for _ in range(logs):
            found = replay(
                ROUTE, *make_log(world, requests, rng), price_of=PRICES.get, confidence=CONFIDENCE
            )
            assert isinstance(found, Replay)
            for estimate in found.now.estimates:
                scores[f"regret, {estimate.method}"].add(estimate, true_now)
            for estimate in found.difference.estimates:
                scores[f"difference, {estimate.method}"].add(estimate, true_more)
        yield f"{name}, {logs:,} logs of {requests:,} requests"
        yield from (f"  {what:34} {score.told()}" for what, score in scores.items())


def suggestions(logs: int, budget: float = 0.02) -> Iterator[str]:
    for regret in (0.021, 0.03, 0.04):
        rng = random.Random(71)
        certified = sum(
            any(rule.certified for rule in suggest(noise(rng, regret), budget=budget).rules)
            for _ in range(logs)
        )
        low, high = exact_interval(certified, logs, 0.95)
        yield (
            f"noise with a regret of {regret:.1%}, {logs:,} logs: a rule certified within "
            f"{budget:.0%} in {certified / logs:.2%} ({low:.2%} to {high:.2%})"
        )


def noise(rng: random.Random, regret: float, samples: int = 1_500) -> Pool:
    """Readings that say nothing of the regret."""
    drawn = [
        Sample(
            str(rng.random()),
            5.0,
            rng.random() < regret,
            0.01,
            {
                "tokens": Reading(int(rng.lognormvariate(6, 1))),
                "intent": Reading(rng.choice(["faq", "order", "refund"])),
                "code": Reading(rng.random() < 0.3),
            },
        )
        for _ in range(samples)
    ]
    return Pool(samples * 5, samples * 5, drawn)


def main() -> None:
    logs = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    for line in (*replays(logs), *suggestions(logs)):
        print(line)


if __name__ == "__main__":
    main()
