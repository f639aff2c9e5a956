"""The guard's proof by simulation: ``nice python benchmarks/guard_simulation.py [--streams N]``.

Streams of pairs with a known regret, looked at after every pair, by the bets and with the
thresholds of ``stepdown.quality``; the capitals of all streams are carried along pair by pair.
Prints Markdown tables: how often something is certified that should not be, how many pairs it takes
beside a test whose sample size is fixed beforehand, what mixed propensities and a judge's errors
change, and how soon a change is noticed. Takes some minutes of one core.
"""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from guard_streams import (
    Capitals,
    Flags,
    Traffic,
    Watches,
    Whole,
    even,
    fixed_to_certify,
    fixed_to_trip,
    median,
    observe,
)
from stepdown.quality.betting import bets_above
from stepdown.quality.correction import JudgeErrors
from stepdown.quality.evidence import Counts, upper
from stepdown.quality.guard.drift import BLOCK
from stepdown.quality.guard.hypotheses import enough
from stepdown.quality.guard.terms import Terms
from stepdown.quality.intervals import exact_interval

BUDGETS = (0.01, 0.02, 0.05)
TIMES = (0.0, 0.5, 1.0, 2.0, 3.0)
"""True regrets, in budgets."""
CONFIDENCE = 0.95
LONGEST = 150.0
"""A stream ends after so many pairs times 1 / budget."""


def one_rule(streams: int) -> None:
    head("One rule, sampled evenly; one epoch, with its own half of the error")
    columns(
        "budget", "true regret", "certified", "95 % interval", "tripped", "median pairs",
        "fixed size at 95 %", "ratio", "size at 97.5 %", "ratio",
    )  # fmt: skip
    for budget in BUDGETS:
        terms = Terms(budget, 1.0, CONFIDENCE)
        for seed, times in enumerate(TIMES):
            longest = int(LONGEST / budget)
            found = observe(even(times * budget), [terms] * streams, longest, seed)
            middle = median(found.certified if times < 1.0 else found.tripped)
            line(
                f"{budget:.0%}",
                f"{times:g} budgets",
                *often(found.certified > 0),
                often(found.tripped > 0)[0],
                "" if middle is None else f"{middle:.0f}",
                *beside(budget, times, middle),
            )


def beside(budget: float, times: float, middle: float | None) -> list[str]:
    """The fixed sizes at the whole error and at the first epoch's half, and the ratios."""
    if middle is None or times == 1.0:
        return [""] * 4
    fixed = fixed_to_certify if times < 1.0 else fixed_to_trip
    sizes = [fixed(budget, times * budget, error) for error in (0.05, 0.025)]
    return [text for size in sizes for text in (str(size), f"{middle / size:.2f}")]


def families(streams: int) -> None:
    head("Five rules of one route, trying again at once after every trip: any certified wrongly")
    columns("budget", "true regrets, in budgets", "routes with a wrong one", "95 % interval")
    for budget in (0.02, 0.05):
        terms = Terms(budget, 1.0, CONFIDENCE, family=5)
        for regrets in ((1.0,) * 5, (1.0, 1.0, 1.25, 1.5, 2.0)):
            wrong = np.zeros(streams, np.bool_)
            for seed, times in enumerate(regrets):
                found = observe(
                    even(times * budget), [terms] * streams, int(200 / budget), seed, again=True
                )
                wrong |= found.certified > 0
            line(f"{budget:.0%}", ", ".join(f"{each:g}" for each in regrets), *often(wrong))


def mixed(streams: int) -> None:
    head("Two kinds of requests: 20 % sampled at 50 % without regrets, 80 % sampled at 5 %")
    columns(
        "budget", "true regret", "certified", "95 % interval", "tripped", "median pairs",
        "certified without weights",
    )  # fmt: skip
    for budget in (0.02, 0.05):
        for seed, times in enumerate(TIMES):
            traffic = Traffic((0.2, 0.8), (0.5, 0.05), (0.0, times * budget / 0.8))
            each, longest = [Terms(budget, 0.05)] * streams, int(2 * LONGEST / budget)
            found = observe(traffic, each, longest, seed)
            naive = observe(traffic, each, longest, seed, weighted=False)
            middle = median(found.certified if times < 1.0 else found.tripped)
            line(
                f"{budget:.0%}",
                f"{times:g} budgets",
                *often(found.certified > 0),
                often(found.tripped > 0)[0],
                "" if middle is None else f"{middle:.0f}",
                often(naive.certified > 0)[0],
            )


