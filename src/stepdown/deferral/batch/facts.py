"""What was decided for a line, kept with it until its answer comes; and a journey made of it."""

import time
from collections.abc import Mapping

from msgspec import Struct, json, msgpack, structs

from stepdown.requests import request_of
from stepdown.storage.batch_rows import LineRow
from stepdown.types import Decision, Journey, Reading, Request, Shrunk

MODE_HEADER = "x-stepdown-mode"


OWN_HEADERS = "x-stepdown-"
"""What the headers begin with that are kept with a deferred call."""


class Facts(Struct, frozen=True, array_like=True):
    """A journey as far as it had come when the line was planned; ``time`` is seconds since 1970.

    ``headers``, ``asked`` (the route named beside the body), ``intent`` and ``session`` are the
    request's; ``techniques``, ``before`` and ``after`` are compression's.
    """

    tenant: str
    time: float
    headers: Mapping[str, str]
    asked: str | None
    intent: str | None
    session: str | None
    route: str | None
    decision: Decision | None
    reference_model: str | None
    readings: Mapping[str, Reading]
    techniques: tuple[str, ...] = ()
    before: int = 0
    after: int = 0


_encoder = msgpack.Encoder(enc_hook=str)
_decode = msgpack.Decoder(Facts).decode


def facts_of(journey: Journey) -> bytes:
    """What is to be kept of a planned journey. A reading that is no JSON value becomes text."""
    request = journey.request
    facts = Facts(
        request.tenant,
        journey.time,
        {name: text for name, text in request.headers.items() if name.startswith(OWN_HEADERS)},
        request.route,
        request.intent,
        request.session,
        journey.route,
        journey.decision,
        journey.reference_model,
        journey.readings,
    )
    if (shrunk := journey.shrunk) is not None:
        made = {"techniques": shrunk.techniques, "before": shrunk.before, "after": shrunk.after}
        facts = structs.replace(facts, **made)
    return _encoder.encode(facts)


def request_id(batch: str, number: int) -> str:
    """The id of a line's request: the same whenever the line is read."""
    return f"{batch}.{number}"


def new_request(batch: str, number: int, body: bytes, tenant: str) -> Request:
    """The request of a line of a file, with the patience of a batch. Raises InvalidField."""
    request = request_of(body, id=request_id(batch, number), headers={MODE_HEADER: "batch"})
    request.tenant = tenant
    return request


def deferred_request(request: Request, batch: str) -> Request:
    """A deferred call's request as that of a line, with the patience of a batch."""
    own = {name: text for name, text in request.headers.items() if name.startswith(OWN_HEADERS)}
    return structs.replace(request, id=request_id(batch, 1), headers={**own, MODE_HEADER: "batch"})


def request_of_line(line: LineRow) -> Request:
    """The request of a planned line, as it came."""
    return _request(line, line.body, _decode(line.facts))


def sent_request(line: LineRow) -> Request:
    """What goes upstream of a planned line."""
    return _request(line, line.body if line.sent is None else line.sent, _decode(line.facts))


def _request(line: LineRow, body: bytes, facts: Facts) -> Request:
    request = request_of(
        body,
        id=request_id(line.batch, line.seq),
        headers=facts.headers,
        intent=facts.intent,
        session=facts.session,
    )
    request.tenant, request.route = facts.tenant, facts.asked
    return request


def body_of(request: Request) -> bytes:
    """A request's body as it is stored."""
    return json.encode(request.fields)


def journey_of(line: LineRow) -> Journey:
    """The journey of a line as it was planned, begun as long ago as that was."""
    facts = _decode(line.facts)
    now = time.time()
    request = _request(line, line.body, facts)
    journey = Journey(request, time.monotonic() - max(0.0, now - facts.time), now, facts.route)
    journey.decision = facts.decision
    journey.reference_model = facts.reference_model
    journey.readings = facts.readings
    if line.sent is not None:
        sent = _request(line, line.sent, facts)
        journey.shrunk = Shrunk(sent, facts.techniques, facts.before, facts.after)
    return journey
