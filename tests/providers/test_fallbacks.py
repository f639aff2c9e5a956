"""Which models follow one that failed, by the kind of the failure and the names in the lists."""

import pytest

from stepdown.errors import (
    ContentRefused,
    ContextWindowExceeded,
    UpstreamError,
    UpstreamFailed,
)
from stepdown.providers.cooldown import CooldownRules
from stepdown.providers.course import Course
from stepdown.providers.fallbacks import fallbacks
from stepdown.providers.groups import Served, build_group
from stepdown.providers.member import Member
from stepdown.providers.settings import FleetSettings
from support.fleets import deployment

SETTINGS = FleetSettings(
    fallbacks={"m": ["plain"], "openai/*": ["pattern"], "*": ["any"]},
    context_window_fallbacks={"m": ["large"]},
    content_policy_fallbacks={"m": ["bold"]},
    default_fallbacks=["last"],
)


def course(
    asked: str, name: str = "", group: str = "", failure: UpstreamError | None = None
) -> Course:
    made = deployment("a", group or name or asked)
    member = Member(made, CooldownRules(), alone=True, counts_tokens=False)
    served = Served(name or asked, build_group(made.model, [member]))
    return Course(asked, served, [member], failure=failure)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (None, ["plain", "last"]),
        (UpstreamFailed("no"), ["plain", "last"]),
        (ContextWindowExceeded("long"), ["large", "last"]),
        (ContentRefused("no"), ["bold", "last"]),
    ],
)
def test_by_the_failure(failure: UpstreamError | None, expected: list[str]) -> None:
    assert fallbacks(SETTINGS, course("m", failure=failure)) == expected


def test_a_prompt_that_fits_nobody_is_one_too_long() -> None:
    made = course("m")
    made.members = []
    assert fallbacks(SETTINGS, made) == ["large", "last"]


def test_by_the_name_asked_the_models_own_its_pattern_or_the_star() -> None:
    assert fallbacks(SETTINGS, course("nick", "m")) == ["plain", "last"]
    assert fallbacks(SETTINGS, course("openai/x", "openai/x", "openai/*")) == ["pattern", "last"]
    assert fallbacks(SETTINGS, course("other")) == ["any", "last"]


def test_a_special_kind_without_a_list_of_its_own_takes_the_general_one() -> None:
    made = course("other", failure=ContextWindowExceeded("long"))
    assert fallbacks(SETTINGS, made) == ["any", "last"]


def test_nothing_follows_where_nothing_is_configured() -> None:
    assert fallbacks(FleetSettings(), course("m", failure=UpstreamFailed("no"))) == []
