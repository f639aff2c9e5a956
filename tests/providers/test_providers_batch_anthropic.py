"""Anthropic's batch API as its client here speaks it, against the simulated provider over HTTP."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec import json

from stepdown.batch_ports import Submission, Undecided
from stepdown.errors import UpstreamFailed
from stepdown.providers.batch import anthropic as module
from stepdown.providers.batch.anthropic import AnthropicBatchAPI
from stepdown.providers.http import HttpOptions
from support.batch_server import BatchServer
from support.fleets import deployment, request

KEY = Submission("sub_" + "b" * 40, 3, 0.0)


def run(
    steps: Callable[[AnthropicBatchAPI, BatchServer], Awaitable[None]], **options: Any
) -> BatchServer:
    with BatchServer(**options) as server:

        async def main() -> None:
            headers = {"authorization": "Bearer key"}
            api = AnthropicBatchAPI(HttpOptions(server.base_url, headers=headers), max_tokens=64)
            try:
                await steps(api, server)
            finally:
                await api.aclose()

        asyncio.run(main())
        return server


def lines(api: AnthropicBatchAPI, key: str = KEY.key, count: int = 3) -> list[bytes]:
    made = []
    for place in range(count):
        body = api.encode(request(f"hello {place}"), deployment("one"))
        assert body is not None
        made.append(api.line(key, place, body))
    return made


def test_from_the_making_to_the_results() -> None:
    async def steps(api: AnthropicBatchAPI, server: BatchServer) -> None:
        assert await api.stage(KEY, []) == ""
        batch = await api.create(KEY, "", lines(api))
        assert (await api.look(batch)).state == "ended"
        found = {each.place: each async for each in api.results(batch)}
        assert sorted(found) == [0, 1, 2]
        body = json.decode(found[2].body)
        assert body["object"] == "chat.completion"
        assert body["choices"][0]["message"]["content"].startswith("simulated")
        assert body["choices"][0]["finish_reason"] == "stop"
        usage = found[2].usage
        assert usage is not None
        assert body["usage"]["prompt_tokens"] == usage.input > 0
        assert usage.output == 24
        await api.tidy(batch)
        assert (await api.look(batch)).state == "gone"

    run(steps)


def test_found_by_its_requests_once_it_has_ended() -> None:
    async def steps(api: AnthropicBatchAPI, server: BatchServer) -> None:
        with pytest.raises(UpstreamFailed):
            await api.create(KEY, "", lines(api))
        with pytest.raises(UpstreamFailed):
            await api.create(KEY, "", lines(api, "sub_other"))
        with pytest.raises(UpstreamFailed):
            await api.create(KEY, "", lines(api, "sub_third", count=2))
        ours = next(iter(server.provider.batches))
        assert await api.find(KEY, ()) == ours
        assert await api.find(KEY, (ours,)) is None
        assert await api.find(Submission("sub_nobody", 3, 0.0), ()) is None
        assert await api.find(Submission(KEY.key, 3, time.time() + 10_000), ()) is None

    run(steps, lose_rate=1.0)


def test_while_one_runs_that_may_be_ours_nothing_is_decided() -> None:
    async def steps(api: AnthropicBatchAPI, server: BatchServer) -> None:
        batch = await api.create(KEY, "", lines(api))
        with pytest.raises(Undecided):
            await api.find(KEY, ())
        assert await api.find(KEY, (batch,)) is None  # somebody's who is known
        assert await api.find(Submission(KEY.key, 4, 0.0), ()) is None  # of another size
        await api.cancel(batch)
        assert await api.find(KEY, ()) == batch
        codes = [each.code async for each in api.results(batch)]
        assert codes == ["batch_cancelled"] * 3

    run(steps, delay=600.0)


def test_found_on_a_later_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)

    async def steps(api: AnthropicBatchAPI, server: BatchServer) -> None:
        wanted = await api.create(KEY, "", lines(api))
        for number in range(4):
            await api.create(KEY, "", lines(api, f"sub_{number}"))
        assert await api.find(KEY, ()) == wanted

    run(steps)


def test_errors_are_openais() -> None:
    async def steps(api: AnthropicBatchAPI, server: BatchServer) -> None:
        batch = await api.create(KEY, "", lines(api))
        results = [each async for each in api.results(batch)]
        assert [each.status for each in results] == [429] * 3
        assert json.decode(results[0].body)["error"]["type"] == "rate_limit_error"

    run(steps, error_rate=1.0, error_status=429)


def test_the_key_goes_into_its_own_header() -> None:
    options = module._own(  # pyright: ignore[reportPrivateUsage]
        HttpOptions("https://api.example/v1", headers={"authorization": "Bearer k", "x": "y"})
    )
    assert options.headers == {"x-api-key": "k", "x": "y"}
