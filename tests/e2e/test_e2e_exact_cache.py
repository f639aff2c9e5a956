"""The exact cache in a real server: many clients at once, restarts, replicas, and what they see."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from support import chat, faults
from support.clients import async_client_of, client_of, user
from support.configs import deployment
from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess
from support.redis_server import REDIS, redis_prefix

__all__ = ["redis_prefix"]

CLIENTS = 200
QUESTIONS = 25


def config(upstream: FaultServer, name: str, **exact: Any) -> dict[str, Any]:
    return {"model_list": [deployment(upstream, name)], "cache": {"exact": exact or True}}


@pytest.fixture
def echo(upstream: FaultServer) -> str:
    """A model that takes its time, and says what it was asked."""

    async def behave(exchange: Any) -> None:
        await asyncio.sleep(0.05)
        said = exchange.seen.json["messages"][0]["content"]
        if exchange.seen.streams:
            await exchange.open_chunked()
            for event in chat.stream("echo", ["<", said, ">"], with_usage=exchange.seen.asks_usage):
                await exchange.chunk(event)
            await exchange.end_chunks()
        else:
            await exchange.whole(chat.completion("echo", f"<{said}>"))

    upstream.always("echo", behave)
    return "echo"


async def one(
    client: openai.AsyncOpenAI, question: str, *, streams: bool
) -> tuple[str, str, str | None]:
    """What a client asked and got, and what it was told of the cache."""
    create = client.chat.completions.with_raw_response.create
    if streams:
        raw: Any = await create(model="echo", messages=user(question), stream=True)
        deltas = [chunk.choices[0].delta async for chunk in raw.parse() if chunk.choices]
        text = "".join(delta.content or "" for delta in deltas)
    else:
        raw = await create(model="echo", messages=user(question))
        text = raw.parse().choices[0].message.content
    return question, text, raw.headers.get("x-stepdown-cache")


def test_two_hundred_clients_get_each_their_own_answer_and_one_call_is_made_for_each_question(
    upstream: FaultServer, echo: str, tmp_path: Path
) -> None:
    before = len(upstream.received(echo))

    async def run(gateway: GatewayProcess) -> list[tuple[str, str, str | None]]:
        async with async_client_of(gateway) as client:
            return await asyncio.gather(
                *(
                    one(client, f"question {number % QUESTIONS}", streams=number % 3 == 0)
                    for number in range(CLIENTS)
                    for _ in range(2)
                )
            )

    with GatewayProcess(config(upstream, echo), tmp_path) as gateway:
        got = asyncio.run(run(gateway))
        assert all(text == f"<{question}>" for question, text, _ in got)
        assert len(upstream.received(echo)) - before == QUESTIONS
        assert Counter(told for _, _, told in got) == {
            "miss": QUESTIONS,
            "exact": 2 * CLIENTS - QUESTIONS,
        }
        status = httpx2.get(f"{gateway.url}/admin/status").json()["cache"]["exact"]
        assert (status["hits"], status["misses"]) == (2 * CLIENTS - QUESTIONS, QUESTIONS)
        assert (status["stored"], status["dropped"], status["waiting"]) == (QUESTIONS, 0, 0)


def ask(gateway: GatewayProcess, question: str, **headers: str) -> Any:
    with client_of(gateway) as client:
        return client.chat.completions.with_raw_response.create(
            model="echo", messages=user(question), extra_headers=headers
        )


def written(gateway: GatewayProcess, count: int = 1) -> None:
    """Return once so many answers are in the store."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        status = httpx2.get(f"{gateway.url}/admin/status").json()["cache"]["exact"]
        if status["stored"] == count:
            return
        time.sleep(0.02)
    raise AssertionError(status)


def test_a_file_survives_a_restart_and_a_kill(
    upstream: FaultServer, echo: str, tmp_path: Path
) -> None:
    file = tmp_path / "cache.db"
    settings = config(upstream, echo, store="sqlite", url=f"sqlite:///{file}")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with GatewayProcess(settings, tmp_path / "one") as gateway:
        assert ask(gateway, "kept?").headers["x-stepdown-cache"] == "miss"
        again = ask(gateway, "kept?")
        assert again.headers["x-stepdown-cache"] == "exact"
        written(gateway)
        gateway.kill()
    with GatewayProcess(settings, tmp_path / "two") as gateway:
        found = ask(gateway, "kept?")
        assert found.headers["x-stepdown-cache"] == "exact"
        assert found.headers["x-stepdown-cache-id"] == again.headers["x-stepdown-cache-id"]
        assert int(found.headers["age"]) >= 0
        assert found.content == again.content


