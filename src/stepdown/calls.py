"""One call to one deployment, while it is under way: what came of it, and what it has used."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

from msgspec import Struct

from stepdown.errors import UpstreamMalformed, UpstreamUnreachable
from stepdown.ports import Deployment, Reply, StreamTap, Transcript
from stepdown.routing.tokens import estimate
from stepdown.types import Attempt, Request, Usage


class Call(Struct):
    """An attempt that is under way, with what must be given back when it ends."""

    deployment: Deployment
    attempt: Attempt
    request: Request
    reply: Reply | None = None
    body: bytes = b""
    rest: AsyncIterator[bytes] | None = None
    tap: StreamTap | None = None
    over: bool = False
    """Whether the upstream's stream came to its end."""

    async def first_bytes(self, reply: Reply) -> None:
        """Read until there is something to show: until then another try is still possible."""
        tap = self.tap = self.deployment.dialect.tap(self.request, reply)
        self.rest = aiter(reply)
        while not self.body:
            try:
                self.body = tap.feed(await anext(self.rest))
            except StopAsyncIteration:
                raise UpstreamMalformed("The upstream's stream was empty.") from None
            if tap.error is not None:
                raise tap.error

    def shown(self) -> AsyncIterator[bytes]:
        """What a stream shows behind its first bytes. Raises UpstreamError where it breaks off.

        It is no generator, which would outlive a client that goes away.
        """
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        tap, rest = self.tap, self.rest
        assert tap is not None
        assert rest is not None
        while tap.error is None and not self.over:
            try:
                shown = tap.feed(await anext(rest))
            except StopAsyncIteration:
                self.over = True
                shown = tap.end()
            if shown:
                return shown
        if tap.error is not None:
            raise tap.error
        if not tap.finished:
            raise UpstreamUnreachable("The upstream ended its stream in the middle of the answer.")
        raise StopAsyncIteration

    async def more(self) -> bytes:
        """The next of what is shown behind the first bytes, or nothing at the answer's end."""
        return b"" if self.tap is None else await anext(self, b"")

    def transcript(self, *, hide_logprobs: bool = False) -> Transcript:
        """A reader for what this call answers."""
        dialect = self.deployment.dialect
        return dialect.transcript(streamed=self.tap is not None, hide_logprobs=hide_logprobs)

    def spend(self, error: BaseException | None) -> None:
        """Note what was used: as the upstream counted it, or as it will have."""
        attempt = self.attempt
        if self.tap is not None:
            attempt.usage = self.tap.usage
        if attempt.usage is None and self._may_be_billed(error):
            attempt.usage, attempt.estimated = self._estimated_usage(), True

    def _may_be_billed(self, error: BaseException | None) -> bool:
        """Whether the upstream took the call up: then it is paid for, whoever broke it off."""
        return error is None or self.body != b"" or isinstance(error, asyncio.CancelledError)

    def _estimated_usage(self) -> Usage:
        """What a call broken off will have used: the prompt, and a token for each event."""
        events = 0 if self.tap is None else self.tap.events
        prompt = estimate(self.request.prompt, self.request.fields)
        return Usage(input=round(prompt.value), output=events)


def total(attempts: list[Attempt]) -> Decimal | None:
    """What the attempts cost together; None as soon as one used tokens that have no price."""
    if len(attempts) == 1:
        return attempts[0].cost
    used = [attempt for attempt in attempts if attempt.usage is not None]
    costs = [attempt.cost for attempt in used if attempt.cost is not None]
    return sum(costs, Decimal(0)) if len(costs) == len(used) else None
