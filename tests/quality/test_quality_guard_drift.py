"""A change after a long calm is noticed, and where there is none, hardly ever."""

import math
from importlib import import_module

import msgspec
import numpy as np
import pytest

from stepdown.quality.betting import ABOVE
from stepdown.quality.evidence import Counts, against_at_most
from stepdown.quality.guard.drift import Watch, drifted, watched
from stepdown.quality.guard.hypotheses import enough
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.transitions import set_state, step

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

LUCK = 1e-5
TERMS = Terms(0.05, 1.0)


def evenly(regrets: int, pairs: int) -> Counts:
    return Counts({1.0: (regrets, pairs)})


def active() -> Standing:
    transition = step(Standing("auto/short"), evenly(3, 400), TERMS)
    assert transition is not None
    return transition.after


def watch_of(standing: Standing, *blocks: Counts) -> Watch:
    watch = watched(standing, blocks, TERMS)
    assert watch is not None
    return watch


CALM = [evenly(1, 100)] * 30
BAD = [evenly(15, 100)] * 3


# ── What is watched ──────────────────────────────────────────────────────────────────────────


def test_it_is_a_mixture_over_when_the_change_came() -> None:
    blocks = [evenly(2, 40), evenly(0, 30), evenly(9, 50)]
    worth = 1.0 / 4.0
    for begins in range(3):
        for times, share in ABOVE:
            capital = share / ((begins + 1) * (begins + 2))
            for block in blocks[begins:]:
                regret = min(0.05 * times, 0.05 + 0.9 * 0.95)
                capital *= (regret / 0.05) ** block.regrets
                capital *= ((1 - regret) / 0.95) ** (block.pairs - block.regrets)
            worth += capital
    watch = Watch(0.05, 1.0)
    for block in blocks:
        watch = watch.after(block)
    assert watch.log_e() == pytest.approx(math.log(worth))


def test_it_begins_with_what_it_has() -> None:
    assert Watch(0.05, 1.0).log_e() == pytest.approx(0.0)
    assert Watch(0.05, 1.0).after(Counts()).log_e() == pytest.approx(0.0)


def test_the_first_block_is_bet_on_with_half() -> None:
    counts = Counts({0.5: (4, 30), 1.0: (2, 60)})
    half = (math.exp(against_at_most(counts, 0.05, 0.5)) + 1.0) / 2.0
    assert Watch(0.05, 0.5).after(counts).log_e() == pytest.approx(math.log(half))


def test_what_is_certified_is_held_to_its_certificate() -> None:
    standing = active()
    assert standing.certificate is not None
    assert watch_of(standing).limit == standing.certificate.high < 0.05


def test_what_is_trusted_is_held_to_its_budget() -> None:
    trusted = set_state(active(), "trusted", "we are sure", "ann", 1e9).after
    assert watch_of(trusted).limit == 0.05
    assert watch_of(Standing("k", "trusted")).limit == 0.05


def test_what_waits_to_be_promoted_is_watched_too() -> None:
    terms = msgspec.structs.replace(TERMS, auto_promote=False)
    transition = step(Standing("auto/short"), evenly(3, 400), terms)
    assert transition is not None
    assert drifted(transition.after, watch_of(transition.after, *CALM, *BAD), TERMS) is not None


@pytest.mark.parametrize("standing", [Standing("k"), Standing("k", "tripped")])
def test_what_is_not_certified_is_not_watched(standing: Standing) -> None:
    assert watched(standing, BAD, TERMS) is None
    assert drifted(standing, watch_of(active(), *BAD), TERMS) is None


def test_propensities_below_the_least_are_an_error() -> None:
    with pytest.raises(ValueError, match="propensity: expected"):
        watched(active(), [Counts({0.5: (0, 10)})], TERMS)


# ── What follows ─────────────────────────────────────────────────────────────────────────────


def test_a_change_after_a_long_calm() -> None:
    """All pairs together are still good: 75 of 3,300, which is 2.3 %."""
    standing = active()
    assert drifted(standing, watch_of(standing, *CALM), TERMS) is None
    assert step(standing, evenly(75, 3_300), TERMS) is None
    watch = watch_of(standing, *CALM, *BAD)
    transition = drifted(standing, watch, TERMS)
    assert transition is not None
    assert transition.after == Standing("auto/short", "observing", 2, 3)
    assert transition.cause == "drift"
    evidence = transition.evidence
    assert evidence is not None
    assert evidence.counts == evenly(45, 300)
    assert evidence.low < 0.15 < evidence.high
    assert evidence.limit == watch.limit
    assert evidence.alpha == pytest.approx(0.025)
    assert evidence.log_e == watch.log_e() >= enough(0.025)
    assert transition.why == (
        "drift: 45 regrets in the 300 pairs since it seems to have begun, where "
        f"{100 * watch.limit:.3g} % were to be expected at most"
    )


def test_it_may_be_looked_at_in_the_middle_of_a_block() -> None:
    standing = active()
    so_far = watch_of(standing, *CALM)
    assert drifted(standing, so_far.after(evenly(12, 40)), TERMS) is not None
    assert drifted(standing, so_far.after(evenly(1, 40)), TERMS) is None


def test_a_watch_survives_being_written_down() -> None:
    watch = watch_of(Standing("k", "trusted"), *CALM, *BAD)
    assert msgspec.json.decode(msgspec.json.encode(watch), type=Watch) == watch


# ── How often, and how soon ──────────────────────────────────────────────────────────────────


def alarms(rates: list[float], streams: int, limit: float, alpha: float) -> list[int | None]:
    """In which block of 50 pairs each stream has its alarm; a rate a block."""
    random = np.random.default_rng(80)
    found: list[int | None] = []
    for regrets in random.binomial(50, rates, (streams, len(rates))).tolist():
        watch, alarm = Watch(limit, 1.0), None
        for block, count in enumerate(regrets):
            watch = watch.after(evenly(count, 50))
            if watch.log_e() >= enough(alpha):
                alarm = block
                break
        found.append(alarm)
    return found


def test_false_alarms() -> None:
    """At the limit all the time, which is the worst that is no change."""
    false = sum(alarm is not None for alarm in alarms([0.1] * 120, 250, 0.1, 0.1))
    assert stats.binomtest(false, 250, 0.1, alternative="greater").pvalue > LUCK
    assert false > 0


def test_delay() -> None:
    """The evidence of 60 calm blocks does not hold up the alarm, as it does for the whole stint."""
    found = alarms([0.02] * 60 + [0.3] * 8, 100, 0.1, 0.025)
    assert all(alarm is not None and alarm >= 60 for alarm in found)
    assert np.median([alarm for alarm in found if alarm is not None]) <= 61
    whole = evenly(round(60 * 50 * 0.02 + 8 * 50 * 0.3), 68 * 50)
    assert against_at_most(whole, 0.1, 1.0) < 0.0
