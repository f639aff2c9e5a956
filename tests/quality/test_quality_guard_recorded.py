"""A transition comes back from its event as the standing that it led to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from stepdown.quality.correction import JudgeErrors
from stepdown.quality.evidence import Counts
from stepdown.quality.guard.recorded import GUARD, cause_of, recorded, standing_after
from stepdown.quality.guard.states import Standing, Transition
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.transitions import set_state, step
from stepdown.quality.records.events import GuardEvent, event_of, row_of
from support.pairs import NOON

TERMS = Terms(0.2, 0.05)
GOOD = Counts({0.05: (0, 30), 1.0: (1, 400)})


def certified(terms: Terms = TERMS) -> Transition:
    transition = step(Standing("k"), GOOD, terms)
    assert transition is not None
    return transition


def there_and_back(transition: Transition) -> GuardEvent:
    event = recorded(transition, 1, NOON, "auto", "easy")
    return event_of(row_of(event))


def test_what_is_kept_of_a_certificate() -> None:
    event = there_and_back(certified())
    assert (event.key, event.seq, event.time) == ("k", 1, NOON)
    assert (event.route, event.rule, event.who) == ("auto", "easy", GUARD)
    assert (event.from_state, event.to_state, event.epoch) == ("observing", "active", 1)
    assert cause_of(event) == "certified"
    assert event.evidence["shown"]["counts"] == {
        "by_propensity": {"0.05": [0, 30], "1.0": [1, 400]}
    }
    assert standing_after(event) == certified().after


@pytest.mark.parametrize(
    "terms",
    [
        structs.replace(TERMS, auto_promote=False),
        structs.replace(TERMS, probation=None, family=2),
        structs.replace(TERMS, budget=0.5, judge=JudgeErrors(2, 100, 3, 90)),
    ],
)
def test_certificates_of_all_terms(terms: Terms) -> None:
    transition = certified(terms)
    assert standing_after(there_and_back(transition)) == transition.after


def test_a_trip_and_what_comes_by_hand() -> None:
    tripped = step(Standing("k", "trusted"), Counts({1.0: (40, 40)}), TERMS)
    assert tripped is not None
    assert standing_after(there_and_back(tripped)) == tripped.after
    held = set_state(certified().after, "tripped", "I saw bad answers", "ann", NOON + 5)
    event = there_and_back(held)
    assert (event.who, event.time, event.why) == ("ann", NOON + 5, "I saw bad answers")
    assert standing_after(event) == held.after
    assert standing_after(event).held


@given(st.integers(1, 20), st.integers(1, 50), st.sampled_from(["observing", "trusted"]))
def test_epochs_and_stints(epoch: int, stint: int, state: Any) -> None:
    transition = Transition(Standing("k"), Standing("k", state, epoch, stint), "by hand", "")
    assert standing_after(there_and_back(transition)) == transition.after


def test_what_another_version_wrote() -> None:
    event = GuardEvent("k", 3, NOON, "auto", "easy", 2, "observing", "asleep")
    assert standing_after(event) == Standing("k", "observing", 2, 4)
    odd = structs.replace(event, to_state="active", evidence={"certificate": {"x": 1}, "stint": 9})
    assert standing_after(odd) == Standing("k", "active", 2, 9)
    assert cause_of(event) == ""
