"""What follows from pairs, from time and by hand; and what the guard promises, by simulation."""

from functools import lru_cache
from importlib import import_module

import msgspec
import numpy as np
import pytest

from stepdown.binomial import lower_tail
from stepdown.quality.correction import JudgeErrors
from stepdown.quality.evidence import Counts, bounds
from stepdown.quality.guard.states import Standing, Transition
from stepdown.quality.guard.terms import Probation, Terms
from stepdown.quality.guard.transitions import after_probation, set_state, step

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

LUCK = 1e-5
"""A simulation contradicts the promise where what it saw had a smaller probability."""
TERMS = Terms(0.02, 1.0)
WAITING = msgspec.structs.replace(TERMS, auto_promote=False)
NEW = Standing("auto/short")


def evenly(regrets: int, pairs: int) -> Counts:
    return Counts({1.0: (regrets, pairs)})


def certified(terms: Terms = TERMS) -> Transition:
    transition = step(NEW, evenly(0, 240), terms)
    assert transition is not None
    return transition


def tripped() -> Standing:
    transition = step(NEW, evenly(20, 100), TERMS)
    assert transition is not None
    return transition.after


def fewest(standing: Standing, terms: Terms) -> int:
    """The pairs without a regret that certify."""
    pairs = 1
    while step(standing, evenly(0, pairs), terms) is None:
        pairs += 1
    return pairs


# ── Observing ────────────────────────────────────────────────────────────────────────────────


def test_what_regrets_nothing_is_certified_within_240_pairs() -> None:
    """At a budget of 2 % and 95 %, half of the error being kept for later epochs."""
    assert fewest(NEW, TERMS) == 235


def test_certification() -> None:
    transition = certified()
    assert (transition.before, transition.cause) == (NEW, "certified")
    after = transition.after
    assert (after.key, after.state, after.epoch, after.stint) == ("auto/short", "active", 1, 2)
    evidence = transition.evidence
    assert evidence is not None
    assert after.certificate == evidence
    assert (evidence.counts, evidence.terms) == (evenly(0, 240), TERMS)
    assert evidence.limit == 0.02
    assert evidence.alpha == pytest.approx(0.025)
    assert (evidence.low, evidence.high) == bounds(evenly(0, 240), 0.95, 1.0)
    assert evidence.high < 0.02
    assert transition.why == ("regret below the budget of 2 %: 0 of 240 pairs, 0 % to 1.95 %")


def test_too_little_is_known() -> None:
    assert step(NEW, Counts(), TERMS) is None
    assert step(NEW, evenly(0, 234), TERMS) is None
    assert step(NEW, evenly(2, 100), TERMS) is None


def test_without_promotion_it_waits_to_be_promoted() -> None:
    waiting = certified(WAITING).after
    assert (waiting.state, waiting.epoch, waiting.stint) == ("observing", 1, 2)
    assert waiting.certificate is not None
    assert step(waiting, evenly(0, 1_000), WAITING) is None
    promoted = set_state(waiting, "active", "as good as we hoped", "ann", 1e9)
    assert promoted.after.state == "active"
    assert promoted.after.certificate == promoted.evidence == waiting.certificate


def test_what_waits_is_promoted_once_the_terms_say_so() -> None:
    waiting = certified(WAITING).after
    transition = step(waiting, evenly(0, 1), TERMS)
    assert transition is not None
    assert (transition.cause, transition.after.state) == ("promoted", "active")
    assert transition.after.certificate == waiting.certificate


def test_what_is_shown_above_its_budget_trips() -> None:
    transition = step(NEW, evenly(10, 100), TERMS)
    assert transition is not None
    after = transition.after
    assert (transition.cause, after.state, after.epoch) == ("above budget", "tripped", 1)
    evidence = transition.evidence
    assert evidence is not None
    assert evidence.low > 0.02
    assert evidence.alpha == pytest.approx(0.05)
    assert transition.why.startswith("regret above the budget of 2 %: 10 of 100 pairs, ")


def test_the_error_is_split_over_the_family() -> None:
    alone, ten = fewest(NEW, TERMS), fewest(NEW, msgspec.structs.replace(TERMS, family=10))
    assert alone + 110 < ten < alone + 130


def test_propensities_below_the_least_are_an_error() -> None:
    with pytest.raises(ValueError, match="propensity: expected"):
        step(NEW, Counts({0.5: (0, 10)}), TERMS)


# ── Active and trusted ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", ["active", "trusted"])
def test_it_saves_until_shown_bad(state: str) -> None:
    standing = Standing("auto/short", "trusted") if state == "trusted" else certified().after
    assert standing.state == state
    assert step(standing, evenly(0, 10_000), TERMS) is None
    assert step(standing, evenly(3, 100), TERMS) is None
    transition = step(standing, evenly(10, 100), TERMS)
    assert transition is not None
    assert (transition.after.state, transition.after.certificate) == ("tripped", None)
    assert transition.after.stint == standing.stint + 1


