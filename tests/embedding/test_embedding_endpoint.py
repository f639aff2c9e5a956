"""Vectors of an embeddings endpoint: what is sent, what is checked, and how it fails."""

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from stepdown.embedding.embedder import Vectors
from stepdown.embedding.endpoint import MOST_TEXTS, EndpointEmbedder
from stepdown.embedding.static import static
from stepdown.errors import (
    StepdownError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamUnreachable,
)
from stepdown.providers.http import HttpOptions, HttpUpstream
from stepdown.providers.openai import OpenAIDialect
from stepdown.types import Usage
from support.embedding_endpoint import EmbeddingEndpoint


@pytest.fixture
def endpoint() -> Iterator[EmbeddingEndpoint]:
    with EmbeddingEndpoint() as made:
        yield made


def embed(base_url: str, *texts: str, **options: Any) -> Vectors:
    async def ask() -> Vectors:
        headers = {"authorization": "Bearer sk-mine"}
        upstream = HttpUpstream(HttpOptions(base_url, path="/embeddings", headers=headers))
        failure = OpenAIDialect().failure
        made = EndpointEmbedder("embed-small", upstream, failure, **({"dimensions": 256} | options))
        try:
            return await made.embed(texts)
        finally:
            await upstream.aclose()

    return asyncio.run(ask())


def test_what_is_asked_and_what_it_costs(endpoint: EmbeddingEndpoint) -> None:
    billed: list[Usage] = []
    rows = embed(endpoint.base_url, "a kettle", "a refund", billed=billed.append)
    assert np.allclose(rows, static().vectors(["a kettle", "a refund"]), atol=1e-6)
    assert endpoint.asked == [
        {"model": "embed-small", "input": ["a kettle", "a refund"], "encoding_format": "float"}
    ]
    assert endpoint.headers[0]["authorization"] == "Bearer sk-mine"
    assert billed == [Usage(input=7)]


def test_many_texts_are_asked_in_several_calls_and_blank_ones_in_none(
    endpoint: EmbeddingEndpoint,
) -> None:
    texts = [f"kettle {number}" for number in range(MOST_TEXTS + 2)]
    rows = embed(endpoint.base_url, "", *texts)
    assert [len(asked["input"]) for asked in endpoint.asked] == [MOST_TEXTS, 2]
    assert not rows[0].any()
    assert np.allclose(rows[1:], static().vectors(texts), atol=1e-6)
    assert embed(endpoint.base_url, " ").shape == (1, 256)
    assert len(endpoint.asked) == 2


def test_rows_are_put_in_the_order_of_their_numbers(endpoint: EmbeddingEndpoint) -> None:
    endpoint.change = lambda reply: {**reply, "data": reply["data"][::-1]}
    rows = embed(endpoint.base_url, "a kettle", "a refund")
    assert np.allclose(rows, static().vectors(["a kettle", "a refund"]), atol=1e-6)


def test_a_long_text_is_cut_before_it_is_sent(endpoint: EmbeddingEndpoint) -> None:
    embed(endpoint.base_url, "kettle " * 100, most_tokens=10)
    assert [len(text) for text in endpoint.asked[0]["input"]] == [30]


def without_one(reply: dict[str, Any]) -> dict[str, Any]:
    return {**reply, "data": reply["data"][1:]}


def twice_the_same(reply: dict[str, Any]) -> dict[str, Any]:
    return {**reply, "data": [reply["data"][0], reply["data"][0]]}


def of_zeros(reply: dict[str, Any]) -> dict[str, Any]:
    return {**reply, "data": [{**row, "embedding": [0.0] * 256} for row in reply["data"]]}


def too_large(reply: dict[str, Any]) -> dict[str, Any]:
    return {**reply, "data": [{**row, "embedding": [1e200] * 256} for row in reply["data"]]}


def of_words(reply: dict[str, Any]) -> dict[str, Any]:
    return {**reply, "data": [{**row, "embedding": ["a"]} for row in reply["data"]]}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (without_one, "expected one embedding for each of 2 texts, got 1"),
        (twice_the_same, "expected one embedding for each of 2 texts, got 2"),
        (of_zeros, "an embedding has no direction"),
        (too_large, "an embedding has no direction"),
        (of_words, "no embeddings can be read"),
        (lambda _: [], "no embeddings can be read"),
    ],
)
def test_a_reply_that_is_none_is_refused(
    endpoint: EmbeddingEndpoint, change: Any, why: str
) -> None:
    endpoint.change = change
    with pytest.raises(UpstreamMalformed, match=f"embed-small-256: {why}"):
        embed(endpoint.base_url, "a kettle", "a refund")


def test_another_number_of_dimensions_is_refused(endpoint: EmbeddingEndpoint) -> None:
    with pytest.raises(UpstreamMalformed, match="expected embeddings of 384 dimensions, got 256"):
        embed(endpoint.base_url, "a kettle", dimensions=384)


@pytest.mark.parametrize(("status", "kind"), [(429, UpstreamRateLimited), (500, UpstreamFailed)])
def test_a_failing_endpoint_raises_as_for_any_call(
    endpoint: EmbeddingEndpoint, status: int, kind: type[StepdownError]
) -> None:
    endpoint.status = status
    with pytest.raises(kind, match="Not now"):
        embed(endpoint.base_url, "a kettle")


def test_an_endpoint_that_is_not_there() -> None:
    with EmbeddingEndpoint() as gone:
        base_url = gone.base_url
    with pytest.raises(UpstreamUnreachable):
        embed(base_url, "a kettle")
