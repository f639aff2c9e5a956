"""What a series shows: nothing where nothing moved, and which of its models moved where one did."""

from collections.abc import Callable, Sequence
from random import Random

import pytest
from msgspec import structs

from stepdown.evals.drift import Flag, Look, is_above, look
from stepdown.evals.history import Outcome, Run, Series
from stepdown.quality.intervals import exact_interval
from support.eval_series import DAY, DIGEST, LADDER, NOON

SERIES = Series("auto", DIGEST, 0.1, "0123456789ab", LADDER)
ITEMS = [f"item-{n}" for n in range(150)]
Rates = Callable[[int], tuple[float, float]]
"""The share that the cheap and the strong model get right, by the run."""


def make_run(number: int, scores: Sequence[tuple[float | None, float | None]]) -> Run:
    """Every item is sent down."""
    outcomes = [
        Outcome(item, None if None in pair else _lead(pair) > 0.1, pair)
        for item, pair in zip(ITEMS, scores, strict=False)
    ]
    regretted = [each.regretted for each in outcomes if each.regretted is not None]
    at = NOON + number * DAY
    counts = len(outcomes), len(outcomes), len(regretted), sum(regretted)
    return Run(
        number + 1,
        SERIES,
        at,
        float(at),
        "prompts.jsonl",
        0.95,
        *counts,
        len(outcomes) - len(regretted),
        cost=None,
        reference_cost=None,
        means={},
        outcomes=tuple(outcomes),
    )


def _lead(pair: tuple[float | None, float | None]) -> float:
    served, reference = pair
    assert served is not None
    assert reference is not None
    return reference - served


def simulated(count: int, rates: Rates, seed: int) -> list[Run]:
    """Runs of items that differ in how hard they are, each model drawing anew in every run."""
    random = Random(seed)
    hard = [random.gauss(0, 0.15) for _ in ITEMS]
    runs: list[Run] = []
    for number in range(count):
        right = rates(number)
        drawn = [tuple(float(random.random() < rate - each) for rate in right) for each in hard]
        runs.append(make_run(number, [(cheap, strong) for cheap, strong in drawn]))
    return runs


def looks(runs: list[Run]) -> list[Look]:
    """A look after each run."""
    return [look(runs[: count + 1]) for count in range(len(runs))]


def test_the_latest_regret_with_its_interval() -> None:
    found = look([make_run(0, [(0.0, 1.0)] * 3 + [(1.0, 1.0)] * 37 + [(None, 1.0)])])
    regret = found.latest.regret
    assert (regret.events, regret.trials) == (3, 40)
    assert (regret.low, regret.high) == exact_interval(3, 40, 0.95)
    assert (found.flags, found.alarms) == ((), ())


def test_where_nothing_moves_a_flag_is_as_seldom_as_said() -> None:
    """The error is 5 % over all looks of a series; an exact test spends less of it."""
    series = 100
    flagged = sum(
        any(each.flags for each in looks(simulated(8, lambda _: (0.8, 0.9), seed)))
        for seed in range(series)
    )
    assert flagged <= 0.05 * series


def test_a_cheap_model_that_gets_worse() -> None:
    runs = simulated(12, lambda number: (0.8 if number < 6 else 0.62, 0.9), 4)
    found = looks(runs)
    assert not any(each.flags for each in found[:6])
    by_name = {flag.model: flag for flag in found[-1].flags}
    assert by_name.keys() == {None, "gpt-4o-mini"}
    assert {flag.run for flag in by_name.values()} <= {6, 7, 8}
    assert by_name[None].after > by_name[None].before
    assert by_name["gpt-4o-mini"].after < by_name["gpt-4o-mini"].before


def test_a_strong_model_that_gets_worse_shows_although_regret_falls() -> None:
    runs = simulated(12, lambda number: (0.8, 0.92 if number < 6 else 0.72), 5)
    by_name = {flag.model: flag for flag in look(runs).flags}
    assert by_name["gpt-4o"].after < by_name["gpt-4o"].before
    assert "gpt-4o-mini" not in by_name
    assert None not in by_name or by_name[None].after < by_name[None].before


def test_an_outage_is_no_drift() -> None:
    """Rows without an answer are missing, and were not wrong."""
    runs = simulated(8, lambda _: (0.8, 0.9), 6)
    runs[5] = make_run(5, [(None, each.scores[1]) for each in runs[5].outcomes[:100]])
    assert look(runs).flags == ()
    assert look(runs[:6]).latest.regret.value is None


@pytest.mark.parametrize(
    ("flag", "line"),
    [
        (
            Flag(None, 7, float(NOON), 0.012, 0.04, 1e-6),
            "regret rose from 1.2 % to 4.0 % from run 7 (2026-11-25) on",
        ),
        (
            Flag("gpt-4o", 3, float(NOON), 0.91, 0.84, 1e-6),
            "gpt-4o's share of right answers fell from 91.0 % to 84.0 % from run 3 (2026-11-25) on",
        ),
    ],
)
def test_a_flag_in_words(flag: Flag, line: str) -> None:
    assert flag.line == line


def test_regret_above_a_limit() -> None:
    run = make_run(0, [(0.0, 1.0)] * 20 + [(1.0, 1.0)] * 80)
    assert look([run], 0.1).alarms == ("regret is above 10.0 %: 20 of 100 scored downgrades",)
    assert look([run], 0.15).alarms == ()
    assert look([run]).alarms == ()


def test_a_later_look_needs_more_to_call_a_limit_broken() -> None:
    run = make_run(0, [(0.0, 1.0)] * 18 + [(1.0, 1.0)] * 82)
    called = [is_above(run, 0.1, count) for count in range(1, 9)]
    assert called[0]
    assert called == sorted(called, reverse=True)
    assert not called[-1]


def test_nothing_is_above_a_limit_where_nothing_went_down() -> None:
    kept = structs.replace(make_run(0, [(1.0, 1.0)] * 9), down=0, scored=0, regrets=0)
    assert not is_above(kept, 0.0, 1)


def test_a_limit_of_nothing_is_broken_by_one_regret() -> None:
    assert is_above(make_run(0, [(0.0, 1.0)]), 0.0, 1)
