"""Reads one reply in OpenAI's chat dialect, and can give it whole or as a stream.

What came is kept once, as bytes. Checks get what they look at while it comes; the other form is
made only when it is asked for.
"""

from stepdown.errors import UpstreamMalformed
from stepdown.providers.http import MAX_REPLY
from stepdown.providers.openai_chunks import (
    UNREADABLE,
    Growing,
    before_done,
    malformed,
    payloads,
    places_of,
    read_chunk,
    read_whole,
)
from stepdown.providers.openai_forms import DONE, completion_of, events_of
from stepdown.providers.openai_logprobs import stream_without_logprobs, without_logprobs
from stepdown.providers.openai_runs import Run, run_from
from stepdown.types import Choice, Piece, Usage

RUN_TRIES = 8
"""Chunks that may begin no run, before no more are looked for: each look costs a decoding."""


class OpenAITranscript:
    """A reply as far as it has come.

    ``streamed``: it comes as a stream, rather than as one body. ``hide_logprobs``: the gateway
    asked for log probabilities, not the client.
    """

    def __init__(self, *, streamed: bool, hide_logprobs: bool) -> None:
        self._streamed = streamed
        self._hide_logprobs = hide_logprobs
        self._came: list[bytes] = []
        self._size = 0
        self._done = False
        self._is_answer = False
        self._growing: dict[int, Growing] = {}
        self._run: Run | None = None
        self._ran = False
        self._tries = RUN_TRIES
        self._others: list[bytes] = []

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The answer so far, by the choices' indices."""
        return tuple(self._growing[index].choice for index in sorted(self._growing))

    def feed(self, data: bytes) -> list[Piece]:
        """What has come: complete events of a stream, or the whole body, once.

        Raises UpstreamMalformed where it is no reply of the dialect, or one too large.
        """
        self._size += len(data)
        if self._size > MAX_REPLY:
            raise UpstreamMalformed("The upstream's reply is too large.")
        try:
            return self._feed_events(data) if self._streamed else self._feed_body(data)
        except UNREADABLE as error:
            raise malformed(error) from error

    def body(self, usage: Usage | None) -> bytes:
        """The answer as one chat.completion object. Raises UpstreamMalformed.

        ``usage`` is stated where a stream did not state it itself.
        """
        self._expect_answer()
        came = self._all()
        try:
            if self._streamed:
                chunks, texts = self._apart() if self._ran else (payloads(came), {})
                return completion_of(chunks, texts, usage, hide_logprobs=self._hide_logprobs)
            return without_logprobs(came) if self._hide_logprobs else came
        except UNREADABLE as error:
            raise malformed(error) from error

    def events(self, *, with_usage: bool = False) -> bytes:
        """The answer as a stream that ends in ``[DONE]``. Raises UpstreamMalformed.

        ``with_usage``: a body's usage comes last. A stream's events are given as they came.
        """
        self._expect_answer()
        came = self._all()
        try:
            if not self._streamed:
                return events_of(
                    came,
                    self._growing,
                    with_usage=with_usage,
                    hide_logprobs=self._hide_logprobs,
                )
            if self._hide_logprobs:
                came = stream_without_logprobs(came)
        except UNREADABLE as error:
            raise malformed(error) from error
        return came + (DONE if came.endswith((b"\n\n", b"\r\n\r\n")) else b"\n\n" + DONE)

    def _feed_events(self, data: bytes) -> list[Piece]:
        if self._done:
            return []
        before = before_done(data)
        if before is not None:
            data, self._done = before, True
        self._came.append(data)
        pieces: list[Piece] = []
        for payload in payloads(data):
            run = self._run
            text = None if run is None else run.text_of(payload)
            if run is None or text is None:
                self._others.append(payload)
                self._feed_chunk(payload, pieces)
                continue
            self._ran = True
            self._growing[run.choice].text.append(text)
            last = pieces[-1] if pieces else None
            if last is not None and last.is_text and last.choice == run.choice:
                pieces[-1] = Piece(last.text + text, choice=run.choice)
            else:
                pieces.append(Piece(text, choice=run.choice))
        return pieces

    def _feed_chunk(self, payload: bytes, pieces: list[Piece]) -> None:
        """Read a chunk that says more than the next words of a run."""
        choices = read_chunk(payload).choices
        if choices is None:
            return
        self._is_answer = True
        for place, choice in enumerate(choices):
            index = place if choice.index is None else choice.index
            grown = self._growing.get(index)
            if grown is None:
                grown = self._growing[index] = Growing()
            piece = grown.add(index, choice.delta, choice.logprobs, choice.finish_reason)
            if piece is not None:
                pieces.append(piece)
            if choice.delta is not None and isinstance(choice.delta.content, list):
                self._ran, self._tries = False, 0  # parts are not joined as texts are
        self._run = run_from(payload, choices) if self._tries else None
        self._tries -= self._run is None and self._tries > 0

    def _feed_body(self, data: bytes) -> list[Piece]:
        if self._came:
            raise UpstreamMalformed("The upstream's reply came twice.")
        choices = read_whole(data).choices
        if choices is None:
            raise UpstreamMalformed("The upstream's reply has no choices.")
        self._came.append(data)
        self._is_answer = True
        pieces: list[Piece] = []
        indices = places_of(choices, lambda choice: choice.index)
        for index, choice in zip(indices, choices, strict=True):
            grown = self._growing[index] = Growing()
            message = choice.message
            for place, call in enumerate((message and message.tool_calls) or ()):
                call.index = place
            piece = grown.add(index, message, choice.logprobs, choice.finish_reason)
            if piece is not None:
                pieces.append(piece)
        return pieces

    def _apart(self) -> tuple[list[bytes], dict[int, list[str]]]:
        """The chunks that say more than the next words of a run, and all that was said."""
        return self._others, {index: grown.text for index, grown in self._growing.items()}

    def _all(self) -> bytes:
        """What came, in one piece, which is kept instead of its parts."""
        if len(self._came) != 1:
            self._came = [b"".join(self._came)]
        return self._came[0]

    def _expect_answer(self) -> None:
        if not self._is_answer:
            raise UpstreamMalformed("The upstream's reply has no choices.")
