"""Batches with the official OpenAI client against the real server: nothing but its URL is ours."""

import asyncio
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types import Batch

from support import chat, faults
from support.batch_lines import ENDED, answers, jsonl, line, read_lines
from support.clients import async_client_of, client_of
from support.configs import STRONG, deployment
from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess

CONTENT = "".join(chat.WORDS)


@pytest.fixture(scope="module")
def gateway(
    upstream: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """Two workers; a route of two models, whose provider has no batch API."""
    strong = {name: float(rate) for name, rate in STRONG.items()}
    upstream.always("vendor-broken", faults.status(400, "Not like this."))
    upstream.always("vendor-silent", faults.never_answers())
    config = {
        "model_list": [
            deployment(upstream, "small", upstream="vendor-small"),
            deployment(upstream, "large", upstream="vendor-large", **strong),
            deployment(upstream, "broken", upstream="vendor-broken"),
            deployment(upstream, "silent", upstream="vendor-silent"),
        ],
        "routes": {
            "auto": {
                "ladder": ["small", "large"],
                "rules": [{"name": "labels", "when": {"metadata.tier": "low"}, "rung": "small"}],
            }
        },
        "router_settings": {"num_retries": 0},
    }
    with GatewayProcess(config, tmp_path_factory.mktemp("batches"), workers=2) as running:
        yield running


def start(client: openai.OpenAI, content: bytes, **metadata: str) -> Batch:
    file = client.files.create(file=("in.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata=metadata or None,
    )


def ended(client: openai.OpenAI, batch: Batch, timeout: float = 40.0) -> Batch:
    deadline = time.monotonic() + timeout
    while batch.status not in ENDED:
        assert time.monotonic() < deadline, f"still {batch.status}: {batch.request_counts}"
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    return batch


def content_of(client: openai.OpenAI, file: str | None) -> bytes:
    assert file is not None
    return client.files.content(file).content


def test_a_batch_of_lines_that_are_routed_each_on_its_own(gateway: GatewayProcess) -> None:
    tiers = ["low" if i % 3 else "high" for i in range(60)]
    content = jsonl(line(f"id-{i}", "auto", metadata={"tier": t}) for i, t in enumerate(tiers))
    with client_of(gateway) as client:
        batch = start(client, content, job="n")
        assert (batch.object, batch.metadata) == ("batch", {"job": "n"})
        done = ended(client, batch)
        assert done.status == "completed"
        assert done.request_counts is not None
        assert (done.request_counts.total, done.request_counts.completed) == (60, 60)
        assert done.usage is not None
        assert done.usage.output_tokens == 60 * len(chat.WORDS)
        found = answers(content_of(client, done.output_file_id))
    assert list(found) == [f"id-{i}" for i in range(60)]
    assert set(found.values()) == {CONTENT}
    told = done.model_extra
    assert told is not None
    assert told["stepdown"]["models"] == {"small": 40, "large": 20}


def test_failures_are_in_the_error_file(gateway: GatewayProcess) -> None:
    lines = [line("good", "small"), line("bad", "broken")]
    with client_of(gateway) as client:
        done = ended(client, start(client, jsonl(lines)))
        assert done.status == "completed"
        assert done.request_counts is not None
        assert (done.request_counts.completed, done.request_counts.failed) == (1, 1)
        assert list(answers(content_of(client, done.output_file_id))) == ["good"]
        [failed] = read_lines(content_of(client, done.error_file_id))
    assert failed["custom_id"] == "bad"


def test_a_batch_that_cannot_begin_says_why(gateway: GatewayProcess) -> None:
    with client_of(gateway) as client:
        done = ended(client, start(client, b'{"custom_id": "a"}\n'))
    assert done.status == "failed"
    assert done.errors is not None
    assert done.errors.data
    assert done.errors.data[0].line == 1


def test_cancelling(gateway: GatewayProcess) -> None:
    with client_of(gateway) as client:
        batch = start(client, jsonl(line(str(i), "silent") for i in range(4)))
        assert client.batches.cancel(batch.id).status in ("cancelling", "cancelled")
        done = ended(client, batch)
    assert done.status == "cancelled"
    assert done.cancelled_at is not None


def test_lists_are_walked_over_their_pages(gateway: GatewayProcess) -> None:
    with client_of(gateway) as client:
        files = [client.files.create(file=b"{}\n", purpose="batch").id for _ in range(5)]
        walked = [file.id for file in client.files.list(limit=2)]
        assert walked[:5] == files[::-1]
        assert len(set(walked)) == len(walked)
        oldest_first = [file.id for file in client.files.list(order="asc", purpose="batch")]
        assert oldest_first[-5:] == files
        batches = [start(client, jsonl([line("a", "small")])).id for _ in range(3)]
        assert [batch.id for batch in client.batches.list(limit=1)][:3] == batches[::-1]


def test_files_one_by_one(gateway: GatewayProcess, tmp_path: Path) -> None:
    source = tmp_path / "requests.jsonl"
    source.write_bytes(jsonl([line("ä", "small", "ö")]))
    with client_of(gateway) as client:
        file = client.files.create(
            file=source,
            purpose="batch",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        assert (file.filename, file.bytes) == ("requests.jsonl", source.stat().st_size)
        assert file.expires_at == file.created_at + 3600
        assert client.files.retrieve(file.id) == file
        with client.files.with_streaming_response.content(file.id) as reply:
            reply.stream_to_file(tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == source.read_bytes()
        assert client.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError) as caught:
            client.files.retrieve(file.id)
    assert caught.value.code == "file_not_found"


def test_refusals_come_as_the_clients_errors(gateway: GatewayProcess) -> None:
    with client_of(gateway) as client:
        with pytest.raises(openai.BadRequestError) as wrong:
            client.files.create(file=b"x", purpose="fine-tune")
        assert wrong.value.param == "purpose"
        with pytest.raises(openai.NotFoundError):
            client.batches.retrieve("batch_nothing")
        file = client.files.create(file=b"{}", purpose="batch")
        with pytest.raises(openai.BadRequestError) as wrong:
            client.batches.create(
                input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h"
            )
        assert wrong.value.param == "endpoint"


def test_a_providers_batch_at_its_price(launch: Any) -> None:
    """The provider of one model takes batches, and fails some of their requests."""
    rates = {name: float(rate) for name, rate in STRONG.items()}
    batch = {"error_rate": 0.2, "error_status": 400, "seed": 3}
    params = {"model": "simulated/large", "batch": batch, **rates}
    gateway: GatewayProcess = launch(
        {
            "model_list": [{"model_name": "large", "litellm_params": params}],
            "batch": {"poll": 0.2},
        }
    )
    with client_of(gateway) as client:
        done = ended(client, start(client, jsonl(line(str(i), "large") for i in range(50))))
        assert done.status == "completed"
        good = answers(content_of(client, done.output_file_id))
        bad = [each["custom_id"] for each in read_lines(content_of(client, done.error_file_id))]
    assert all(text.startswith("simulated") for text in good.values())
    assert sorted([*good, *bad], key=int) == [str(i) for i in range(50)]
    assert list(good) == sorted(good, key=int)
    assert good
    assert bad
    assert done.model_extra is not None
    told = done.model_extra["stepdown"]
    assert Decimal(told["cost"]) == Decimal(told["batch_discount"]) > 0


def test_the_asynchronous_client(gateway: GatewayProcess) -> None:
    async def run() -> list[str]:
        async with async_client_of(gateway) as client:
            made = await asyncio.gather(
                *(client.files.create(file=b"{}\n" * i, purpose="batch") for i in range(1, 9))
            )
            assert [file.bytes for file in made] == [3 * i for i in range(1, 9)]
            walked = [file.id async for file in client.files.list(limit=3)]
            assert {file.id for file in made} <= set(walked)
            return [(await client.files.delete(file.id)).id for file in made]

    assert len(set(asyncio.run(run()))) == 8
