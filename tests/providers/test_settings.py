"""What can be wrong with the fleet's settings is told with its path and the nearest name."""

import pytest

from stepdown.providers.settings import FleetSettings, problems

MODELS = ["gpt-4o", "gpt-4o-mini"]


def found(**settings: object) -> list[str]:
    return problems(FleetSettings(**settings), MODELS, MODELS.__contains__)  # type: ignore[arg-type]


def test_the_defaults_are_litellms() -> None:
    assert found() == []
    assert FleetSettings().num_retries == 2
    assert FleetSettings().cooldown_time == 5.0
    assert FleetSettings().strategy == "simple-shuffle"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"strategy": "lest-busy"}, ("routing_strategy: expected one of", "'least-busy'")),
        ({"num_retries": -1}, ("num_retries: expected", "got -1")),
        ({"deadline": 0.0}, ("timeout: expected seconds", "got 0.0")),
        ({"cooldown_time": float("nan")}, ("cooldown_time: expected", "got nan")),
        (
            {"retry_policy": {"TimeoutErrorRetry": 1}},
            ("retry_policy.TimeoutErrorRetry:", "Did you mean 'TimeoutErrorRetries'"),
        ),
        ({"retry_policy": {"DefaultRetries": -2}}, ("retry_policy.DefaultRetries:", "got -2")),
        (
            {"allowed_fails_policy": {"RateLimitErrorRetries": 1}},
            ("allowed_fails_policy.RateLimitErrorRetries:", "AllowedFails"),
        ),
        ({"aliases": {"x": "gpt-4"}}, ("model_group_alias.x:", "got 'gpt-4'", "'gpt-4o'")),
        ({"fallbacks": {"*": ["gpt-4o", "gtp-4o"]}}, ("fallbacks.*[1]:", "'gpt-4o'")),
        ({"context_window_fallbacks": {"gpt-4o": ["x"]}}, ("context_window_fallbacks.gpt-4o[0]:",)),
        ({"content_policy_fallbacks": {"gpt-4o": ["x"]}}, ("content_policy_fallbacks.gpt-4o[0]:",)),
        ({"default_fallbacks": ["x"]}, ("default_fallbacks[0]:", "got 'x'")),
    ],
)
def test_each_problem_is_one_line(settings: dict[str, object], words: tuple[str, ...]) -> None:
    (line,) = found(**settings)
    for word in words:
        assert word in line
