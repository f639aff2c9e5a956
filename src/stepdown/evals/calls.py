"""One call of one model, outside of any route: what was asked, what came back, what it cost."""

from decimal import Decimal
from secrets import token_hex

from msgspec import Raw, Struct, json, structs

from stepdown.errors import (
    StepdownError,
    UnknownModel,
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimedOut,
)
from stepdown.pipeline import Pipeline
from stepdown.ports import Fleet
from stepdown.providers.blame import is_misconfigured
from stepdown.providers.openai_transcript import OpenAITranscript
from stepdown.types import Choice, Journey, Request, Usage

LONGEST_ERROR = 300
"""Characters of a failure's message that are kept."""


class Call:
    """A call, and what has come of it so far: it is its own client and its own ledger.

    ``journey`` is None until the call has ended.
    """

    def __init__(self, model: str, request: Request) -> None:
        self.model = model
        self.failure: StepdownError | None = None
        self.journey: Journey | None = None
        self._request = _alone(request, model)
        self._body = b""
        self._choices: tuple[Choice, ...] = ()

    async def make(self, fleet: Fleet) -> None:
        """Make it, with the fleet's retries. What goes wrong becomes the ``failure``.

        Raises UnknownModel.
        """
        try:
            await Pipeline({}, fleet, self).handle(self._request, self)
            self._choices = _read(self._body)
        except UnknownModel:
            raise
        except StepdownError as failure:
            self.failure = failure

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What was said; nothing where the call failed."""
        return self._choices if self.failure is None else ()

    @property
    def was_made(self) -> bool:
        """Whether any upstream was asked."""
        return self.journey is not None and bool(self.journey.attempts)

    @property
    def is_final(self) -> bool:
        """Whether asking again would be asking twice.

        Not where nobody was asked, nor where the endpoint would have refused any request: to mend
        the configuration has to be enough.
        """
        failure = self.failure
        if isinstance(failure, UpstreamError) and is_misconfigured(failure):
            return False
        return self.was_made

    @property
    def served_by(self) -> str | None:
        """The model that answered, which is another where a fallback did."""
        served = None if self.journey is None else self.journey.served
        return None if served is None else served.model

    @property
    def usage(self) -> Usage | None:
        """The answer's, where there is one and the upstream told it."""
        served = None if self.journey is None else self.journey.served
        if served is None or served.estimated or self.failure is not None:
            return None
        return served.usage

    @property
    def seconds(self) -> float:
        """How long the answer took by itself or, where there is none, all that was tried."""
        journey = self.journey
        if journey is None:
            return 0.0
        part = journey if journey.served is None else journey.served
        return 0.0 if part.ended is None else part.ended - part.started

    @property
    def error(self) -> str | None:
        """The failure in one line, its code first."""
        if self.failure is None:
            return None
        line = " ".join(f"{self.failure.code}: {self.failure.message}".split())
        return line if len(line) <= LONGEST_ERROR else f"{line[: LONGEST_ERROR - 1]}…"

    def bill(self) -> "Bill":
        attempts = [] if self.journey is None else self.journey.attempts
        cost, unknown, untold = Decimal(0), 0, 0
        for attempt in attempts:
            if attempt.usage is None:
                untold += attempt.error == UpstreamTimedOut.code
            elif attempt.cost is None or attempt.estimated:
                unknown += 1
            else:
                cost += attempt.cost
        return Bill(cost, unknown, untold)

    # ── what the pipeline tells ──────────────────────────────────────────────────────────────

    def record(self, journey: Journey) -> None:
        self.journey = journey

    async def answer(self, journey: Journey, body: bytes) -> None:
        self._body = body

    async def open_stream(self, journey: Journey) -> None:
        raise AssertionError("a reply that comes whole is no stream")

    async def write(self, data: bytes) -> None:
        raise AssertionError("a reply that comes whole is no stream")

    async def close_stream(self) -> None:
        raise AssertionError("a reply that comes whole is no stream")


class Bill(Struct, frozen=True):
    """What a call's attempts cost in US dollars, as far as it is known.

    Of ``unknown`` attempts the price or the usage is not; ``untold`` ones timed out, and may have
    been worked on to their end all the same.
    """

    cost: Decimal
    unknown: int = 0
    untold: int = 0

    def most(self, each: Decimal) -> Decimal:
        """The cost where no attempt of unknown cost cost more than ``each``."""
        return self.cost + (self.unknown + self.untold) * each


def _alone(request: Request, model: str) -> Request:
    """The same request, put to this model, its reply whole."""
    fields = {k: v for k, v in request.fields.items() if k not in ("stream", "stream_options")}
    fields["model"] = Raw(json.encode(model))
    return structs.replace(
        request,
        id=f"sd-{token_hex(10)}",
        prompt=structs.replace(request.prompt, model=model, stream=None, stream_options=None),
        fields=fields,
        route=None,
        deferred=False,
    )


def _read(body: bytes) -> tuple[Choice, ...]:
    """Raises UpstreamMalformed."""
    transcript = OpenAITranscript(streamed=False, hide_logprobs=False)
    transcript.feed(body)
    if not transcript.choices:
        raise UpstreamMalformed("The upstream's reply has no choices.")
    return transcript.choices
