"""How a name finds its group: aliases, exact names, patterns."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stepdown.providers.cooldown import CooldownRules
from stepdown.providers.groups import Catalogue, build_group
from stepdown.providers.member import Member
from support.fleets import deployment

NAMES = ("openai/*", "openai/gpt-*", "*", "a*b*c", "gpt-4o", "openai/gpt-4o")


def catalogue(*names: str, **aliases: str) -> Catalogue:
    def member(name: str) -> Member:
        made = deployment(name, name)
        return Member(made, CooldownRules(), alone=True, counts_tokens=False)

    return Catalogue([build_group(name, [member(name)]) for name in names], aliases)


def found(made: Catalogue, name: str) -> tuple[str, str, tuple[str, ...] | None] | None:
    served = made.find(name)
    return None if served is None else (served.name, served.group.name, served.matched)


def test_exact_names_go_before_patterns_and_longer_patterns_before_shorter() -> None:
    made = catalogue(*NAMES)
    assert found(made, "openai/gpt-4o") == ("openai/gpt-4o", "openai/gpt-4o", None)
    assert found(made, "openai/gpt-5") == ("openai/gpt-5", "openai/gpt-*", ("5",))
    assert found(made, "openai/o3") == ("openai/o3", "openai/*", ("o3",))
    assert found(made, "a1b2c") == ("a1b2c", "a*b*c", ("1", "2"))
    assert found(made, "grok") == ("grok", "*", ("grok",))


def test_an_alias_goes_before_a_model_of_the_same_name() -> None:
    made = catalogue("gpt-4o", "cheap", nick="gpt-4o", cheap="gpt-4o", star="openai/o3")
    assert found(made, "nick") == ("gpt-4o", "gpt-4o", None)
    assert found(made, "cheap") == ("gpt-4o", "gpt-4o", None)
    assert found(made, "star") is None
    assert made.names == ["gpt-4o", "cheap", "nick", "star"]


def test_only_stars_are_special_in_a_pattern() -> None:
    made = catalogue("v1.5/*")
    assert found(made, "v1.5/x") is not None
    assert found(made, "v1x5/x") is None
    assert found(made, "xv1.5/x") is None


@given(st.text(max_size=20))
def test_what_the_star_matched_and_the_rest_make_up_the_name(name: str) -> None:
    served = catalogue("a*", "*").find(name)
    assert served is not None
    assert served.matched is not None
    assert served.group.name.replace("*", served.matched[0], 1) == name


def test_the_smallest_known_window_and_the_order_are_noted() -> None:
    def members(*settings: dict[str, Any]) -> list[Member]:
        return [
            Member(deployment("a", **one), CooldownRules(), alone=False, counts_tokens=False)
            for one in settings
        ]

    known = build_group("m", members({"max_input_tokens": 9}, {}, {"max_input_tokens": 7}))
    assert (known.smallest_window, known.ordered) == (7, False)
    ordered = build_group("m", members({"order": 1}, {}))
    assert (ordered.smallest_window, ordered.ordered) == (None, True)