def test_replicas_share_a_redis(
    upstream: FaultServer, echo: str, tmp_path: Path, redis_prefix: str
) -> None:
    settings = config(upstream, echo, store="redis", url=REDIS)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with (
        GatewayProcess(settings, tmp_path / "one") as one_of_them,
        GatewayProcess(settings, tmp_path / "two") as other,
    ):
        question = f"shared {redis_prefix}?"
        first = ask(one_of_them, question)
        assert first.headers["x-stepdown-cache"] == "miss"
        written(one_of_them)
        found = ask(other, question)
        assert found.headers["x-stepdown-cache"] == "exact"
        name = found.headers["x-stepdown-cache-id"]
        forgotten = httpx2.delete(f"{one_of_them.url}/admin/cache/{name}")
        assert forgotten.json() == {"id": name, "forgotten": ["exact"]}
        assert ask(other, question).headers["x-stepdown-cache"] == "miss"
        assert httpx2.delete(f"{other.url}/admin/cache/{'0' * 32}").status_code == 404


@pytest.mark.parametrize(
    ("control", "told"), [("no-store", "bypass"), ("No-Cache", "bypass"), ("max-age=0", "miss")]
)
def test_a_client_that_wants_a_fresh_answer_gets_one(
    upstream: FaultServer, echo: str, tmp_path: Path, control: str, told: str
) -> None:
    with GatewayProcess(config(upstream, echo), tmp_path) as gateway:
        ask(gateway, "fresh?")
        before = len(upstream.received(echo))
        assert ask(gateway, "fresh?").headers["x-stepdown-cache"] == "exact"
        fresh = ask(gateway, "fresh?", **{"cache-control": control})
        assert fresh.headers["x-stepdown-cache"] == told
        assert len(upstream.received(echo)) == before + 1


def test_what_fails_at_the_upstream_fails_for_all_who_asked_and_is_not_kept(
    upstream: FaultServer, tmp_path: Path
) -> None:
    async def refuse(exchange: Any) -> None:
        await asyncio.sleep(0.3)
        await exchange.whole(chat.error("Not like this."), status=400)

    upstream.script("picky", refuse, faults.ok())

    async def run(gateway: GatewayProcess) -> list[BaseException | Any]:
        async with async_client_of(gateway) as client:
            asking = (
                client.chat.completions.create(model="picky", messages=user("same"))
                for _ in range(20)
            )
            return await asyncio.gather(*asking, return_exceptions=True)

    with GatewayProcess(config(upstream, "picky"), tmp_path) as gateway:
        outcomes = asyncio.run(run(gateway))
        assert {type(each) for each in outcomes} == {openai.BadRequestError}
        assert all("Not like this." in str(each) for each in outcomes)
        assert len(upstream.received("picky")) == 1
        with client_of(gateway) as client:
            assert client.chat.completions.create(model="picky", messages=user("same")).choices


def test_what_stood_in_while_a_model_was_away_is_not_given_again(
    upstream: FaultServer, tmp_path: Path
) -> None:
    upstream.script("away", faults.status(400, "Not like this.", error_code="content_filter"))
    settings = {
        "model_list": [deployment(upstream, "away"), deployment(upstream, "stand-in")],
        "router_settings": {"num_retries": 0},
        "litellm_settings": {"content_policy_fallbacks": [{"away": ["stand-in"]}]},
        "cache": {"exact": True},
    }
    with GatewayProcess(settings, tmp_path) as gateway, client_of(gateway) as client:
        create = client.chat.completions.with_raw_response.create
        told = [create(model="away", messages=user("same")).headers for _ in range(3)]
        assert [each["x-stepdown-model"] for each in told] == ["stand-in", "away", "away"]
        assert [each["x-stepdown-cache"] for each in told] == ["miss", "miss", "exact"]


def test_a_cascades_answer_is_kept_as_it_was_checked(upstream: FaultServer, tmp_path: Path) -> None:
    upstream.script("weak", faults.says("no JSON"), faults.says("none either"))
    upstream.always("strong", faults.says('{"answer": 1}'))
    settings = {
        "model_list": [deployment(upstream, "weak"), deployment(upstream, "strong")],
        "routes": {"auto": {"ladder": ["weak", "strong"], "cascade": ["json"]}},
        "cache": {"exact": True},
    }
    with GatewayProcess(settings, tmp_path) as gateway, client_of(gateway) as client:
        create = client.chat.completions.with_raw_response.create
        wanted: Any = {"type": "json_object"}
        told = [
            create(model="auto", messages=user("same"), response_format=wanted) for _ in range(2)
        ]
        assert [each.headers["x-stepdown-cache"] for each in told] == ["miss", "exact"]
        assert [each.headers["x-stepdown-model"] for each in told] == ["strong", "strong"]
        assert told[0].content == told[1].content
