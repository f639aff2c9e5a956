"""Every seam that a plug-in or a backend can fill, as Protocols, on one page."""

from collections.abc import AsyncIterator, Collection, Generator, Mapping, Sequence
from decimal import Decimal
from typing import Literal, Protocol

from stepdown.errors import UpstreamError
from stepdown.types import (
    Attempt,
    Choice,
    Consult,
    Decision,
    Hit,
    Journey,
    Piece,
    Reading,
    Request,
    Scores,
    Shrunk,
    Task,
    Timeouts,
    Try,
    Usage,
    Verdict,
    Wait,
)


class Signal(Protocol):
    """Measures one fact about a request. Pure, synchronous and fast: it runs on every request."""

    @property
    def name(self) -> str: ...

    def read(self, request: Request) -> Reading: ...


class Adviser(Protocol):
    """The user's own router, asked before the decision; its answer is the reading ``router``.

    Returns a reading whose value is a model of the ladder, or None where it failed (``saw`` says
    why); never raises.
    """

    async def advise(self, request: Request, readings: Mapping[str, Reading]) -> Reading: ...


class Route(Protocol):
    """A virtual model name: its ladder, its signals and its policy. No I/O."""

    @property
    def name(self) -> str: ...

    @property
    def ladder(self) -> Sequence[str]: ...

    @property
    def adviser(self) -> Adviser | None: ...

    def read(self, request: Request) -> dict[str, Reading]: ...

    def decide(self, request: Request, readings: Mapping[str, Reading]) -> Decision: ...

    def explain(self, readings: Mapping[str, Reading]) -> list[Verdict]: ...

    def remember(self, request: Request, rung: int) -> None:
        """Note which rung answered this conversation's turn."""


class Price(Protocol):
    """What a model's tokens cost."""

    def cost(self, usage: Usage) -> Decimal:
        """US dollars for one call."""
        ...


class Reply(Protocol):
    """An upstream's answer, its head arrived. Close it, whatever happens."""

    @property
    def status(self) -> int: ...

    def header(self, name: bytes) -> bytes | None:
        """A header by its lower-case name."""
        ...

    async def read(self) -> bytes:
        """The whole body. Raises UpstreamError."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body as it arrives; what arrived together comes as one. Raises UpstreamError."""
        ...

    def close(self) -> None:
        """Give the connection back, or cut it where the body was not read to its end."""


class Upstream(Protocol):
    """One endpoint that speaks a wire dialect."""

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> Reply:
        """POST a chat request; return when the head is in. Raises UpstreamError."""
        ...

    async def aclose(self) -> None: ...


class StreamTap(Protocol):
    """Watches a stream go by: learns its usage and holds back what the client did not ask for."""

    usage: Usage | None
    error: UpstreamError | None
    """The failure that the stream itself announced."""

    @property
    def finished(self) -> bool:
        """Whether the answer came to its end, rather than being cut off."""
        ...

    @property
    def events(self) -> int:
        """About how many events have passed."""
        ...

    def feed(self, data: bytes) -> bytes:
        """What to pass on now (it may be empty)."""
        ...

    def end(self) -> bytes:
        """What was still held back when the upstream closed."""
        ...


class Transcript(Protocol):
    """Reads one reply, whole or as a stream, and can give it in either form."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What was said so far."""
        ...

    def feed(self, data: bytes) -> list[Piece]:
        """What these bytes add: the whole body, or complete events of a stream that went through
        a tap. Raises UpstreamMalformed."""
        ...

    def body(self, usage: Usage | None) -> bytes:
        """The reply as one object."""
        ...

    def events(self, *, with_usage: bool = False) -> bytes:
        """The reply as a stream. ``with_usage``: the client asked for the usage at its end."""
        ...


class Dialect(Protocol):
    """A wire dialect, on the side that faces the upstream. No I/O."""

    def encode(self, request: Request, deployment: "Deployment") -> bytes:
        """The body to send: the client's own, with only what must change changed."""
        ...

    def usage(self, body: bytes) -> Usage | None:
        """The usage that a whole reply states. Raises UpstreamMalformed when it is no reply."""
        ...

    def failure(self, status: int, body: bytes, retry_after: bytes | None) -> UpstreamError:
        """What a reply of another status than 200 means."""
        ...

    def tap(self, request: Request, reply: Reply) -> StreamTap:
        """A tap for this stream. Raises UpstreamMalformed when the reply is no stream."""
        ...

    def transcript(self, *, streamed: bool, hide_logprobs: bool) -> "Transcript":
        """A reader for one reply. ``hide_logprobs``: the client did not ask for them."""
        ...


class Deployment(Protocol):
    """One endpoint that serves a model."""

    @property
    def id(self) -> str: ...

    @property
    def model(self) -> str:
        """The name clients know it by (``model_name``)."""
        ...

    @property
    def upstream_model(self) -> str:
        """The name the upstream knows it by."""
        ...

    @property
    def stream_usage(self) -> bool:
        """Whether the upstream can be asked to state the usage of a stream."""
        ...

    @property
    def dropped(self) -> Collection[str]:
        """Request fields that this upstream refuses, left out where the config allows it."""
        ...

    @property
    def upstream(self) -> Upstream: ...

    @property
    def dialect(self) -> Dialect: ...

    @property
    def price(self) -> Price | None: ...

    @property
    def timeouts(self) -> Timeouts: ...


