"""The lines of a batch's files: answers, errors, and what was never asked.

Source: platform.openai.com/docs/api-reference/batch/request-output
"""

from hashlib import sha256
from typing import Any

from msgspec import Raw, json

from stepdown.deferral.batch.facts import request_id
from stepdown.errors import StepdownError
from stepdown.storage.batch_rows import LineRow

EXPIRED = "batch_expired"
CANCELLED = "batch_cancelled"
WHY = {
    EXPIRED: "This request could not be executed before the completion window expired.",
    CANCELLED: "This request was not executed because the batch was cancelled.",
}


def is_good(status: int | None) -> bool:
    """Whether a line of this status is an answer; all others are errors."""
    return status == 200


def shown(line: LineRow) -> bytes:
    """An ended line as it stands in a file."""
    response = error = None
    if line.status is not None:
        response = {
            "status_code": line.status,
            "request_id": request_id(line.batch, line.seq),
            "body": Raw(_one_line(line.response or b"null")),
        }
    else:
        error = {"code": line.code, "message": line.message}
    name = sha256(request_id(line.batch, line.seq).encode()).hexdigest()[:32]
    said = {
        "id": f"batch_req_{name}",
        "custom_id": line.custom_id,
        "response": response,
        "error": error,
    }
    return json.encode(said) + b"\n"


def envelope(error: StepdownError) -> bytes:
    """An error as the body of a reply."""
    said: dict[str, Any] = {
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    return json.encode({"error": said})


def envelope_of(code: str, message: str) -> bytes:
    """Why there is no reply, as the body of one."""
    said = {"message": message, "type": "api_error", "param": None, "code": code}
    return json.encode({"error": said})


def _one_line(body: bytes) -> bytes:
    """A JSON value without line breaks, which in JSON stand only between its parts."""
    return body.replace(b"\r", b" ").replace(b"\n", b" ").strip()
