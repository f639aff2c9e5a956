"""Building: what the file says reaches the objects that act on it."""

from pathlib import Path
from typing import Any

import pytest

from stepdown.config import Config
from stepdown.config.build import build, build_deployments, build_ledger, build_routes, key_digest
from stepdown.config.fleet_settings import fleet_settings, timeouts_of
from stepdown.config.schema_litellm import AllowedFailsPolicy, RetryPolicy
from stepdown.config.upstreams import Upstreams
from stepdown.providers.fleet import Fleet
from stepdown.providers.settings import ALLOWED_FAILS_POLICY, RETRY_POLICY, FleetSettings
from stepdown.types import Timeouts
from support.documents import entry, read, refused

SIMULATED = [entry("weak", "simulated/weak"), entry("strong", "simulated/strong")]
LADDER = {"ladder": ["weak", "strong"]}


def deployment(**params: Any) -> Any:
    return build_deployments(read(entry(**params)), Upstreams())[0]


def test_what_a_deployment_is_told() -> None:
    built = deployment(
        rpm=10, tpm=20, weight=2, order=1, max_retries=4, cooldown_time=9,
        model_info={"id": "x", "max_input_tokens": 128},
    )  # fmt: skip
    assert (built.id, built.model, built.upstream_model) == ("x", "gpt-4o", "gpt-4o")
    assert (built.rpm, built.tpm, built.weight, built.order) == (10, 20, 2, 1)
    assert (built.max_retries, built.cooldown_time, built.max_input_tokens) == (4, 9, 128)
    assert built.dropped == frozenset()


def test_dropped_fields() -> None:
    groq = {"name": "g", "model": "groq/m", "api_key": "k"}
    assert deployment(**groq).dropped == frozenset()
    assert "logprobs" in deployment(**groq, drop_params=True).dropped
    assert deployment(**groq, additional_drop_params=["seed"]).dropped == {"seed"}
    config = read(entry(**groq), litellm_settings={"drop_params": True})
    assert "logit_bias" in build_deployments(config, Upstreams())[0].dropped


def timeouts(params: dict[str, Any], **sections: Any) -> tuple[Timeouts, Timeouts | None]:
    config = read(entry(**params), **sections)
    return timeouts_of(config, config.deployments[0])


def test_the_nearest_timeout_counts() -> None:
    router, settings = {"timeout": 30}, {"request_timeout": 90}
    assert timeouts({})[0] == Timeouts(5, 600, 60, 6000)
    assert timeouts({}, litellm_settings=settings)[0] == Timeouts(5, 90, 60, 90)
    both = {"litellm_settings": settings, "router_settings": router}
    assert timeouts({}, **both)[0] == Timeouts(5, 30, 30, 30)
    assert timeouts({"timeout": 7}, **both)[0] == Timeouts(5, 7, 7, 7)
    assert timeouts({"timeout": 7, "timeouts": {"first_byte": 3}})[0].first_byte == 3


def test_streams_have_timeouts_of_their_own() -> None:
    plain, streamed = timeouts({"timeout": 100, "stream_timeout": 4})
    assert plain.first_byte == 100
    assert streamed == Timeouts(5, 4, 4, 100)
    assert timeouts({}, router_settings={"stream_timeout": 8})[1] == Timeouts(5, 8, 8, 6000)
    assert timeouts({})[1] is None


def test_the_routers_settings_go_before_litellms() -> None:
    config = read(
        entry(),
        entry("b"),
        router_settings={"num_retries": 0, "fallbacks": [{"gpt-4o": ["b"]}]},
        litellm_settings={"num_retries": 5, "fallbacks": [{"b": ["gpt-4o"]}], "allowed_fails": 7},
    )
    settings = fleet_settings(config)
    assert (settings.num_retries, settings.allowed_fails) == (0, 7)
    assert settings.fallbacks == {"gpt-4o": ["b"]}


def test_every_setting_reaches_the_fleet() -> None:
    router = {
        "routing_strategy": "least-busy",
        "retry_after": 1,
        "timeout": 9,
        "cooldown_time": 3,
        "retry_policy": {"TimeoutErrorRetries": 4},
        "allowed_fails_policy": {"RateLimitErrorAllowedFails": 2},
        "model_group_alias": {"best": "gpt-4o"},
        "enable_pre_call_checks": True,
        "context_window_fallbacks": {"gpt-4o": ["b"]},
        "content_policy_fallbacks": [{"gpt-4o": ["b"]}],
        "default_fallbacks": ["b"],
    }
    assert fleet_settings(read(entry(), entry("b"), router_settings=router)) == FleetSettings(
        strategy="least-busy",
        retry_after=1,
        deadline=9,
        cooldown_time=3,
        retry_policy={"TimeoutErrorRetries": 4},
        allowed_fails_policy={"RateLimitErrorAllowedFails": 2},
        aliases={"best": "gpt-4o"},
        enable_pre_call_checks=True,
        context_window_fallbacks={"gpt-4o": ["b"]},
        content_policy_fallbacks={"gpt-4o": ["b"]},
        default_fallbacks=["b"],
    )


