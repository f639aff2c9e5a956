"""``EndpointEmbedder``: vectors of an embeddings endpoint that speaks OpenAI's dialect.

Source: platform.openai.com/docs/api-reference/embeddings
"""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import DecodeError, Struct, json

from stepdown.embedding.embedder import Vectors
from stepdown.errors import UpstreamError, UpstreamMalformed
from stepdown.ports import Upstream
from stepdown.types import Timeouts, Usage

MOST_TEXTS = 128
"""Texts of one call; more are sent in several, one after another."""

CHARACTERS_PER_TOKEN = 3
"""A text is cut to so many characters for each token that the model reads. Where the model counts
more tokens than that, it is for the endpoint to cut or to refuse."""

TIMEOUTS = Timeouts(connect=2.0, first_byte=10.0, between_chunks=5.0, total=15.0)
"""Seconds: who asks for a vector to save time does not wait for minutes."""

Failure = Callable[[int, bytes, bytes | None], UpstreamError]
"""What a status, a body and a Retry-After mean: ``Dialect.failure``."""

Billed = Callable[[Usage], None]
"""Is told the tokens of each call."""


class _Row(Struct):
    index: int
    embedding: list[float]


class _Used(Struct):
    prompt_tokens: int = 0


class _Reply(Struct):
    data: list[_Row]
    usage: _Used | None = None


_reply = json.Decoder(_Reply).decode


class EndpointEmbedder:
    """Asks for each text's vector over HTTP. There is no second try: who can do without a vector
    does, and the next request tries again."""

    quick = False

    def __init__(
        self,
        model: str,
        upstream: Upstream,
        failure: Failure,
        *,
        dimensions: int,
        most_tokens: int = 8_192,
        name: str | None = None,
        timeouts: Timeouts = TIMEOUTS,
        billed: Billed | None = None,
    ) -> None:
        """``upstream`` posts to the endpoint's ``/embeddings``. ``model`` is the name there;
        ``name`` tells its vectors from others' (default: made of model and dimensions)."""
        self.name = name or f"{model}-{dimensions}"
        self.dimensions = dimensions
        self.most_tokens = most_tokens
        self._model = model
        self._upstream = upstream
        self._failure = failure
        self._timeouts = timeouts
        self._billed = billed

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """As Embedder says. An empty text is not sent and has zeros. Raises UpstreamError."""
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        most = CHARACTERS_PER_TOKEN * self.most_tokens
        sent = [at for at, text in enumerate(texts) if text.strip()]
        for begin in range(0, len(sent), MOST_TEXTS):
            at = sent[begin : begin + MOST_TEXTS]
            rows[at] = await self._ask([texts[each][:most] for each in at])
        return rows

    async def _ask(self, texts: list[str]) -> Vectors:
        asked = {"model": self._model, "input": texts, "encoding_format": "float"}
        reply = await self._upstream.send(json.encode(asked), stream=False, timeouts=self._timeouts)
        try:
            body = await reply.read()
            if reply.status != 200:
                raise self._failure(reply.status, body, reply.header(b"retry-after"))
        finally:
            reply.close()
        return self._read(body, len(texts))

    def _read(self, body: bytes, texts: int) -> Vectors:
        """The reply's vectors at length 1, in the order of the texts. Raises UpstreamMalformed."""
        try:
            reply = _reply(body)
        except DecodeError as error:
            raise UpstreamMalformed(f"{self.name}: no embeddings can be read: {error}.") from error
        if reply.usage is not None and self._billed is not None:
            self._billed(Usage(input=reply.usage.prompt_tokens))
        given = sorted(reply.data, key=lambda row: row.index)
        if [row.index for row in given] != list(range(texts)):
            raise UpstreamMalformed(
                f"{self.name}: expected one embedding for each of {texts} texts, got {len(given)}."
            )
        for row in given:
            if len(row.embedding) != self.dimensions:
                raise UpstreamMalformed(
                    f"{self.name}: expected embeddings of {self.dimensions} dimensions, "
                    f"got {len(row.embedding)}."
                )
        with np.errstate(over="ignore"):
            vectors = np.array([row.embedding for row in given], np.float64)
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not ((lengths > 0) & (lengths < np.inf)).all():
            raise UpstreamMalformed(f"{self.name}: an embedding has no direction.")
        directions: Vectors = (vectors / lengths).astype(np.float32)
        return directions
