"""A ward: where it begins, and on which terms its pairs are tested."""

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.wards import Ward

WARD = Ward("k", "auto", "easy", Terms(0.02, 0.05), observed=0.5)


def test_where_it_begins() -> None:
    assert WARD.beginning() == Standing("k")
    trusted = Ward("k", "auto", "easy", WARD.terms, 0.5, trusted=True)
    assert trusted.beginning() == Standing("k", "trusted")


def test_what_is_observed_is_sampled_otherwise() -> None:
    nothing = Counts()
    assert WARD.terms_in("observing", nothing).least == 0.5
    for state in ("active", "trusted", "tripped"):
        assert WARD.terms_in(state, nothing) == WARD.terms


def test_pairs_that_were_sampled_with_less_keep_it_down() -> None:
    """The rate was raised in the middle of a stint."""
    counts = Counts({0.01: (0, 3), 0.5: (1, 2)})
    terms = WARD.terms_in("observing", counts)
    assert terms.least == 0.01
    assert counts.sizes(terms.least)
