"""Compression, as a configuration switches it on; what may lose something waits for the guard."""

from pathlib import Path
from typing import Any

import pytest

from stepdown.compression.compression import Compression
from stepdown.config.build import build, build_routes, read_cascades
from stepdown.config.compressing import is_allowed, lossy_options
from stepdown.config.wards import check_watched, wards_of
from stepdown.errors import ConfigError
from stepdown.quality.guard.wards import Ward
from stepdown.routing.guarded import Guarded, State, view_of
from stepdown.routing.problems import Problems
from support.documents import entry, read

MODELS = [entry("weak", "simulated/weak"), entry("strong", "simulated/strong")]
LADDER = {"ladder": ["weak", "strong"]}
LOSSY = ["minify", "duplicates"]


def built(tmp_path: Path, previous: Any = None, **sections: Any) -> dict[str, Compression]:
    ledger = {"url": f"sqlite:///{tmp_path}/ledger.db"}
    config = read(*MODELS, ledger=ledger, **sections)
    made = build(config, price_of=lambda model: None, previous=previous)
    assert made.compressors == made.pipeline.compressors
    return made.compressors


def test_nothing_is_shortened_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert built(tmp_path, routes={"auto": LADDER}) == {}
    assert built(tmp_path, routes={"auto": LADDER}, compression=False) == {}


def test_one_line_shortens_for_every_route_and_model_without_a_loss(tmp_path: Path) -> None:
    routes = {"auto": LADDER, "bot": {**LADDER, "compression": False}}
    found = built(tmp_path, routes=routes, compression=True)
    assert set(found) == {"auto", "weak", "strong"}
    assert not found["auto"].is_lossy


def test_a_route_may_go_further(tmp_path: Path) -> None:
    routes = {"auto": {**LADDER, "compression": LOSSY}, "bot": LADDER}
    found = built(tmp_path, routes=routes)
    assert set(found) == {"auto"}
    assert found["auto"].is_lossy


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ({"compression": ["minfy"]}, "compression.techniques[0]: there is no technique 'minfy'."),
        (
            {"routes": {"auto": {**LADDER, "compression": {"target": 2}}}},
            "routes.auto.compression.target: expected a share between 0 and 1, got 2",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, sections: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        built(tmp_path, **{"routes": {"auto": LADDER}, **sections})
    assert any(line.startswith(problem) for line in raised.value.problems), raised.value.problems


def wards(**route: Any) -> list[Ward]:
    rule = {"name": "low", "when": {"turns": 1}, "rung": "cheap"}
    given = {**LADDER, "rules": [rule], "regret": {"budget": 0.02}, **route}
    config = read(*MODELS, routes={"auto": given})
    routes = build_routes(config, lambda model: None)
    found = Problems()
    check_watched(config, routes, found)
    assert found.lines == []
    return wards_of(config, routes, read_cascades(config, None))


def test_what_may_lose_something_is_guarded_and_shares_the_error() -> None:
    assert [ward.rule for ward in wards(compression=True)] == ["low"]
    rule, compression = wards(compression=LOSSY)
    assert (compression.rule, compression.trusted) == ("compression", False)
    assert rule.terms.family == compression.terms.family == 2
    [_, other] = wards(compression=[*LOSSY, "tables"])
    assert other.key != compression.key  # other techniques, other evidence


def test_it_is_guarded_on_a_ladder_of_one_model_too() -> None:
    rules: list[Any] = []
    [ward] = wards(ladder=["strong"], rules=rules, compression=LOSSY)
    assert ward.rule == "compression"


def test_its_sampling_has_a_rate_of_its_own() -> None:
    _, ward = wards(compression=LOSSY, shadow={"rate": 0.02, "rules": {"compression": 0.5}})
    assert (ward.terms.least, ward.observed) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("state", "allowed"),
    [(None, True), ("observing", False), ("active", True), ("trusted", True), ("tripped", False)],
)
def test_what_may_lose_something_runs_where_the_guard_lets_it(
    state: State | None, allowed: bool
) -> None:
    config = read(*MODELS, routes={"auto": LADDER})
    route = build_routes(config, lambda model: None)["auto"]
    if state is not None:
        route.guard = view_of({"compression": Guarded(state, "key")})
    assert is_allowed(route) is allowed


def test_the_options_are_what_was_written() -> None:
    routes = {"auto": LADDER, "bot": {**LADDER, "compression": True}}
    config = read(*MODELS, routes=routes, compression=LOSSY)
    assert lossy_options(config) == {"auto": LOSSY}


def test_what_was_sent_is_remembered_over_a_reload(tmp_path: Path) -> None:
    config = read(
        *MODELS,
        ledger={"url": f"sqlite:///{tmp_path}/ledger.db"},
        routes={"auto": {**LADDER, "compression": LOSSY}},
    )
    first = build(config, price_of=lambda model: None)
    second = build(config, price_of=lambda model: None, previous=first)
    assert second.compressors["auto"] is not first.compressors["auto"]
    assert second.compressors["auto"].sent is first.compressors["auto"].sent


def test_what_was_sent_takes_so_much_memory_once(tmp_path: Path) -> None:
    found = built(tmp_path, routes={"auto": LADDER}, compression=True)
    assert len({id(each.sent) for each in found.values()}) == 1
