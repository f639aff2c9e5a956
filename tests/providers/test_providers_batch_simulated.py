"""The simulated provider: the same each time, bounded, and as faulty as it is told to be."""

import asyncio

import pytest
from msgspec import json

from stepdown.batch_ports import Submission
from stepdown.errors import ConfigError, UpstreamMalformed, UpstreamRefused
from stepdown.providers.batch import http as http_module
from stepdown.providers.batch import simulated as module
from stepdown.providers.batch.http import BatchHttp
from stepdown.providers.batch.openai_forms import entry
from stepdown.providers.batch.simulated import (
    SimulatedBatchAPI,
    SimulatedBatchOptions,
    SimulatedProvider,
    read_batch_options,
)
from stepdown.providers.http import HttpOptions
from support.batch_server import BatchServer
from support.fleets import Clock


def body(text: str) -> bytes:
    return json.encode({"model": "m", "messages": [{"role": "user", "content": text}]})


def lines(count: int = 20) -> bytes:
    return b"\n".join(entry("sub_k", place, body(f"hello {place}")) for place in range(count))


def outcomes(provider: SimulatedProvider) -> dict[str, object]:
    """Each request's status, or why it has none."""
    batch = provider.create(provider.upload("in.jsonl", lines()), {})
    provider.status(batch)
    found: dict[str, object] = {}
    for file in (batch.output_file, batch.error_file):
        for line in [] if file is None else provider.files[file][1].splitlines():
            read = json.decode(line)
            reply = read["response"]
            found[read["custom_id"]] = reply["status_code"] if reply else read["error"]["code"]
    return found


def test_the_same_seed_goes_the_same_way() -> None:
    options = SimulatedBatchOptions(error_rate=0.3, expire_rate=0.3, seed=2)
    first, second = (outcomes(SimulatedProvider(options)) for _ in range(2))
    assert first == second
    assert set(first.values()) == {200, 500, "batch_expired"}
    assert len(first) == 20


def test_half_is_done_of_what_takes_longer_than_the_window() -> None:
    clock = Clock()
    options = SimulatedBatchOptions(delay=100.0, window=50.0)
    provider = SimulatedProvider(options, clock=clock)
    batch = provider.create(provider.upload("in.jsonl", lines()), {})
    assert provider.status(batch) == "in_progress"
    clock.pass_(60.0)
    assert provider.status(batch) == "expired"
    assert provider.shown(batch)["request_counts"] == {"total": 20, "completed": 10, "failed": 10}


def test_what_is_cancelled_midway_is_half_done() -> None:
    clock = Clock()
    provider = SimulatedProvider(SimulatedBatchOptions(delay=100.0), clock=clock)
    batch = provider.create(provider.upload("in.jsonl", lines()), {})
    clock.pass_(50.0)
    provider.cancel(batch)
    assert provider.status(batch) == "cancelled"
    assert batch.counts == {"completed": 10, "failed": 10}


def test_it_keeps_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 3)
    provider = SimulatedProvider()
    for _ in range(10):
        provider.create(provider.upload("in.jsonl", lines(1)), {})
    assert (len(provider.files), len(provider.batches)) == (3, 3)


def test_files_that_are_none() -> None:
    provider = SimulatedProvider()
    with pytest.raises(UpstreamRefused):
        provider.create("file-nobody", {})
    assert provider.status(provider.create(provider.upload("x", b"{"), {})) == "failed"
    odd = provider.create(provider.upload("x", entry("sub_k", 0, b'{"model": 7}')), {})
    assert provider.status(odd) == "completed"
    assert odd.counts == {"completed": 0, "failed": 1}


def test_in_this_process() -> None:
    async def main() -> None:
        api = SimulatedBatchAPI()
        submission = Submission("sub_k", 1, 0.0)
        entries = [entry("sub_k", 0, body("hello"))]
        assert await api.find(submission, ()) is None
        batch = await api.create(submission, await api.stage(submission, entries), entries)
        assert await api.find(submission, ()) == batch
        assert (await api.look(batch)).state == "ended"
        [result] = [each async for each in api.results(batch)]
        assert (result.place, result.status) == (0, 200)
        await api.tidy(batch)
        assert api.provider.files == {}
        assert (await api.look("another")).state == "gone"

    asyncio.run(main())


def test_options_that_are_wrong() -> None:
    assert read_batch_options({"delay": [1, 2]}).delay == (1.0, 2.0)
    with pytest.raises(ConfigError, match=r"expected options of delay, error_rate, .*dely"):
        read_batch_options({"dely": 1})


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────


def test_what_a_provider_sends_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "MAX_REPLY", 1000)
    with BatchServer() as server:
        file = server.provider.upload("x", b"x" * 5000 + b"\n" + b"y" * 10)
        short = server.provider.upload("y", b"a\n\nb\r\n \nc")

        async def main() -> None:
            http = BatchHttp(HttpOptions(server.base_url))
            with pytest.raises(UpstreamMalformed, match="too large"):
                await http.ask("GET", f"/files/{file}/content")
            with pytest.raises(UpstreamMalformed, match="too long"):
                [line async for line in http.lines(f"/files/{file}/content")]
            found = [line.strip() async for line in http.lines(f"/files/{short}/content")]
            assert found == [b"a", b"b", b"c"]
            await http.aclose()

        asyncio.run(main())
