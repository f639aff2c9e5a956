"""The nouns: what a request, a reading, a decision, an attempt and a journey are.

Everything here is a msgspec Struct: as plain to read as a frozen dataclass, and several times
cheaper to build and to encode on the hot path (docs/adr/0002-structs.md). Nothing here does I/O.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from msgspec import Raw, Struct, structs

# ── What the client asked ────────────────────────────────────────────────────────────────────


class Part(Struct, frozen=True, gc=False):
    """One part of a message's content; only text is read, the rest is known by its type."""

    type: str
    text: str | None = None


class Message(Struct, frozen=True):
    """One turn. ``content`` is text, a list of parts, or nothing (a turn of tool calls)."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: list[Raw] | None = None

    @property
    def text(self) -> str:
        """The turn's text; its text parts joined by line breaks where it has several."""
        content = self.content
        if isinstance(content, str):
            return content
        if content is None:
            return ""
        return "\n".join(part.text for part in content if part.text)

    def has(self, kind: str) -> bool:
        """Whether a part of this kind (``image_url``, ``input_audio``, ``file``) is present."""
        return isinstance(self.content, list) and any(p.type == kind for p in self.content)


class ToolFunction(Struct, frozen=True):
    name: str | None = None


class Tool(Struct, frozen=True):
    type: str = "function"
    function: ToolFunction | None = None


class ResponseFormat(Struct, frozen=True):
    type: str
    json_schema: dict[str, Any] | None = None


class StreamOptions(Struct, frozen=True):
    include_usage: bool | None = None


