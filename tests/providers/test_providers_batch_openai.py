"""OpenAI's batch API as its client here speaks it, against the simulated provider over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec import json

from stepdown.batch_ports import Submission
from stepdown.errors import UpstreamDenied, UpstreamFailed, UpstreamRefused, UpstreamUnreachable
from stepdown.providers.batch import openai as module
from stepdown.providers.batch.openai import OpenAIBatchAPI
from stepdown.providers.batch.openai_forms import result
from stepdown.providers.http import HttpOptions
from support.batch_server import BatchServer
from support.fleets import deployment, request

KEY = Submission("sub_" + "a" * 40, 3, 0.0)


def run(
    steps: Callable[[OpenAIBatchAPI, BatchServer], Awaitable[None]], **options: Any
) -> BatchServer:
    with BatchServer(**options) as server:

        async def main() -> None:
            api = OpenAIBatchAPI(
                HttpOptions(server.base_url, headers={"authorization": "Bearer k"})
            )
            try:
                await steps(api, server)
            finally:
                await api.aclose()

        asyncio.run(main())
        return server


def lines(api: OpenAIBatchAPI, count: int = 3) -> list[bytes]:
    made = []
    for place in range(count):
        body = api.encode(request(f"hello {place}"), deployment("one"))
        assert body is not None
        made.append(api.line(KEY.key, place, body))
    return made


def test_from_the_upload_to_the_results() -> None:
    async def steps(api: OpenAIBatchAPI, server: BatchServer) -> None:
        entries = lines(api)
        assert await api.find(KEY, ()) is None
        staged = await api.stage(KEY, entries)
        batch = await api.create(KEY, staged, entries)
        assert await api.find(KEY, ()) == batch
        assert (await api.look(batch)).state == "ended"
        found = {each.place: each async for each in api.results(batch)}
        assert sorted(found) == [0, 1, 2]
        one = found[1]
        assert (one.status, one.code) == (200, "")
        assert one.usage is not None
        assert one.usage.output == 24
        assert json.decode(one.body)["model"] == "one-upstream"
        await api.tidy(batch)
        assert server.provider.files == {}

    run(steps)


def test_what_was_staged_is_not_staged_again() -> None:
    async def steps(api: OpenAIBatchAPI, server: BatchServer) -> None:
        first = await api.stage(KEY, lines(api))
        assert await api.stage(KEY, lines(api)) == first
        assert len(server.provider.files) == 1

    run(steps)


def test_found_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)

    async def steps(api: OpenAIBatchAPI, server: BatchServer) -> None:
        staged = await api.stage(KEY, lines(api))
        wanted = await api.create(KEY, staged, [])
        for number in range(5):
            await api.create(Submission(f"other-{number}", 3, 0.0), staged, [])
        assert await api.find(KEY, ()) == wanted
        assert await api.find(Submission("none", 3, 0.0), ()) is None
        soon = Submission("none", 3, 1e12)
        assert await api.find(soon, ()) is None

    run(steps)


def test_the_answer_to_the_making_may_be_lost() -> None:
    async def steps(api: OpenAIBatchAPI, server: BatchServer) -> None:
        staged = await api.stage(KEY, lines(api))
        with pytest.raises(UpstreamFailed):
            await api.create(KEY, staged, [])
        assert await api.find(KEY, ()) is not None

    assert run(steps, lose_rate=1.0).provider.made == 1


def test_refused_as_a_whole() -> None:
    async def steps(api: OpenAIBatchAPI, server: BatchServer) -> None:
        with pytest.raises(UpstreamRefused):
            await api.create(KEY, "no-file", [])
        staged = await api.stage(KEY, lines(api))
        remote = await api.look(await api.create(KEY, staged, []))
        assert (remote.state, "refuses" in remote.error) == ("failed", True)

    run(steps, refuse_rate=1.0)


def test_cancelled() -> None:
    async def steps(api: OpenAIBatchAPI, server: BatchServer) -> None:
        staged = await api.stage(KEY, lines(api))
        batch = await api.create(KEY, staged, [])
        assert (await api.look(batch)).state == "running"
        await api.cancel(batch)
        assert (await api.look(batch)).state == "ended"
        codes = [each.code async for each in api.results(batch)]
        assert codes == ["batch_cancelled"] * 3
        await api.cancel(batch)  # which has ended already

    run(steps, delay=600.0)


def test_errors_and_expired_ones() -> None:
    async def steps(api: OpenAIBatchAPI, server: BatchServer) -> None:
        staged = await api.stage(KEY, lines(api))
        batch = await api.create(KEY, staged, [])
        results = [each async for each in api.results(batch)]
        assert {(each.status, each.code) for each in results} <= {
            (429, ""),
            (None, "batch_expired"),
        }
        assert len(results) == 3

    run(steps, error_rate=0.5, error_status=429, expire_rate=1.0)


def test_gone_and_unreachable() -> None:
    async def steps(api: OpenAIBatchAPI, server: BatchServer) -> None:
        assert (await api.look("batch_nobody")).state == "gone"
        with pytest.raises(UpstreamRefused):
            [each async for each in api.results("batch_nobody")]

    run(steps)

    async def away() -> None:
        api = OpenAIBatchAPI(HttpOptions("http://127.0.0.1:9/v1"))
        with pytest.raises(UpstreamUnreachable):
            await api.look("batch_1")
        await api.aclose()

    asyncio.run(away())


@pytest.mark.parametrize("line", [b"{}", b"nothing", b'{"custom_id": 1}'])
def test_results_that_cannot_be_read(line: bytes) -> None:
    from stepdown.errors import UpstreamMalformed

    with pytest.raises(UpstreamMalformed):
        result(line)


def test_results_of_others_are_left_out() -> None:
    assert result(b'{"custom_id":"mine","response":null}') is None
    assert result(b'{"custom_id":"x-7","response":null,"error":{"code":"c"}}') is not None


def test_a_key_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys stand in no message."""

    async def main() -> None:
        with BatchServer() as server:
            api = OpenAIBatchAPI(HttpOptions(server.base_url + "/nowhere", headers={"a": "secret"}))
            with pytest.raises((UpstreamRefused, UpstreamDenied)) as refused:
                await api.stage(KEY, [])
            assert "secret" not in refused.value.message
            await api.aclose()

    asyncio.run(main())
