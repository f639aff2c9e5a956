"""The nouns of the guard survive being written down."""

import msgspec

from stepdown.quality.correction import JudgeErrors
from stepdown.quality.evidence import Counts
from stepdown.quality.guard.states import STATES, Standing, Transition
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.transitions import set_state, step


def test_a_new_standing_observes() -> None:
    assert Standing("auto/short") == Standing("auto/short", STATES[0], 1, 1, None, False)


def test_transitions_survive_json() -> None:
    terms = Terms(0.02, 0.2, judge=JudgeErrors(1, 4_000, 2, 1_000))
    certified = step(Standing("auto/short"), Counts({0.2: (0, 400), 0.5: (0, 9)}), terms)
    assert certified is not None
    by_hand = set_state(certified.after, "trusted", "it has always been good", "ann", 1e9)
    for transition in (certified, by_hand):
        assert msgspec.json.decode(msgspec.json.encode(transition), type=Transition) == transition
