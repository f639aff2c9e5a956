"""The detail of one request: what a journey leaves behind, and how it is kept in segments.

A segment's body is zlib over MessagePack, one array per detail: a third of the time of a row of
its own, and a twentieth of its bytes (benchmarks/ledger.py; docs/money.md has the figures).
"""

import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import cast

import msgspec
from msgspec import Struct

from stepdown.types import Attempt, Journey, Reading, Request, Usage

FORMAT = 1
"""Of segment bodies. New fields go to the end of a Struct, with a default, and keep the format."""

ZERO = Decimal(0)
TAG_COUNT = 8
TAG_LENGTH = 64


class Detail(Struct, frozen=True, array_like=True, gc=False):
    """One request. Read one with ``unpack``.

    ``time`` is in seconds since 1970. ``started`` and the attempts' times are seconds of the
    gateway's monotonic clock, to be read as differences. ``attempts`` stand in the order of their
    beginning, but for one: the attempt whose answer the client got is always the last. ``model``
    and ``deployment`` are those of the last attempt, and ``estimated`` says whether its usage is
    the gateway's own estimate. ``usage`` and ``cost`` (US dollars, None where a price is unknown)
    sum all attempts, a cascade's rejected answers and its graders' calls included;
    ``reference_cost`` is that of the served answer alone, to the whole prompt.

    ``cache`` is ``exact`` or ``semantic`` where a stored answer was served: without an attempt, a
    usage and a cost. ``techniques`` shortened the prompt from ``tokens_before`` to ``tokens_after``
    (estimates; the usage is that of the shorter one). The discounts are those savers' part of what
    was saved.
    """

    id: str
    time: float
    started: float
    ended: float
    route: str
    decision: str
    rung: int
    model: str
    deployment: str
    ambiguous: bool
    policy: str
    propensity: float
    reference_model: str
    outcome: str
    error: str | None
    stream: bool
    usage: Usage | None
    estimated: bool
    cost: Decimal | None
    reference_cost: Decimal | None
    attempts: list[Attempt]
    readings: Mapping[str, Reading]
    tenant: str
    intent: str | None
    session: str | None
    tags: str
    cache: str = ""
    techniques: tuple[str, ...] = ()
    tokens_before: int = 0
    tokens_after: int = 0
    compression_discount: Decimal = ZERO
    batch_discount: Decimal = ZERO

    @property
    def latency(self) -> float:
        """Seconds from the request's entry to its end."""
        return self.ended - self.started

    @property
    def first_byte(self) -> float | None:
        """Seconds to the first byte of the answer, or None where none came."""
        came = self.attempts[-1].first_byte if self.attempts else None
        return None if came is None else came - self.started

    @property
    def saved(self) -> Decimal | None:
        """Reference cost less cost, or None where either is unknown."""
        if self.cost is None or self.reference_cost is None:
            return None
        return self.reference_cost - self.cost

    @property
    def downgraded(self) -> bool:
        """Whether the route sent it to another model than the reference."""
        return self.route != "" and self.model != self.reference_model and not self.is_hit

    @property
    def is_hit(self) -> bool:
        """Whether a stored answer was served."""
        return self.cache in ("exact", "semantic")

    @property
    def saver(self) -> str:
        """Whose saving it is, but for the discounts: ``exact``, ``semantic``, ``cascade`` or
        ``route``."""
        if self.is_hit:
            return self.cache
        return "cascade" if self.attempts and self.attempts[0].rung is not None else "route"


def detail_of(journey: Journey) -> Detail:
    """What a finished journey leaves behind. Costs about a microsecond; copies no prompt."""
    request, decision, attempts = journey.request, journey.decision, journey.attempts
    usage = journey.usage
    if len(attempts) > 1:
        attempts = _served_last(attempts, journey.served)
        usage = _sum(attempts)
    last = attempts[-1] if attempts else None
    spent = usage is not None or journey.hit is not None
    shrunk = journey.shrunk
    return Detail(
        request.id,
        journey.time,
        journey.started,
        journey.started if journey.ended is None else journey.ended,
        journey.route or "",
        "" if decision is None else decision.name,
        0 if decision is None else decision.rung,
        last.model if last is not None else "" if decision is None else decision.model,
        "" if last is None else last.deployment,
        decision is not None and decision.ambiguous,
        "" if decision is None else decision.policy,
        1.0 if decision is None else decision.propensity,
        journey.reference_model or "",
        journey.outcome,
        journey.error,
        request.streams,
        usage,
        last is not None and last.estimated,
        journey.cost if spent else ZERO,
        journey.reference_cost if spent else ZERO,
        attempts,
        journey.readings,
        request.tenant,
        request.intent,
        request.session,
        tags_of(request),
        journey.cache or "",
        () if shrunk is None else shrunk.techniques,
        0 if shrunk is None else shrunk.before,
        0 if shrunk is None else shrunk.after,
        journey.compression_discount,
        journey.batch_discount,
    )


def tags_of(request: Request) -> str:
    """The request's ``metadata.tags`` (a list of strings, or one) as a JSON array; ``''`` if none.

    At most ``TAG_COUNT`` tags of at most ``TAG_LENGTH`` characters are kept, sorted.
    """
    metadata = request.prompt.metadata
    if not metadata or not (given := metadata.get("tags")):
        return ""
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, list):
        return ""
    listed = cast("list[object]", given)
    tags = {tag[:TAG_LENGTH] for tag in listed if isinstance(tag, str) and tag}
    return msgspec.json.encode(sorted(tags)[:TAG_COUNT]).decode() if tags else ""


def _served_last(attempts: list[Attempt], served: Attempt | None) -> list[Attempt]:
    """A cheap answer may be served after its hedge began, or after the strong model failed."""
    if served is None or attempts[-1] is served:
        return attempts
    return [*(attempt for attempt in attempts if attempt is not served), served]


def _sum(attempts: Sequence[Attempt]) -> Usage | None:
    used = [attempt.usage for attempt in attempts if attempt.usage is not None]
    if len(used) <= 1:
        return used[0] if used else None
    return Usage(*(sum(counts) for counts in zip(*map(msgspec.structs.astuple, used), strict=True)))


class PromptRecord(Struct, frozen=True, array_like=True):
    """A request's body: the client's JSON object, with its time in seconds since 1970."""

    id: str
    time: float
    body: bytes


_encoder = msgspec.msgpack.Encoder(enc_hook=str)
_details = msgspec.msgpack.Decoder(list[Detail])
_prompts = msgspec.msgpack.Decoder(list[PromptRecord])


def encode(item: Detail | PromptRecord) -> bytes:
    """One item, as a segment holds it. A reading of a type that is not JSON's becomes text."""
    return _encoder.encode(item)


def prompt_of(journey: Journey) -> PromptRecord:
    """The client's JSON as it came."""
    request = journey.request
    return PromptRecord(request.id, journey.time, msgspec.json.encode(request.fields))


def pack(items: Sequence[bytes]) -> bytes:
    """A segment's body for encoded items. The interpreter's lock is free while it compresses."""
    header = b"\xdd" + len(items).to_bytes(4, "big")  # MessagePack's "array 32"
    return zlib.compress(header + b"".join(items), level=1)


def unpack(body: bytes) -> list[Detail]:
    """The details in a segment's body. Raises ValueError where it is damaged."""
    return _details.decode(_inflate(body))


def unpack_prompts(body: bytes) -> list[PromptRecord]:
    """The prompts in a segment's body. Raises ValueError where it is damaged."""
    return _prompts.decode(_inflate(body))


def _inflate(body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error as error:
        raise ValueError(f"a damaged segment: {error}") from error
