"""A simulated upstream: answers in this process, as slowly and as badly as it is told to.

For tests, for load without a bill, and for fault drills. Every answer begins with "simulated".
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from random import Random

from msgspec import DecodeError, ValidationError, json

from stepdown.errors import UpstreamTimedOut, UpstreamUnreachable
from stepdown.providers.limits import SlidingMinute
from stepdown.providers.simulated_answer import Answer, compose, events, failure, whole
from stepdown.providers.simulated_options import RATES, SimulatedOptions, Span, read_options
from stepdown.types import Prompt, Timeouts

_prompt = json.Decoder(Prompt).decode

_JSON = b"application/json"
_STREAM = b"text/event-stream; charset=utf-8"

Piece = tuple[bytes, float]
"""Bytes of a body and the seconds that pass before they come."""


class SimulatedUpstream:
    """Answers chat requests for the model ``name``; with ``*`` in it, for any name.

    Raises ConfigError when the options are wrong.
    """

    def __init__(
        self,
        name: str,
        options: SimulatedOptions | Mapping[str, object],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        checked = options if isinstance(options, SimulatedOptions) else read_options(options)
        self.name = name
        self.options = checked
        self._clock = clock
        self._random = Random(f"{name} {checked.seed}")
        self._requests = SlidingMinute(checked.rate_limit)
        self._calls = 0

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> "SimulatedReply":
        """Answer a chat request. Raises UpstreamTimedOut."""
        self._calls += 1
        patience = Patience(timeouts, self._clock)
        wait = self._requests.pause(self._clock(), 1)
        if wait:
            return _refusal(429, "The simulated rate limit is reached.", patience, wait)
        self._requests.spend(self._clock(), 1)
        fault = self._fault()
        await patience.first_byte(math.inf if fault == "hang_rate" else self._some("latency"))
        if fault == "error_rate":
            status = self.options.error_status
            return _refusal(status, f"A simulated error of status {status}.", patience)
        try:
            prompt = _prompt(body)
        except (DecodeError, ValidationError) as error:
            return _refusal(400, f"The simulated upstream cannot read this: {error}.", patience)
        pieces, kind = self._pieces(prompt, stream)
        if fault == "malformed_rate":
            data = b"".join(data for data, _ in pieces)
            pieces, kind = [(data[: len(data) // 2].removeprefix(b"data: "), 0.0)], _JSON
        cut = len(pieces) // 2 if fault == "cut_rate" else None
        return SimulatedReply(200, {b"content-type": kind}, pieces, patience, cut)

    async def aclose(self) -> None:
        """Nothing is held."""

    def _fault(self) -> str | None:
        draw = self._random.random()
        for rate in RATES:
            share: float = getattr(self.options, rate)
            if draw < share:
                return rate
            draw -= share
        return None

    def _some(self, option: str) -> float:
        span: Span = getattr(self.options, option)
        return self._random.uniform(*span) if isinstance(span, tuple) else span

    def _pieces(self, prompt: Prompt, stream: bool) -> tuple[list[Piece], bytes]:
        wanted = self.options.output_tokens
        length = self._random.randint(*wanted) if isinstance(wanted, tuple) else wanted
        model = prompt.model if "*" in self.name else self.name
        options = self.options
        answer = compose(prompt, model, length, options.seed, self._calls, options.topics)
        if stream:
            return list(self._streamed(answer, prompt.wants_usage)), _STREAM
        data = whole(answer)
        middle = len(data) // 2
        return [(data[:middle], self._time(len(answer.words))), (data[middle:], 0.0)], _JSON

    def _streamed(self, answer: Answer, with_usage: bool) -> Iterable[Piece]:
        wait = self._some("first_byte")
        for data, tokens in events(answer, self.options.chunk_tokens, with_usage=with_usage):
            yield data, wait + self._time(tokens)
            wait = 0.0

    def _time(self, tokens: int) -> float:
        pace = self.options.tokens_per_second
        return 0.0 if pace is None else tokens / pace


class Patience:
    """The time that a call may still take, by its timeouts."""

    def __init__(self, timeouts: Timeouts, clock: Callable[[], float]) -> None:
        self._timeouts = timeouts
        self._clock = clock
        self._end = clock() + timeouts.total

    async def first_byte(self, seconds: float) -> None:
        """Let so many seconds pass before the first byte. Raises UpstreamTimedOut."""
        await self._pass(seconds, self._timeouts.first_byte, "send a first byte")

    async def next_chunk(self, seconds: float) -> None:
        """Let so many seconds pass between two chunks. Raises UpstreamTimedOut."""
        await self._pass(seconds, self._timeouts.between_chunks, "go on")

    async def _pass(self, seconds: float, allowed: float, what: str) -> None:
        if seconds <= 0:
            return
        left = min(allowed, self._end - self._clock())
        if seconds <= left:
            await asyncio.sleep(seconds)
            return
        await asyncio.sleep(max(0.0, left))
        raise UpstreamTimedOut(f"The simulated upstream did not {what} in time.")


class SimulatedReply:
    """An answer whose head has arrived. ``cut``: after so many pieces the connection breaks."""

    def __init__(
        self,
        status: int,
        headers: Mapping[bytes, bytes],
        pieces: list[Piece],
        patience: Patience,
        cut: int | None = None,
    ) -> None:
        self.status = status
        self.closed = False
        self._headers = headers
        self._pieces = pieces
        self._patience = patience
        self._cut = cut

    def header(self, name: bytes) -> bytes | None:
        return self._headers.get(name)

    async def read(self) -> bytes:
        return b"".join([data async for data in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Pieces between which no time passes come as one, as they would over a network."""
        together = b""
        for index, (data, wait) in enumerate(self._pieces):
            if wait > 0 and together:
                yield together
                together = b""
            await self._patience.next_chunk(wait)
            if index == self._cut:
                break
            together += data
        if together:
            yield together
        if self._cut is not None:
            raise UpstreamUnreachable("The simulated upstream cut the connection.")

    def close(self) -> None:
        self.closed = True


def _refusal(status: int, message: str, patience: Patience, wait: float = 0.0) -> SimulatedReply:
    headers = {b"content-type": _JSON}
    if wait:
        headers[b"retry-after"] = b"%d" % math.ceil(wait)
    return SimulatedReply(status, headers, [(failure(status, message), 0.0)], patience)
