"""A job as its caller sees it: the same JSON for a poll, a cancellation and a webhook."""

import re
from decimal import Decimal
from secrets import token_hex
from typing import Any

from msgspec import Raw, Struct, json

from stepdown.errors import JobLost, StepdownError, UpstreamError
from stepdown.storage.jobs import JobRow
from stepdown.types import ACCEPTED, Journey

PATH = "/v1/jobs"
_ID = re.compile(r"job_[0-9a-f]{40}")
_LOST = "The process that ran this job ended before the job did."


class Ending(Struct, frozen=True):
    """How a job ended. ``facts`` and ``error`` are JSON."""

    status: str
    response: bytes | None = None
    facts: str | None = None
    error: str | None = None


def new_id() -> str:
    """A job's id: 160 random bits, since whoever knows one may ask for the answer."""
    return f"job_{token_hex(20)}"


def is_id(text: str) -> bool:
    """Whether this can be a job's id: what comes from outside may hold what no database takes."""
    return _ID.fullmatch(text) is not None


def answered(journey: Journey, body: bytes) -> Ending:
    """The end of a job that was answered, with what ``x-stepdown-*`` headers would have told."""
    served, decision, hit = journey.served, journey.decision, journey.hit
    answering = served if hit is None else hit
    facts: dict[str, Any] = {
        "request_id": journey.request.id,
        "model": None if answering is None else answering.model,
        "decision": None if decision is None else decision.name,
        "cost": _dollars(journey.cost),
        "saved": _dollars(journey.saved),
        "attempts": len(journey.attempts),
    }
    if served is not None and served.verdict is not None and served.verdict != ACCEPTED:
        facts["rejected_by"] = served.verdict
    return Ending("succeeded", body, json.encode(facts).decode())


def failed(error: StepdownError) -> Ending:
    """The end of a job that got no answer."""
    return Ending("failed", error=json.encode(_said(error)).decode())


def shown(row: JobRow) -> bytes:
    """The job as JSON, the chat completion in it byte by byte as it came."""
    job: dict[str, Any] = {
        "id": row.id,
        "object": "stepdown.job",
        "status": row.status,
        "created_at": int(row.created_at),
        "expires_at": int(row.expires_at),
        "poll_url": f"{PATH}/{row.id}",
    }
    if row.webhook:
        job["webhook"] = {"name": row.webhook, "status": row.delivery, "tries": row.tries}
        if row.delivery_error:
            job["webhook"]["error"] = row.delivery_error
    if row.facts is not None:
        job["stepdown"] = Raw(row.facts.encode())
    if row.error is not None:
        job["error"] = Raw(row.error.encode())
    elif row.status == "lost":
        job["error"] = _said(JobLost(_LOST))
    if row.response is not None:
        job["response"] = Raw(row.response)
    return json.encode(job)


def _said(error: StepdownError) -> dict[str, Any]:
    """What stands under ``error`` in OpenAI's envelope."""
    said: dict[str, Any] = {
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    if isinstance(error, UpstreamError) and error.upstream_status is not None:
        said["upstream_status"] = error.upstream_status
    return said


def _dollars(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")
