"""The library's face, over real HTTP: chat, extraction up the ladder, and calls from threads."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, field_validator

import stepdown
from stepdown import ConfigError, ExtractionFailed, Gateway, UpstreamError
from stepdown.errors import InvalidField, UnknownModel
from stepdown.gateway import BlockingGateway
from stepdown.quality.records.history import pairs
from support import faults
from support.configs import CHEAP, STRONG, deployment, price
from support.fault_server import FaultServer
from support.ledger_reading import details
from support.pairs import reading

ADA = '{"name": "Ada Lovelace", "born": 1815}'


class Person(BaseModel):
    name: str
    born: int

    @field_validator("name")
    @classmethod
    def is_whole(cls, name: str) -> str:
        if " " not in name:
            raise ValueError("expected a first and a last name")
        return name


@pytest.fixture
def upstream() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def config(upstream: FaultServer, tmp_path: Path) -> dict[str, Any]:
    strong: dict[str, Any] = {name: float(rate) for name, rate in STRONG.items()}
    return {
        "model_list": [
            deployment(upstream, "mini"),
            deployment(upstream, "large", **strong),
        ],
        "router_settings": {"num_retries": 0},
        "routes": {
            "auto": {"ladder": ["mini", "large"]},
            "hurried": {
                "ladder": ["mini", "large"],
                "cascade": {"validators": [{"one_of": ["spam", "ham"]}], "timeout": 0.2},
            },
        },
        "ledger": {"url": f"sqlite:///{tmp_path / 'ledger.db'}"},
    }


def says(text: str) -> Any:
    return faults.says(text)


def run(config: Mapping[str, Any], ask: Callable[[Gateway], Any]) -> Any:
    """What the gateway gives, opened for one question."""

    async def asked() -> Any:
        async with Gateway.from_config(config, {}) as gateway:
            return await ask(gateway)

    return asyncio.run(asked())


# ── chat ─────────────────────────────────────────────────────────────────────────────────────


def test_chat_is_routed_priced_and_recorded(
    config: dict[str, Any], upstream: FaultServer, tmp_path: Path
) -> None:
    upstream.always("mini", says("billing"))
    reply = run(config, lambda g: g.chat("Classify this ticket: my invoice is wrong", seed=7))
    assert reply.text == "billing"
    assert reply.completion["choices"][0]["message"]["content"] == "billing"
    assert (reply.model, reply.decision) == ("mini", "small-task")
    assert upstream.last("mini").json["seed"] == 7
    usage = reply.completion["usage"]
    tokens = {"prompt": usage["prompt_tokens"], "completion": usage["completion_tokens"]}
    assert reply.cost == price(CHEAP, **tokens)
    assert reply.saved == price(STRONG, **tokens) - price(CHEAP, **tokens)
    assert reply.rejected_by is None
    [detail] = details(tmp_path / "ledger.db")
    assert (detail.id, detail.route, detail.model) == (reply.id, "auto", "mini")


def test_chat_with_intent_model_headers_and_turns(config: dict[str, Any]) -> None:
    rules = [{"name": "gold", "when": {"header.x-tier": "gold"}, "rung": "strong"}, "standard"]
    config["routes"]["auto"]["rules"] = rules
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hm?"}]

    async def ask(gateway: Gateway) -> list[tuple[str, str]]:
        replies = [
            await gateway.chat(turns, intent="faq"),
            await gateway.chat(turns, metadata={"intent": "faq"}),
            await gateway.chat(turns, intent="faq", headers={"X-Tier": "gold"}),
            await gateway.chat(turns, model="mini"),
        ]
        return [(reply.model, reply.decision) for reply in replies]

    assert run(config, ask) == [
        ("mini", "simple-intent"),
        ("mini", "simple-intent"),
        ("large", "gold"),
        ("mini", "direct"),
    ]


def test_a_best_effort_answer_names_what_turned_it_down(
    config: dict[str, Any], upstream: FaultServer
) -> None:
    config["routes"]["hurried"]["cascade"] |= {"serve_best_effort": True, "early_drop": False}
    upstream.always("mini", says("perhaps"))
    upstream.always("large", faults.status(500))
    reply = run(config, lambda g: g.chat("Spam?", model="hurried"))
    assert (reply.text, reply.rejected_by) == ("perhaps", "one_of")


def test_a_guarded_route_is_shadowed_and_knows_at_once_what_is_trusted(
    config: dict[str, Any], upstream: FaultServer, tmp_path: Path
) -> None:
    rule = {"name": "easy", "when": {"intent": "easy"}, "rung": "cheap", "trusted": True}
    config["routes"]["auto"] |= {"rules": [rule], "regret": {"budget": 0.2}, "shadow": 1.0}
    config["shadow"] = {"pause_busy": 1.0}
    for model in ("mini", "large"):
        upstream.always(model, says('{"a": 1}'))
    form = {"type": "json_object"}
    reply = run(config, lambda g: g.chat("What is it?", intent="easy", response_format=form))
    assert (reply.model, reply.decision) == ("mini", "easy")
    with reading(config["ledger"]["url"]) as database:
        [pair] = pairs(database)
    assert (pair.id, pair.served, pair.regret) == (reply.id, 0, False)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"model": "autoo"}, UnknownModel, "Did you mean 'auto'?"),
        ({"stream": True}, InvalidField, "stream: expected none here"),
        ({"messages": []}, InvalidField, "messages: expected at least one"),
        ({"messages": [{"content": "PRIVATE"}]}, InvalidField, "role"),
        ({"messages": [{"role": "user", "content": object()}]}, InvalidField, "cannot be sent"),
        ({"n": "two"}, InvalidField, "$.n"),
    ],
)
def test_requests_that_are_wrong(
    config: dict[str, Any], fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    whole = {"messages": "PRIVATE", **fields}
    with pytest.raises(error) as caught:
        run(config, lambda g: g.chat(**whole))
    assert message in str(caught.value)
    assert "PRIVATE" not in str(caught.value)


def test_no_model_answers(config: dict[str, Any], upstream: FaultServer, tmp_path: Path) -> None:
    upstream.always("large", faults.status(500))
    with pytest.raises(UpstreamError) as caught:
        run(config, lambda g: g.chat("PRIVATE"))
    assert "PRIVATE" not in str(caught.value)
    assert [detail.outcome for detail in details(tmp_path / "ledger.db")] == ["failed"]


def test_configurations(config: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(config))  # JSON is YAML
    assert Gateway.from_config(file, {}).routes["auto"] == ["mini", "large"]
    assert Gateway.from_config(str(file), {}).routes["auto"] == ["mini", "large"]
    with pytest.raises(ConfigError, match=r"routes\.auto\.laddr: expected one of the keys ladder"):
        Gateway.from_config({**config, "routes": {"auto": {"laddr": ["mini"]}}}, {})


def test_what_the_configuration_says_in_vain_is_told(config: dict[str, Any]) -> None:
    assert Gateway.from_config(config, {}).notes == ()
    config["litellm_settings"] = {"cache": True}
    [note] = Gateway.from_config(config, {}).notes
    assert note.startswith("litellm_settings.cache")


def test_without_a_route_a_model_has_to_be_named(config: dict[str, Any]) -> None:
    del config["routes"]
    with pytest.raises(InvalidField, match="expected a model"):
        run(config, lambda g: g.chat("Hm?"))


def test_it_is_used_within_its_block_and_once(config: dict[str, Any]) -> None:
    gateway = Gateway.from_config(config, {})

    async def outside() -> None:
        await gateway.chat("Hm?")

    async def inside() -> None:
        async with gateway:
            await gateway.chat("Hm?")

    with pytest.raises(RuntimeError, match="within its 'async with' block"):
        asyncio.run(outside())
    asyncio.run(inside())
    with pytest.raises(RuntimeError, match="within its 'async with' block"):
        asyncio.run(outside())
    with pytest.raises(RuntimeError, match="opened before"):
        asyncio.run(inside())


# ── extraction ───────────────────────────────────────────────────────────────────────────────


def test_the_cheap_answer_fits(
    config: dict[str, Any], upstream: FaultServer, tmp_path: Path
) -> None:
    upstream.always("mini", says(ADA))
    found = run(config, lambda g: g.extract_with_cascade("Ada Lovelace, born 1815", Person))
    assert found.value == Person(name="Ada Lovelace", born=1815)
    assert found.model == "mini"
    assert found.saved > 0
    assert upstream.received("large") == []
    asked = upstream.last("mini").json["response_format"]
    assert (asked["json_schema"]["name"], asked["json_schema"]["strict"]) == ("Person", True)
    [detail] = details(tmp_path / "ledger.db")
    assert (detail.decision, detail.model) == ("cascade", "mini")


@pytest.mark.parametrize(
    ("answer", "verdict", "reason", "early"),
    [
        ("Of course! Here is the JSON:", "schema", "expected a JSON object", True),
        ('{"name": "Ada Lovelace"}', "schema", "born: Field required", False),
        ('{"name": "Ada", "born": 1815}', "schema", "a first and a last name", False),
    ],
)
def test_the_cheap_answer_does_not_fit(
    config: dict[str, Any],
    upstream: FaultServer,
    tmp_path: Path,
    answer: str,
    verdict: str,
    reason: str,
    early: bool,
) -> None:
    upstream.always("mini", says(answer))
    upstream.always("large", says(ADA))
    found = run(config, lambda g: g.extract_with_cascade("Ada Lovelace, born 1815", Person))
    assert found.value.born == 1815
    assert found.model == "large"
    cheap, strong = found.attempts
    assert (cheap.verdict, cheap.early, strong.verdict) == (verdict, early, "accepted")
    assert reason in cheap.reason
    assert found.cost == cheap.cost + strong.cost
    [detail] = details(tmp_path / "ledger.db")
    assert [attempt.model for attempt in detail.attempts] == ["mini", "large"]


def test_the_cheap_rung_is_down(config: dict[str, Any], upstream: FaultServer) -> None:
    upstream.always("mini", faults.status(400, "response_format is not supported"))
    upstream.always("large", says(ADA))
    found = run(config, lambda g: g.extract_with_cascade("Ada", Person))
    assert [attempt.error for attempt in found.attempts] == ["upstream_refused", None]


def test_the_last_answer_does_not_fit_either(
    config: dict[str, Any], upstream: FaultServer, tmp_path: Path
) -> None:
    for model in ("mini", "large"):
        upstream.always(model, says('{"name": "PRIVATE", "born": 1}'))
    with pytest.raises(ExtractionFailed) as caught:
        run(config, lambda g: g.extract_with_cascade("Who?", Person))
    failed = caught.value
    assert str(failed) == (
        "No rung gave data that fits. The last answer, from large: name: Value error, expected a "
        "first and a last name."
    )
    assert failed.model == "large"
    assert [attempt.verdict for attempt in failed.attempts] == ["schema", "accepted"]
    assert failed.cost == sum((attempt.cost for attempt in failed.attempts), Decimal(0))
    assert failed.__context__ is None
    [detail] = details(tmp_path / "ledger.db")
    assert detail.outcome == "answered"


@pytest.mark.parametrize(
    ("schema", "answer", "value"),
    [
        (list[Person], f'{{"value": [{ADA}]}}', [Person(name="Ada Lovelace", born=1815)]),
        (Person | None, '{"value": null}', None),
        (TypeAdapter(dict[str, int]), '{"a": 1}', {"a": 1}),
        ({"type": "object", "required": ["name"]}, ADA, {"name": "Ada Lovelace", "born": 1815}),
        ({"enum": ["spam", "ham"]}, '{"value": "ham"}', "ham"),
    ],
)
def test_other_schemas(
    config: dict[str, Any], upstream: FaultServer, schema: Any, answer: str, value: Any
) -> None:
    upstream.always("mini", says(answer))
    found = run(config, lambda g: g.extract_with_cascade("Who?", schema))
    assert (found.value, found.model) == (value, "mini")


def test_a_response_format_of_ones_own(config: dict[str, Any], upstream: FaultServer) -> None:
    upstream.always("mini", says(ADA))
    wanted = {"type": "json_object"}
    run(config, lambda g: g.extract_with_cascade("Who?", Person, response_format=wanted))
    assert upstream.last("mini").json["response_format"] == wanted


def test_the_time_limits_are_the_routes(config: dict[str, Any], upstream: FaultServer) -> None:
    upstream.always("mini", faults.says(ADA, head_after=0.6))
    upstream.always("large", says(ADA))

    async def ask(gateway: Gateway) -> list[str | None]:
        options: list[dict[str, Any]] = [
            {},
            {"headers": {"x-stepdown-mode": "batch"}},
            {"cascade": {"timeout": 5}},
        ]
        found = [
            await gateway.extract_with_cascade("Who?", Person, model="hurried", **each)
            for each in options
        ]
        return [each.attempts[0].verdict for each in found]

    assert run(config, ask) == ["timeout", "accepted", "accepted"]


def test_further_checks(config: dict[str, Any], upstream: FaultServer) -> None:
    upstream.always("mini", says(ADA))
    upstream.always("large", says(ADA))
    further = [{"range": {"min": 1900, "field": "born"}}]
    found = run(config, lambda g: g.extract_with_cascade("Who?", Person, cascade=further))
    assert [attempt.verdict for attempt in found.attempts] == ["range", "accepted"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"schema": Gateway}, InvalidField, "schema: expected a type"),
        ({"schema": {"type": "objekt"}}, InvalidField, "schema: "),
        ({"model": "mini"}, InvalidField, "model: expected a route"),
        ({"model": "autoo"}, UnknownModel, "The route 'autoo' does not exist here. Did you mean"),
        ({"cascade": {"timout": 3}}, InvalidField, "cascade.timout: a cascade has no such option"),
        ({"cascade": ["jsn"]}, InvalidField, "there is no validator 'jsn'. Did you mean 'json'"),
        (
            {"cascade": [{"judge": {"model": "lage"}}]},
            InvalidField,
            "there is no model 'lage'. Did you mean 'large'?",
        ),
    ],
)
def test_extractions_that_are_wrong(
    config: dict[str, Any],
    upstream: FaultServer,
    options: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    whole = {"schema": Person, **options}
    with pytest.raises(error) as caught:
        run(config, lambda g: g.extract_with_cascade("PRIVATE", **whole))
    assert message in str(caught.value)
    assert "PRIVATE" not in str(caught.value)
    assert upstream.seen == []


# ── without an event loop ────────────────────────────────────────────────────────────────────


def test_blocking_from_several_threads(
    config: dict[str, Any], upstream: FaultServer, tmp_path: Path
) -> None:
    upstream.always("mini", says(ADA))
    with Gateway.from_config(config, {}).blocking() as gateway:
        assert isinstance(gateway, BlockingGateway)
        assert gateway.chat("Hm?", model="mini").text == ADA

        def ask(number: int) -> Person:
            return gateway.extract_with_cascade(f"Person {number}", Person).value

        with ThreadPoolExecutor(8) as pool:
            people = list(pool.map(ask, range(40)))
        with pytest.raises(UnknownModel):
            gateway.chat("Hm?", model="autoo")
    assert people == [Person(name="Ada Lovelace", born=1815)] * 40
    assert sum(detail.outcome == "answered" for detail in details(tmp_path / "ledger.db")) == 41


def test_blocking_calls_run_at_once(config: dict[str, Any], upstream: FaultServer) -> None:
    gate = faults.Gate()
    upstream.always("mini", faults.says("ham", gate=gate))
    with Gateway.from_config(config, {}).blocking() as gateway, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(gateway.chat, "Hm?", model="mini") for _ in range(4)]
        while len(upstream.received("mini")) < 4:
            assert not any(each.done() for each in asked)
        gate.open()
        assert [each.result().text for each in asked] == ["ham"] * 4


# ── the package ──────────────────────────────────────────────────────────────────────────────


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; n = set(sys.modules); import stepdown; print(set(sys.modules) - n)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "{'stepdown'}"


def test_its_names_are_there() -> None:
    for name in stepdown.__all__:
        assert getattr(stepdown, name).__name__ == name
        assert name in dir(stepdown)
    with pytest.raises(AttributeError, match="has no attribute 'Gatway'"):
        _ = stepdown.Gatway


def test_its_types_are_packaged() -> None:
    assert (Path(stepdown.__file__).parent / "py.typed").exists()