def judged(streams: int) -> None:
    head("A judge that misses 15 % of the regrets and makes up 1 %, measured on labelled pairs")
    columns(
        "labelled", "true regret", "certified", "95 % interval", "tripped", "median pairs",
        "certified, judge believed", "tripped, judge believed",
    )  # fmt: skip
    missed, made_up, budget = 0.15, 0.01, 0.05
    for negatives, positives in ((400, 100), (2_000, 300)):
        random = np.random.default_rng(1)
        judges = [
            JudgeErrors(int(wrong), negatives, int(lost), positives)
            for wrong, lost in zip(
                random.binomial(negatives, made_up, streams),
                random.binomial(positives, missed, streams),
                strict=True,
            )
        ]
        for seed, times in enumerate(TIMES):
            said = times * budget * (1.0 - missed) + (1.0 - times * budget) * made_up
            longest = int(LONGEST / budget)
            each = [Terms(budget, 1.0, judge=judge) for judge in judges]
            found = observe(even(said), each, longest, seed)
            believed = observe(even(said), [Terms(budget, 1.0)] * streams, longest, seed)
            middle = median(found.certified if times < 1.0 else found.tripped)
            line(
                f"{negatives} + {positives}",
                f"{times:g} budgets",
                *often(found.certified > 0),
                often(found.tripped > 0)[0],
                "" if middle is None else f"{middle:.0f}",
                often(believed.certified > 0)[0],
                often(believed.tripped > 0)[0],
            )


def shifts(streams: int) -> None:
    head("A change after certification: false alarms before it, pairs until it is noticed after it")
    columns(
        "budget", "regret, in budgets", "pairs before", "false trips", "false drift alarms",
        "median to trip", "to a drift alarm", "alarm raised",
    )  # fmt: skip
    for budget in (0.02, 0.05):
        for before, after in ((0.0, 2.0), (0.5, 2.0), (0.0, 3.0), (0.5, 3.0), (0.25, 10.0)):
            for long in (20, 200):
                _shift(budget, (before, after), int(long / budget) + BLOCK // 2, streams)
        for before in (0.5, 0.75):
            _shift(budget, (before, None), int(400 / budget), streams)


def _shift(budget: float, times: tuple[float, float | None], calm: int, count: int) -> None:
    terms = Terms(budget, 1.0, CONFIDENCE)
    before = even(times[0] * budget)
    found = observe(before, [terms] * count, int(1_000 / budget), 3)
    passed = found.certified > 0
    highs = [
        upper(Counts({1.0: counts}), 1.0 - terms.error / 2.0, 1.0)
        for counts in zip(
            found.regrets[passed].tolist(), found.certified[passed].tolist(), strict=True
        )
    ]
    random = np.random.default_rng(4)
    trips, drifts = Capitals(bets_above, np.full(len(highs), budget)), Watches(np.array(highs))
    tripped, drifted = np.zeros(len(highs), np.int64), np.zeros(len(highs), np.int64)
    after = 0 if times[1] is None else int(300 / budget)
    for pair in range(1, calm + after + 1):
        traffic = before if pair <= calm or times[1] is None else even(times[1] * budget)
        regret, size = traffic.pairs(random, len(highs))
        for capitals, first, alpha in (
            (trips, tripped, terms.error),
            (drifts, drifted, terms.error / 2),
        ):
            capitals.pair(regret, size)
            first[(first == 0) & capitals.reached(np.full(len(highs), enough(alpha)))] = pair
        if pair > calm and (tripped > 0).mean() > 0.6 and (drifted > 0).all():
            break  # The medians are known.
    _told(budget, times, calm, tripped, drifted)


def _told(
    budget: float, times: tuple[float, float | None], calm: int, tripped: Whole, drifted: Whole
) -> None:
    false = [(first > 0) & (first <= calm) for first in (tripped, drifted)]
    quiet = ~(false[0] | false[1])
    delays = [np.where(first > 0, first - calm, 0)[quiet] for first in (tripped, drifted)]
    medians = [median(each) if times[1] is not None else None for each in delays]
    line(
        f"{budget:.0%}",
        f"{times[0]:g} → {times[1]:g}" if times[1] is not None else f"{times[0]:g}, no change",
        str(calm),
        *(" of ".join((str(int(each.sum())), str(len(each)))) for each in false),
        *("" if each is None else f"{each:.0f}" for each in medians),
        "" if times[1] is None else f"{(delays[1] > 0).mean():.1%}",
    )


def often(happened: Flags) -> tuple[str, str]:
    """How often it did, with its exact interval."""
    low, high = exact_interval(int(happened.sum()), len(happened), 0.95)
    return f"{happened.mean():.2%}", f"{low:.2%} to {high:.2%}"


def head(title: str) -> None:
    print(f"\n{title}\n", flush=True)


def columns(*names: str) -> None:
    line(*names)
    line(*("---" for _ in names))


def line(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


TABLES: dict[str, Callable[[int], None]] = {
    "one": one_rule,
    "families": families,
    "mixed": mixed,
    "judged": judged,
    "shifts": shifts,
}


def main() -> None:
    made: Any = argparse.ArgumentParser(description=__doc__)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.add_argument("--streams", type=int, default=2_000, metavar="N")
    made.add_argument("--only", choices=TABLES, help="one of the tables")
    options = made.parse_args()
    with np.errstate(divide="ignore"):
        for name, table in TABLES.items():
            if options.only in (None, name):
                table(options.streams)


if __name__ == "__main__":
    main()