def test_what_waits_trips_as_well() -> None:
    transition = step(certified(WAITING).after, evenly(10, 100), WAITING)
    assert transition is not None
    assert transition.after.state == "tripped"


@pytest.mark.parametrize("changes", [{"budget": 0.01}, {"confidence": 0.999}])
def test_stricter_terms_undo_a_certificate(changes: dict[str, float]) -> None:
    stricter = msgspec.structs.replace(TERMS, **changes)
    transition = step(certified().after, Counts(), stricter)
    assert transition is not None
    assert transition.cause == "other terms"
    assert transition.after == Standing("auto/short", "observing", 2, 3)
    assert transition.evidence == certified().evidence
    trusted = set_state(certified().after, "trusted", "never mind", "ann", 1e9).after
    assert step(trusted, Counts(), stricter) is None


@pytest.mark.parametrize(
    "changes", [{"budget": 0.0198}, {"budget": 0.5, "confidence": 0.9}, {"family": 9}]
)
def test_terms_that_a_certificate_does_for(changes: dict[str, float]) -> None:
    assert step(certified().after, Counts(), msgspec.structs.replace(TERMS, **changes)) is None


def test_a_certificate_is_tested_with_the_propensity_it_came_by() -> None:
    """It was observed at 20 % and is shadowed at 2 %."""
    transition = step(NEW, Counts({0.2: (0, 240)}), Terms(0.02, 0.2))
    assert transition is not None
    counts = Counts({0.02: (0, 10)})
    assert step(transition.after, counts, Terms(0.0198, 0.02)) is None
    assert step(transition.after, counts, Terms(0.019, 0.02)) is not None


# ── Tripped ──────────────────────────────────────────────────────────────────────────────────


def test_probation() -> None:
    terms = Terms(0.02, 1.0, probation=Probation(requests=1_000))
    assert step(tripped(), evenly(0, 10_000), terms) is None
    assert after_probation(tripped(), terms, requests=999, seconds=1e9) is None
    transition = after_probation(tripped(), terms, requests=1_000, seconds=5.0)
    assert transition is not None
    assert (transition.cause, transition.before) == ("probation over", tripped())
    assert transition.after == Standing("auto/short", "observing", 2, 3)
    assert transition.why == "probation is over, after 1000 requests and 5 seconds"


def test_the_evidence_needed_doubles() -> None:
    first = step(NEW, evenly(0, 1_000), TERMS)
    second = step(Standing("auto/short", epoch=2), evenly(0, 1_000), TERMS)
    assert first is not None
    assert second is not None
    assert first.evidence is not None
    assert second.evidence is not None
    assert second.evidence.alpha == first.evidence.alpha / 2
    assert 30 < fewest(Standing("auto/short", epoch=2), TERMS) - fewest(NEW, TERMS) < 40


def test_what_is_told_to_stays_tripped() -> None:
    never = Terms(0.02, 1.0, probation=None)
    assert after_probation(tripped(), never, requests=10**9, seconds=1e9) is None
    by_hand = set_state(certified().after, "tripped", "we do not like it", "ann", 1e9).after
    assert by_hand.held
    assert after_probation(by_hand, TERMS, requests=10**9, seconds=1e9) is None


@pytest.mark.parametrize("standing", [NEW, Standing("auto/short", "trusted")])
def test_only_what_tripped_has_a_probation(standing: Standing) -> None:
    assert after_probation(standing, TERMS, requests=10**9, seconds=1e9) is None


# ── By hand ──────────────────────────────────────────────────────────────────────────────────


def test_by_hand() -> None:
    transition = set_state(tripped(), "trusted", "the judge was wrong", "ann", 1_700_000_000.5)
    assert transition.after == Standing("auto/short", "trusted", 1, 3)
    assert transition.cause == "by hand"
    assert (transition.who, transition.at) == ("ann", 1_700_000_000.5)
    assert transition.why == "the judge was wrong"


def test_to_observe_again_is_another_attempt() -> None:
    for standing in (NEW, tripped(), certified().after, Standing("auto/short", "trusted")):
        after = set_state(standing, "observing", "let us see", "ann", 1e9).after
        assert after == Standing("auto/short", "observing", 2, standing.stint + 1)


def test_trust_keeps_the_certificate() -> None:
    active = certified().after
    trusted = set_state(active, "trusted", "we are sure", "ann", 1e9).after
    assert trusted.certificate == active.certificate
    assert set_state(trusted, "active", "not that sure", "ann", 1e9).after.state == "active"


def test_a_trip_can_be_held_by_hand() -> None:
    held = set_state(tripped(), "tripped", "for good", "ann", 1e9).after
    assert held.held
    assert set_state(held, "trusted", "after all", "ann", 1e9).after.held is False