class Fleet(Protocol):
    """The models and their deployments: who may be called next. No I/O."""

    def models(self) -> Sequence[str]: ...

    def serves(self, model: str) -> bool: ...

    def price(self, model: str) -> Price | None:
        """The model's price, or None where it is unknown."""
        ...

    def attempts(
        self, request: Request, model: str, *, alone: bool = False
    ) -> Generator[Try | Wait, UpstreamError | None, None]:
        """Whom to call, and how long to wait between; sent each failure, dropped at success.

        ``alone``: each deployment of the model once, without waits and other models.
        Raises PromptTooLong before any call; returns when nothing is left to try.
        """
        ...

    def began(self, deployment: Deployment) -> None: ...

    def ended(self, deployment: Deployment, attempt: Attempt, error: BaseException | None) -> None:
        """Learn from an attempt: load, latency, tokens used, failures."""


class Watch(Protocol):
    """Looks at one choice while it streams in, to say as early as possible that it cannot pass."""

    @property
    def settled(self) -> bool:
        """Whether no continuation can fail the check any more."""
        ...

    def feed(self, piece: Piece) -> str | None:
        """Why no continuation can pass, or None while one could."""
        ...


class Validator(Protocol):
    """Checks a cheap answer without a call. What it raises counts as a rejection."""

    @property
    def name(self) -> str: ...

    @property
    def vouches(self) -> bool:
        """Whether passing says that the answer is right in substance, not only in manner.

        A request that no rule claims begins at the cheapest rung only where one such applies.
        """
        ...

    @property
    def settles(self) -> bool:
        """Whether its watch can settle before the end, as ``stream: optimistic`` needs."""
        ...

    @property
    def top_logprobs(self) -> int | None:
        """How many alternatives a token's log probabilities need, or None without any."""
        ...

    def applies(self, request: Request) -> bool:
        """Whether there is something to check in the answer to this request."""
        ...

    def check(self, choice: Choice, request: Request) -> str | None:
        """Why a whole answer is rejected, or None where it passes."""
        ...

    def watch(self, request: Request) -> Watch | None:
        """A watch for one choice, or None where only a whole answer can be checked."""
        ...


class Grader(Protocol):
    """Checks a cheap answer with calls of its own, each billed; asked after every validator."""

    @property
    def name(self) -> str: ...

    def applies(self, request: Request) -> bool: ...

    def grade(
        self, choice: Choice, request: Request
    ) -> Generator[Consult, Sequence[Choice | None], str | None]:
        """Why the answer is rejected, or None; sent a consultation's answers, None for a failed
        one."""
        ...


class Scorer(Protocol):
    """Says how good an answer is, without a call. Pure."""

    @property
    def name(self) -> str: ...

    def applies(self, task: Task) -> bool:
        """Whether it can score answers to this task."""
        ...

    def score(self, choice: Choice, task: Task) -> float | None:
        """0 (worst) to 1 (best), or None where it cannot tell."""
        ...


class Judge(Protocol):
    """Says how good answers are by asking a model; each call is billed. No I/O of its own."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str:
        """A ``model_name`` of the configuration."""
        ...

    def applies(self, task: Task) -> bool: ...

    def judge(
        self, choices: Sequence[Choice | None], task: Task
    ) -> Generator[Consult, Sequence[Choice | None], Scores]:
        """The answers' scores; None for those that are missing (None) or could not be judged.

        The last choice is the reference. Sent a consultation's answers, None for a failed one.
        """
        ...


class Client(Protocol):
    """Whoever waits for the answer. Writing to one that went away raises CancelledError."""

    async def answer(self, journey: Journey, body: bytes) -> None: ...

    async def open_stream(self, journey: Journey) -> None: ...

    async def write(self, data: bytes) -> None: ...

    async def close_stream(self) -> None: ...


class Cache(Protocol):
    """Answers a request again as a like one was answered before."""

    @property
    def name(self) -> Literal["exact", "semantic"]: ...

    async def look(self, journey: Journey) -> Hit | None:
        """A stored answer, or None; ``journey.cache`` says ``miss`` or ``bypass`` then.

        A failing store is a miss. Raises StepdownError only where this request waited for another's
        answer and what that failed with would meet this one too.
        """
        ...

    def listen(self, journey: Journey, client: Client) -> Client:
        """Called once a journey is decided: the client to answer to, which keeps the answer where
        it may be stored."""
        ...

    def offer(self, journey: Journey) -> None:
        """Called at the end of each journey that ``look`` saw, however it came: enqueues only,
        never awaits and never raises."""
        ...


class Compressor(Protocol):
    """Makes prompts shorter."""

    async def compress(self, journey: Journey) -> Shrunk | None:
        """What to send in place of a decided journey's request; None where that stays as it is.
        Never raises."""
        ...


class Ledger(Protocol):
    """Keeps what each request cost. ``record`` enqueues only: it never awaits and never raises."""

    def record(self, journey: Journey) -> None: ...


class Shadow(Protocol):
    """Has some requests answered a second time, in the background."""

    def listen(self, journey: Journey, client: Client) -> Client:
        """Called once a journey is decided: the client to answer to, which keeps the answer where
        the request is sampled."""
        ...

    def offer(self, journey: Journey) -> None:
        """Called at the end, however it came: enqueues only, never awaits and never raises."""
        ...
