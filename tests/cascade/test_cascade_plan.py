"""What a cascade applies to, and where a request that no rule claims begins."""

import pytest

from stepdown.cascade.plan import UNHURRIED, Cascade, Cascades, Patience
from stepdown.cascade.validators.base import Base
from stepdown.types import Choice, Decision, Message, Prompt, Request

HURRIED = Patience(total=1.0)


class Checks(Base):
    name = "checks"

    def __init__(self, *, applies: bool = True, vouches: bool = True) -> None:
        self.applicable = applies
        self.vouches = vouches

    def applies(self, request: Request) -> bool:
        return self.applicable

    def check(self, choice: Choice, request: Request) -> str | None:
        return None


def asked(**headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("1", Prompt("auto", [Message("user", "?")]), {}, headers=named)


def decided(name: str) -> Decision:
    return Decision(name, "cheap")


def test_the_routes_cascade_is_for_every_decision_and_a_rules_own_stands_in_its_place() -> None:
    general, own = Cascade((Checks(),)), Cascade((Checks(),), early_drop=False)
    cascades = Cascades(general, {"small": own, "faq": None})
    assert cascades.of(asked(), decided("session")) is general
    assert cascades.of(asked(), decided("small")) is own
    assert cascades.of(asked(), decided("faq")) is None


def test_without_a_check_that_applies_there_is_no_cascade() -> None:
    cascades = Cascades(Cascade((Checks(applies=False),)))
    assert cascades.of(asked(), decided("small")) is None


def test_a_batch_caller_waits_for_ever() -> None:
    cascades = Cascades(Cascade((Checks(),), patience=HURRIED))
    for mode, patience in (("batch", UNHURRIED), ("other", HURRIED)):
        cascade = cascades.of(asked(x_stepdown_mode=mode), decided("small"))
        assert cascade is not None
        assert cascade.patience == patience


@pytest.mark.parametrize(
    ("cascade", "begins"),
    [
        (None, False),
        (Cascade((Checks(),)), True),
        (Cascade((Checks(),), start="decided"), False),
        (Cascade((Checks(applies=False),)), False),
        (Cascade((Checks(vouches=False),)), False),
        (Cascade((Checks(vouches=False), Checks())), True),
    ],
)
def test_a_request_begins_cheap_where_a_check_vouches_for_the_answer(
    cascade: Cascade | None, begins: bool
) -> None:
    assert Cascades(cascade).begins_cheap(asked()) is begins


def test_a_check_that_cannot_tell_whether_it_applies_counts_and_vouches_for_nothing() -> None:
    class Breaks(Checks):
        def applies(self, request: Request) -> bool:
            raise ValueError("cannot say")

    cascade = Cascade((Breaks(),))
    assert cascade.checks(asked())
    assert not cascade.vouches(asked())
    assert Cascade((Breaks(), Checks())).vouches(asked())