def test_the_schemas_defaults_are_the_fleets() -> None:
    assert fleet_settings(read()) == FleetSettings()
    assert set(RetryPolicy.model_fields) == set(RETRY_POLICY)
    assert set(AllowedFailsPolicy.model_fields) == set(ALLOWED_FAILS_POLICY)


def test_cooldowns_can_be_switched_off() -> None:
    config = read(entry(cooldown_time=9), router_settings={"disable_cooldowns": True})
    assert fleet_settings(config).cooldown_time == 0
    assert build_deployments(config, Upstreams())[0].cooldown_time == 0


def test_deployments_with_the_same_endpoint_share_their_connections() -> None:
    config = read(entry(), entry("gpt-4o-mini"), entry("x", api_key="another"))
    one, two, three = build_deployments(config, Upstreams())
    assert one.upstream is two.upstream
    assert one.upstream is not three.upstream


def test_routes_are_built_with_their_options() -> None:
    options = {**LADDER, "rules": ["standard"], "sessions": False, "match": "first"}
    routes = build_routes(read(*SIMULATED, routes={"auto": options}), lambda _: None)
    assert routes["auto"].ladder == ("weak", "strong")
    assert routes["auto"].sessions is None
    assert routes["auto"].policy.match == "first"


def test_mistakes_in_rules_are_told_for_every_route() -> None:
    rule = {"name": "r", "when": {"tokens": {"lt": "many"}}, "rung": "cheap"}
    wrong = {**LADDER, "rules": [rule]}
    config = read(*SIMULATED, routes={"a": wrong, "b": wrong})
    found = refused(lambda: build_routes(config, lambda _: None))
    assert [line.split(":")[0] for line in found] == [
        "routes.a.rules[0].when.tokens.lt",
        "routes.b.rules[0].when.tokens.lt",
    ]


def test_mistakes_in_deployments_name_their_entry() -> None:
    simulated = entry("weak", "simulated/weak", simulated={"latncy": 1})
    bundle = entry("x", ssl_verify="/no/such/bundle.pem")
    found = refused(lambda: build_deployments(read(simulated, bundle), Upstreams()))
    assert found[0].startswith("model_list[0].litellm_params.simulated.latncy: expected")
    assert found[1].startswith("model_list[1].litellm_params.ssl_verify: ")


def test_the_ledgers_address_is_checked() -> None:
    config = read(entry(), ledger={"url": "mongodb://me:hunter2@host/db"})
    [problem] = refused(lambda: build_ledger(config))
    assert problem.startswith("ledger.url: expected sqlite:///FILE")
    assert "hunter2" not in problem


def test_of_the_master_key_only_a_digest_is_kept(tmp_path: Path) -> None:
    config = read(*SIMULATED, general_settings={"master_key": "hunter2"})
    digest = key_digest(config)
    assert digest is not None
    assert len(digest) == 32
    assert key_digest(read()) is None
    built = build(with_ledger(config, tmp_path), price_of=lambda _: None)
    assert built.key_digest == digest
    assert "hunter2" not in repr(built)
    built.ledger.close()


def with_ledger(config: Config, directory: Path) -> Config:
    ledger = config.ledger.model_validate({"url": f"sqlite:///{directory / 'ledger.db'}"})
    return config.model_copy(update={"ledger": ledger})


def test_everything_is_built(tmp_path: Path) -> None:
    config = with_ledger(read(*SIMULATED, routes={"auto": LADDER}), tmp_path)
    built = build(config, price_of=lambda _: None)
    assert isinstance(built.fleet, Fleet)
    assert built.pipeline.fleet is built.fleet
    assert list(built.pipeline.routes) == ["auto"]
    assert not (tmp_path / "ledger.db").exists()


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, True),
        ({"match": "first"}, True),
        ({"ladder": ["strong", "weak"]}, False),
        ({"sessions": {"max": 5}}, False),
    ],
)
def test_conversations_outlive_a_reload(tmp_path: Path, options: Any, kept: bool) -> None:
    old = build(
        with_ledger(read(*SIMULATED, routes={"auto": LADDER}), tmp_path), price_of=lambda _: None
    )
    changed = with_ledger(read(*SIMULATED, routes={"auto": {**LADDER, **options}}), tmp_path)
    new = build(changed, price_of=lambda _: None, previous=old)
    assert (new.routes["auto"].sessions is old.routes["auto"].sessions) is kept
    assert new.ledger is old.ledger


def test_connections_outlive_a_reload_where_the_endpoint_is_the_same(tmp_path: Path) -> None:
    same, other = entry("same"), entry("other", api_base="http://gpu/v1", api_key="k")
    moved = entry("other", api_base="http://gpu2/v1", api_key="k")
    old = build(with_ledger(read(same, other), tmp_path), price_of=lambda _: None)
    new = build(with_ledger(read(same, moved), tmp_path), price_of=lambda _: None, previous=old)
    assert old.upstreams.all()[0] is new.upstreams.all()[0]
    assert old.upstreams.all()[1] is not new.upstreams.all()[1]