class Prompt(Struct, frozen=True):
    """The part of a request that the gateway reads, in the shape of OpenAI's chat request.

    Fields that are not named here are not looked at: they stay in ``Request.fields`` and reach
    the upstream as they came.
    Source: platform.openai.com/docs/api-reference/chat/create
    """

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    response_format: ResponseFormat | None = None
    tools: list[Tool] | None = None
    n: int | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None

    @property
    def output_limit(self) -> int | None:
        """The most output tokens the client allows, or None."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def wants_usage(self) -> bool:
        """Whether the client itself asked for usage at the end of a stream."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def last_user_text(self) -> str:
        """The text of the last user turn, or the empty string."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text
        return ""

    def system_text(self) -> str:
        """System and developer turns, joined by line breaks."""
        return "\n".join(m.text for m in self.messages if m.role in ("system", "developer"))


class Request(Struct):
    """One request as it entered the gateway.

    ``fields`` holds the client's JSON object value by value, each as the bytes that came, so a
    field that this version has never heard of passes through unchanged.
    ``headers`` are by lower-case name; credentials are not among them.
    ``route`` is a route or model named beside the body, which then wins over the body's ``model``.
    ``deferred``: the caller does not wait, and will ask for the answer later.
    """

    id: str
    prompt: Prompt
    fields: dict[str, Raw]
    size: int = 0
    headers: Mapping[str, str] = {}
    route: str | None = None
    intent: str | None = None
    session: str | None = None
    tenant: str = ""
    deferred: bool = False

    @property
    def target(self) -> str:
        """The route or model that is to answer."""
        return self.route or self.prompt.model

    @property
    def streams(self) -> bool:
        return bool(self.prompt.stream)


# ── What was measured and decided ────────────────────────────────────────────────────────────


class Reading(Struct, frozen=True):
    """A signal's value for one request.

    ``value`` is a number, a string, a bool, or a frozenset of strings (``task``).
    ``confidence`` is in 0..1: below the rule's need, a comparison is *borderline*.
    ``error`` is the half-width of the value's interval, in the value's unit (``tokens``).
    ``saw`` says what the value was read from, for ``explain``.
    """

    value: Any
    confidence: float = 1.0
    saw: str = ""
    error: float = 0.0


class Verdict(Struct, frozen=True):
    """What one rule said. ``matched`` is None when it is borderline."""

    name: str
    matched: bool | None
    because: str
    rung: int


class Decision(Struct, frozen=True):
    """Which rung answers, and why.

    ``name`` is the rule that decided, or one of the built-in reasons: ``default`` (no rule
    matched), ``cascade`` (no rule matched, and the answer will be checked), ``session`` (a
    conversation kept its rung), ``router`` (the user's own router),
    ``router-failed``, ``direct`` (the client named a model, not a route), ``exact-cache`` or
    ``semantic-cache`` (a stored answer was served; ``model`` is the one that had given it).
    ``policy`` is the hash of the rules that decided, so that a record says which policy it obeyed.
    ``propensity`` is the probability with which this rung was chosen (1 unless explored).
    ``held`` is the cheaper rung that the rule picks, where the guard lets the last one answer.
    """

    name: str
    model: str
    rung: int = 0
    ambiguous: bool = False
    policy: str = ""
    propensity: float = 1.0
    held: int | None = None


# ── What a model said ────────────────────────────────────────────────────────────────────────


class Token(Struct, frozen=True, gc=False):
    """A token of an answer with its natural-log probability.

    ``runner_up`` is the log probability of the best other token, where the upstream told it.
    """

    text: str
    logprob: float
    runner_up: float | None = None


class ToolCall(Struct, frozen=True, gc=False):
    """A tool that the model wants called; ``arguments`` is JSON as the model wrote it."""

    name: str
    arguments: str = ""


class Piece(Struct, frozen=True):
    """What one streamed event added to a choice.

    ``tool_calls`` are fragments by their place in the list: a name comes whole, in the first
    fragment of its call; arguments come in parts.
    """

    text: str = ""
    refusal: str = ""
    tokens: tuple[Token, ...] = ()
    tool_calls: tuple[tuple[int, ToolCall], ...] = ()
    finish_reason: str | None = None
    choice: int = 0

    @property
    def is_text(self) -> bool:
        """Whether it adds text and nothing else."""
        return not (self.refusal or self.tokens or self.tool_calls or self.finish_reason)


class Choice(Struct, frozen=True):
    """One of a reply's choices. ``tokens`` is None where the upstream told no log probabilities."""

    text: str = ""
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    tokens: tuple[Token, ...] | None = None


Role = Literal["answer", "sample", "judge"]
"""What a call is for: an answer to serve, another sample of one, or a judge's grade of one."""


class Consult(Struct, frozen=True):
    """A grader's wish: ask these at once. ``model`` None: the model whose answer is graded."""

    requests: tuple[Request, ...]
    role: Role
    model: str | None = None


# ── How good an answer is ────────────────────────────────────────────────────────────────────


class Task(Struct, frozen=True):
    """What was asked, and what is known of a right answer.

    ``expected`` is a JSON value, None where nothing is known; a list of texts means that each of
    them is right. ``labels`` are all that an answer may say, where the task is a classification.
    """

    request: Request
    expected: Any = None
    labels: tuple[str, ...] = ()


class Scores(Struct, frozen=True):
    """How good several answers to one task are, in the answers' order; the last is the reference.

    ``values`` are in 0..1, None for an answer that no scorer could settle: ``why`` says what was in
    the way. ``scorer`` settled them. ``flips`` counts comparisons in which a judge, asked in both
    orders, contradicted itself; each was taken for a tie. ``judged`` counts comparisons in all.
    """

    values: tuple[float | None, ...]
    scorer: str = ""
    flips: int = 0
    judged: int = 0
    why: str | None = None


# ── What was spent ───────────────────────────────────────────────────────────────────────────


class Usage(Struct, frozen=True, gc=False):
    """Tokens of one call, as the upstream counted them. ``input`` includes the cached ones."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0


ACCEPTED = "accepted"
"""The verdict on an answer that was served."""


class Attempt(Struct, omit_defaults=True):
    """One call to one deployment. Times are seconds of the monotonic clock.

    The last five are a cascade's: the ``rung`` that was tried, what the call was for, and, for an
    answer, the ``verdict`` (``accepted``, or the name of what turned it down: a validator,
    ``timeout``, ``hedge`` for one that the other call overtook, ``error``), the ``reason`` in
    words, and whether it was dropped ``early``, before its end.
    """

    model: str
    deployment: str
    started: float
    first_byte: float | None = None
    ended: float | None = None
    status: int | None = None
    error: str | None = None
    usage: Usage | None = None
    estimated: bool = False
    cost: Decimal | None = None
    rung: int | None = None
    role: Role = "answer"
    verdict: str | None = None
    reason: str | None = None
    early: bool = False


class Hit(Struct, frozen=True):
    """An answer that a cache holds.

    ``body`` is what to answer with, in the form that the request asks for: the chat completion as
    one object, or a stream's events. ``usage`` is what its call used, ``model`` the one that gave
    it, ``stored`` the time in seconds since 1970. ``id`` names the entry.
    """

    id: str
    body: bytes
    model: str
    usage: Usage | None
    stored: float


CacheState = Literal["exact", "semantic", "miss", "bypass"]
"""Which cache answered, that none could, or that none was to be asked."""


class Shrunk(Struct, frozen=True):
    """What compression made of a request: what is sent in its place, which techniques did it, and
    the prompt's estimated tokens before and after."""

    request: Request
    techniques: tuple[str, ...]
    before: int
    after: int

    def whole(self, usage: Usage) -> Usage:
        """What the whole prompt would have used, where the shrunk one used this."""
        return structs.replace(usage, input=usage.input + self.before - self.after)


class Journey(Struct):
    """One request's way through the gateway: filled in step by step, recorded at the end.

    ``cache`` says what the caches had to say, ``hit`` what one of them answered. ``shrunk`` is what
    compression made of the request. ``served`` is the attempt whose answer the client got, or gets.
    ``outcome`` is ``answered``, ``failed`` or ``cancelled`` (the client went away).
    ``cost`` sums every attempt, failed ones included; ``reference_cost`` is what the strong model
    would have cost for the whole prompt and the same answer; either is None when a price is
    unknown. Of the difference, ``compression_discount`` and ``batch_discount`` are owed to those.
    """

    request: Request
    started: float
    time: float
    route: str | None = None
    decision: Decision | None = None
    readings: Mapping[str, Reading] = {}
    reference_model: str | None = None
    cache: CacheState | None = None
    hit: Hit | None = None
    shrunk: Shrunk | None = None
    attempts: list[Attempt] = []
    served: Attempt | None = None
    outcome: str = "failed"
    error: str | None = None
    ended: float | None = None
    usage: Usage | None = None
    cost: Decimal | None = None
    reference_cost: Decimal | None = None
    compression_discount: Decimal = Decimal(0)
    batch_discount: Decimal = Decimal(0)

    @property
    def sent(self) -> Request:
        """What goes upstream."""
        return self.request if self.shrunk is None else self.shrunk.request

    @property
    def saved(self) -> Decimal | None:
        """Reference cost less cost; negative when the gateway spent more."""
        if self.cost is None or self.reference_cost is None:
            return None
        return self.reference_cost - self.cost


# ── What calls need ──────────────────────────────────────────────────────────────────────────


class Timeouts(Struct, frozen=True, gc=False):
    """Seconds a call may take in each phase; ``total`` bounds the whole of it."""

    connect: float = 5.0
    first_byte: float = 600.0
    between_chunks: float = 60.0
    total: float = 6000.0


class Try(Struct, frozen=True):
    """A call plan's wish: call this deployment."""

    deployment: Any


class Wait(Struct, frozen=True, gc=False):
    """A call plan's wish: wait this many seconds, then ask again."""

    seconds: float
