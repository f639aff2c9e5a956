"""Names lead somewhere: ladders, fallbacks, aliases; ids are unique."""

from typing import Any

import pytest

from support.documents import entry, problems, read

MINI, STRONG = entry("gpt-4o-mini", api_key="k"), entry("gpt-4o", api_key="k")
BEDROCK = entry("claude", model="bedrock/anthropic.claude")


@pytest.mark.parametrize(
    ("sections", "path"),
    [
        ({"routes": {"auto": {"ladder": ["gpt-4o-mni", "gpt-4o"]}}}, "routes.auto.ladder[0]"),
        (
            {"router_settings": {"fallbacks": [{"gpt-4o": ["gpt-4o-mni"]}]}},
            "router_settings.fallbacks.gpt-4o[0]",
        ),
        (
            {"litellm_settings": {"context_window_fallbacks": [{"*": ["gpt-4o-mni"]}]}},
            "litellm_settings.context_window_fallbacks.*[0]",
        ),
        (
            {"litellm_settings": {"default_fallbacks": ["gpt-4o", "gpt-4o-mni"]}},
            "litellm_settings.default_fallbacks[1]",
        ),
        (
            {"router_settings": {"model_group_alias": {"mini": "gpt-4o-mni"}}},
            "router_settings.model_group_alias.mini",
        ),
    ],
)
def test_names_that_lead_nowhere(sections: dict[str, Any], path: str) -> None:
    [problem] = problems(MINI, STRONG, **sections)
    assert problem.startswith(f"{path}: expected a model of model_list, got 'gpt-4o-mni'.")
    assert "Did you mean 'gpt-4o-mini'" in problem


def test_a_deployment_that_was_left_out_explains_the_error() -> None:
    [problem] = problems(MINI, BEDROCK, routes={"auto": {"ladder": ["gpt-4o-mini", "claude"]}})
    assert problem == (
        "routes.auto.ladder[1]: expected a model of model_list, got 'claude'. "
        "Its deployment was left out: the provider 'bedrock' does not speak OpenAI's chat dialect."
    )


def test_without_that_reference_the_rest_starts() -> None:
    config = read(MINI, BEDROCK)
    assert config.models() == ["gpt-4o-mini"]
    assert [note.what for note in config.notes] == ["left out"]


def test_a_file_without_a_model_that_can_be_served() -> None:
    found = problems(BEDROCK)
    assert found[0] == "model_list: expected at least one model that can be served, got none"
    assert "bedrock" in found[1]


def test_aliases_and_patterns_are_served() -> None:
    read(
        entry("openai/*", model="openai/*", api_key="k"),
        STRONG,
        router_settings={"model_group_alias": {"best": "gpt-4o", "old": {"model": "gpt-4o"}}},
        routes={"auto": {"ladder": ["openai/gpt-4o-mini", "best"]}},
    )
    [problem] = problems(
        entry("openai/*", api_key="k"), routes={"auto": {"ladder": ["anthropic/claude"]}}
    )
    assert "got 'anthropic/claude'" in problem


def test_ids_are_unique() -> None:
    one = entry(api_key="k", model_info={"id": "x"})
    two = entry("other", api_key="k", model_info={"id": "x"})
    found = problems(one, two)
    assert found[0] == "model_list[0].model_info.id: expected an id of its own, got 'x' again"


def test_ids_are_made_from_names() -> None:
    config = read(STRONG, MINI, STRONG, entry("gpt-4o", model_info={"id": "mine"}))
    assert [d.id for d in config.deployments] == ["gpt-4o#1", "gpt-4o-mini", "gpt-4o#2", "mine"]


def test_useless_names_are_noted() -> None:
    config = read(
        STRONG,
        MINI,
        routes={"gpt-4o": {"ladder": ["gpt-4o-mini", "gpt-4o"]}},
        litellm_settings={"fallbacks": [{"gpt-5": ["gpt-4o"]}]},
    )
    assert [(note.path, note.what) for note in config.notes] == [
        ("routes.gpt-4o", "caution"),
        ("litellm_settings.fallbacks.gpt-5", "caution"),
    ]
