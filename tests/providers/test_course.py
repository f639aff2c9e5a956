"""One request's tries with one model: who is ready, who is not asked again, when it closes."""

from stepdown.errors import UpstreamDenied, UpstreamFailed, UpstreamRefused
from stepdown.providers.cooldown import CooldownRules
from stepdown.providers.course import Course, fitting
from stepdown.providers.demand import Demand
from stepdown.providers.deployment import Deployment
from stepdown.providers.groups import Served, build_group
from stepdown.providers.member import Member
from stepdown.providers.retry import RetryRules
from support.fleets import deployment, request, stated

DEMAND = Demand(request("word " * 2000), strict=False)
RULES = RetryRules(num_retries=2)


def course(*deployments: Deployment) -> Course:
    members = [
        Member(made, CooldownRules(), alone=False, counts_tokens=False) for made in deployments
    ]
    served = Served("m", build_group("m", members))
    return Course("m", served, fitting(served, DEMAND))


def ids(made: Course) -> list[str]:
    return [member.deployment.id for member in made.ready(0.0, DEMAND)]


def test_those_not_asked_yet_are_ready_first_then_all() -> None:
    made = course(deployment("a"), deployment("b"))
    made.failed(made.members[0], UpstreamFailed("no"), RULES)
    assert ids(made) == ["b"]
    made.failed(made.members[1], UpstreamFailed("no"), RULES)
    assert ids(made) == ["a", "b"]
    assert made.open
    made.failed(made.members[1], UpstreamFailed("no"), RULES)
    assert not made.open
    assert made.pause(0.0, DEMAND) == float("inf")


def test_the_misconfigured_are_not_asked_again() -> None:
    made = course(deployment("a"), deployment("b"))
    made.failed(made.members[0], UpstreamDenied("key"), RULES)
    made.failed(made.members[1], stated(UpstreamRefused, upstream_status=404), RULES)
    assert ids(made) == []
    assert made.pause(0.0, DEMAND) == float("inf")


def test_only_the_lowest_order_is_ready() -> None:
    made = course(deployment("a", order=2), deployment("b", order=1), deployment("c", order=1))
    assert ids(made) == ["b", "c"]


def test_windows_too_small_are_left_out() -> None:
    made = course(
        deployment("a", max_input_tokens=500),
        deployment("b"),
        deployment("c", max_input_tokens=9000),
    )
    assert ids(made) == ["b", "c"]


def test_nobody_is_ready_before_the_course_resumes() -> None:
    made = course(deployment("a"))
    made.resume_at = 5.0
    assert ids(made) == []
    assert made.pause(0.0, DEMAND) == 5.0