@pytest.mark.parametrize(
    ("standing", "state", "why", "message"),
    [
        (NEW, "active", "now", "auto/short is not certified: set it to trusted, or let it observe"),
        (Standing("k", "trusted"), "trusted", "now", "k is trusted already"),
        (Standing("k", "tripped", held=True), "tripped", "now", "k is tripped already"),
        (NEW, "trusted", " ", "why: expected why auto/short becomes trusted, got nothing"),
        (NEW, "trustd", "now", "there is no state 'trustd'. Did you mean 'trusted'?"),
    ],
)
def test_what_cannot_be_set(standing: Standing, state: str, why: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        set_state(standing, state, why, "ann", 1e9)
    assert str(raised.value) == message


# ── The promise ──────────────────────────────────────────────────────────────────────────────

LONGEST = 400
PROMISE = Terms(0.2, 1.0, confidence=0.8, family=3, probation=Probation())


@lru_cache(None)
def stepped(standing: Standing, regrets: int, pairs: int) -> Standing | None:
    """What follows, tripped things trying again at once. The certificate is left out."""
    transition = step(standing, evenly(regrets, pairs), PROMISE)
    if transition is None:
        return None
    after = msgspec.structs.replace(transition.after, certificate=None)
    again = after_probation(after, PROMISE, requests=0, seconds=0.0)
    return after if again is None else again.after


def certified_in(pairs: list[bool]) -> int:
    """The epoch in which this stream, looked at after every pair, is certified; 0 for never."""
    standing, counted, regrets = NEW, 0, 0
    for regret in pairs:
        counted += 1
        regrets += regret
        after = stepped(standing, regrets, counted)
        if after is None:
            continue
        if after.state == "active":
            return after.epoch
        standing, counted, regrets = after, 0, 0
    return 0


@lru_cache(None)
def shown_by_a_test_for_one_look(regrets: int, pairs: int) -> bool:
    return lower_tail(regrets, pairs, PROMISE.budget) <= PROMISE.error


@pytest.mark.parametrize("times", [(1.0, 1.0, 1.0), (1.0, 1.15, 1.5)])
def test_no_more_bad_ones_are_ever_certified_than_promised(times: tuple[float, ...]) -> None:
    """Three on a route, all at the budget or above, over all their epochs."""
    random, routes = np.random.default_rng(70), 500
    epochs = [
        [certified_in((random.random(LONGEST) < each * PROMISE.budget).tolist()) for each in times]
        for _ in range(routes)
    ]
    wrong = sum(any(route) for route in epochs)
    assert stats.binomtest(wrong, routes, 0.2, alternative="greater").pvalue > LUCK
    assert wrong > 0


def test_good_ones_are_certified_in_every_epoch() -> None:
    random = np.random.default_rng(71)
    streams = (random.random((200, LONGEST)) < 0.5 * PROMISE.budget).tolist()
    assert sum(map(bool, map(certified_in, streams))) > 190


def test_the_simulation_would_notice() -> None:
    """A test for one look, at the same error, is wrong far too often when it looks so often."""
    random, routes = np.random.default_rng(70), 100
    streams = (random.random((routes, 3, LONGEST)) < PROMISE.budget).cumsum(axis=2).tolist()
    wrong = sum(
        any(
            shown_by_a_test_for_one_look(regrets, pairs)
            for stream in route
            for pairs, regrets in enumerate(stream, 1)
        )
        for route in streams
    )
    assert stats.binomtest(wrong, routes, 0.2, alternative="greater").pvalue < LUCK


def test_bad_ones_trip_and_good_ones_hardly_do() -> None:
    random, active = np.random.default_rng(72), Standing("k", "trusted")

    def trips(rate: float) -> int:
        found = 0
        for regrets in (random.random((300, 300)) < rate).cumsum(axis=1).tolist():
            found += any(stepped(active, now, at) for at, now in enumerate(regrets, 1))
        return found

    assert stats.binomtest(trips(0.2), 300, PROMISE.error, alternative="greater").pvalue > LUCK
    assert trips(0.4) > 295


def test_the_promise_with_a_judge_that_errs() -> None:
    """It misses a third of the regrets. Believed, it would have what is at the budget certified."""
    random, streams, said = np.random.default_rng(73), 150, 0.2 * 2 / 3
    wrong = believed = 0
    for missed in random.binomial(300, 1 / 3, streams).tolist():
        terms = msgspec.structs.replace(
            PROMISE, judge=JudgeErrors(0, 300, missed, 300), probation=None
        )
        regrets = (random.random(LONGEST) < said).cumsum().tolist()
        looks = [(now, at) for at, now in enumerate(regrets, 1) if at % 20 == 0]
        wrong += any(step(NEW, evenly(*look), terms) for look in looks)
        believed += any(stepped(NEW, *look) for look in looks)
    assert stats.binomtest(wrong, streams, PROMISE.error, alternative="greater").pvalue > LUCK
    assert believed > streams / 2
