"""Keeps the answer that a client is given, as it goes by, and reads it later."""

from typing import Protocol

from msgspec import Struct

from stepdown.errors import UpstreamMalformed
from stepdown.ports import Client, Transcript
from stepdown.types import Choice, Journey


class Answer(Struct, frozen=True):
    """What a client was given: a body, or a stream's bytes; None where it was too much."""

    data: bytes | None
    streamed: bool = False

    @property
    def size(self) -> int:
        """In bytes."""
        return 0 if self.data is None else len(self.data)


class Kept:
    """Implements ``ports.Client``: passes everything on to the client, and keeps what is written.

    An answer of more than ``most`` bytes is not kept.
    """

    def __init__(self, client: Client, most: int) -> None:
        self.streamed = False
        self._client = client
        self._left = most
        self._pieces: list[bytes] = []

    def taken(self) -> "Answer":
        """What was kept, by itself: the client is not held on to."""
        return Answer(None if self._left < 0 else b"".join(self._pieces), self.streamed)

    async def answer(self, journey: Journey, body: bytes) -> None:
        self._keep(body)
        await self._client.answer(journey, body)

    async def open_stream(self, journey: Journey) -> None:
        self.streamed = True
        await self._client.open_stream(journey)

    async def write(self, data: bytes) -> None:
        self._keep(data)
        await self._client.write(data)

    async def close_stream(self) -> None:
        await self._client.close_stream()

    def _keep(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._pieces.clear()
        else:
            self._pieces.append(data)


class Transcripts(Protocol):
    """Reads replies in the dialect in which clients are answered; a ``ports.Dialect`` does."""

    def transcript(self, *, streamed: bool, hide_logprobs: bool) -> Transcript: ...


def read(transcripts: Transcripts, data: bytes, *, streamed: bool) -> Choice:
    """The first choice of an answer that was kept. Raises UpstreamMalformed."""
    transcript = transcripts.transcript(streamed=streamed, hide_logprobs=False)
    transcript.feed(data)
    return first(transcript)


def first(transcript: Transcript) -> Choice:
    """The first choice. Raises UpstreamMalformed where there is none."""
    choices = transcript.choices
    if not choices:
        raise UpstreamMalformed("The reply has no choices.")
    return choices[0]
