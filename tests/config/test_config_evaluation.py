"""What a configuration gives an evaluation: a route, models that stand alone, a judge."""

import time
from decimal import Decimal
from typing import Any

import pytest

from stepdown.config import Config
from stepdown.config.evaluation import Models, expanded, judge_options, subject
from stepdown.errors import UpstreamFailed
from stepdown.quality.registry import build_scorers
from stepdown.routing.presets import STANDARD
from stepdown.routing.problems import Problems
from support.documents import entry, problems, read, refused
from support.fleets import Clock, Play

D = Decimal
SIMULATED = [entry("weak", "simulated/weak"), entry("strong", "simulated/strong")]
LADDER: dict[str, Any] = {"ladder": ["weak", "strong"]}
RULE = {"name": "short", "when": {"tokens": {"lt": 50}}, "rung": "cheap"}


# ── The route ────────────────────────────────────────────────────────────────────────────────


def test_the_only_route_need_not_be_named() -> None:
    config = read(*SIMULATED, routes={"auto": {**LADDER, "rules": ["standard", RULE]}})
    for name in (None, "auto"):
        about = subject(config, name)
        assert (about.route.name, about.route.ladder) == ("auto", ("weak", "strong"))
        assert about.rules == [*STANDARD, RULE]
        assert about.cascades is None


def test_one_of_several_routes_has_to_be() -> None:
    config = read(*SIMULATED, routes={"a": LADDER, "b": LADDER})
    assert subject(config, "b").route.name == "b"
    assert refused(lambda: subject(config, None)) == ["--route: expected one of 'a', 'b', got none"]
    assert refused(lambda: subject(config, "c")) == [
        "--route: there is no route 'c'. There are 'a', 'b'."
    ]
    assert refused(lambda: subject(read(*SIMULATED), None)) == [
        "routes: expected a route to evaluate, got none"
    ]


def test_a_route_may_have_a_models_name() -> None:
    config = read(*SIMULATED, routes={"strong": LADDER})
    assert subject(config, "strong").route.ladder == ("weak", "strong")


def test_a_cascade_comes_with_its_route() -> None:
    config = read(
        *SIMULATED,
        routes={
            "checked": {**LADDER, "cascade": {"validators": [{"one_of": ["a"]}]}},
            "plain": LADDER,
        },
    )
    about = subject(config, "checked")
    assert about.cascades is not None
    assert about.route.begins_cheap == about.cascades.begins_cheap
    assert subject(config, "plain").cascades is None


@pytest.mark.parametrize(
    ("rules", "written"),
    [
        ("standard", list(STANDARD)),
        ([], []),
        ([RULE], [RULE]),
        ([RULE, "standard", RULE], [RULE, *STANDARD, RULE]),
    ],
)
def test_presets_are_written_out(rules: Any, written: list[Any]) -> None:
    assert expanded(rules) == written


# ── The judge ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "judge"),
        ({"kind": "pairwise"}, "judge"),
        ({"kind": "rubric"}, "judge_rubric"),
        ({"kind": "reference"}, "judge_reference"),
        ({"criteria": "Polite."}, "judge"),
    ],
)
def test_a_judge_as_a_scorer(given: dict[str, Any], name: str) -> None:
    options = judge_options(read(*SIMULATED, judge={"model": "strong", **given}))
    assert options is not None
    criteria = {key: given[key] for key in given if key == "criteria"}
    assert options == (name, {"model": "strong", **criteria})
    found = Problems()
    [built] = build_scorers([{options[0]: options[1]}], "judge", found)
    assert found.lines == []
    assert built.name == name


def test_without_a_judge_there_is_none() -> None:
    assert judge_options(read(*SIMULATED)) is None


@pytest.mark.parametrize(
    ("judge", "problem"),
    [
        ({"model": "stron"}, "judge.model: expected a model of model_list, got 'stron'. Did you "),
        ({"kind": "rubric"}, "judge.model: "),
        ({"model": "strong", "kind": "jury"}, "judge.kind: "),
        ({"model": "strong", "modle": "x"}, "judge.modle: "),
        ({"model": "strong", "labelled": ""}, "judge.labelled: "),
        ("strong", "judge: "),
    ],
)
def test_a_wrong_judge_is_told_by_its_place(judge: Any, problem: str) -> None:
    [found] = problems(*SIMULATED, judge=judge)
    assert found.startswith(problem)


# ── The models ───────────────────────────────────────────────────────────────────────────────


def served(*entries: dict[str, Any], **sections: Any) -> Models:
    return Models(read(*entries, **sections))


def test_a_model_is_known_by_what_stands_behind_it() -> None:
    models = served(
        entry("gpt", "openai/gpt-5", api_base="http://a/v1"),
        entry("gpt", "openai/gpt-5", api_base="http://b/v1"),
        entry("other", "openai/gpt-5", api_base="http://a/v1"),
        entry("team/*", "openai/*", api_base="http://c/v1"),
        router_settings={"model_group_alias": {"best": "gpt"}},
    )
    assert models.identity("gpt") == "gpt-5 @ http://a/v1, gpt-5 @ http://b/v1"
    assert models.identity("best") == models.identity("gpt")
    assert models.identity("other") == "gpt-5 @ http://a/v1"
    assert models.identity("team/x") == "x @ http://c/v1"
    assert models.identity("nobody") == "nobody"


def test_a_model_that_fails_has_failed_and_is_asked_again_for_the_next_item() -> None:
    """Nobody answers in its place, and it does not cool down."""
    fallbacks = [{"weak": ["strong"]}]
    fleet = served(
        *SIMULATED,
        router_settings={"fallbacks": fallbacks, "num_retries": 0, "allowed_fails": 0},
        litellm_settings={"default_fallbacks": ["strong"], "content_policy_fallbacks": fallbacks},
    ).fleet
    for _ in range(3):
        play = Play(fleet, Clock(time.monotonic()), "weak")
        assert play.tries().startswith("weak")
        assert play.fails(UpstreamFailed("No.")).is_over()


def test_a_configuration_that_cannot_be_built_is_told() -> None:
    config: Config = read(entry("m", "openai/m", input_cost_per_token=1e-6))
    [problem] = refused(lambda: Models(config))
    assert "output_cost_per_token" in problem
