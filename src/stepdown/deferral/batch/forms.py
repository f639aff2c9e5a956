"""Files, batches and deferred calls as JSON: what polls, lists and webhooks show."""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw, Struct, json, to_builtins

from stepdown.deferral.batch.interface import Batch, BatchFile, DeferredCall, Page

CALLS_PATH = "/v1/deferred"
"""Where a deferred call is asked for; its id follows."""


def file_object(file: BatchFile) -> dict[str, Any]:
    """OpenAI's file object."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": int(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def deleted_object(file: str) -> dict[str, Any]:
    """What the deletion of a file answers."""
    return {"id": file, "object": "file", "deleted": True}


def batch_object(batch: Batch) -> dict[str, Any]:
    """OpenAI's batch object; ``stepdown`` has what OpenAI knows nothing of."""
    times = {name: _seconds(getattr(batch, name)) for name in _TIMES}
    shown: dict[str, Any] = {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": None,
        "errors": _errors(batch),
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": batch.status,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        **times,
        "request_counts": to_builtins(batch.counts),
        "usage": _usage(batch),
        "metadata": None if batch.metadata is None else dict(batch.metadata),
        "stepdown": {
            "models": dict(batch.models),
            "cost": batch.money.cost,
            "reference_cost": batch.money.reference,
            "batch_discount": batch.money.discount,
            "unpriced": batch.money.unpriced,
        },
    }
    if batch.webhook:
        shown["stepdown"]["webhook"] = _webhook(batch)
    return shown


def call_object(call: DeferredCall) -> dict[str, Any]:
    """A deferred call, the chat completion in it byte by byte as it came."""
    shown: dict[str, Any] = {
        "id": call.id,
        "object": "stepdown.deferred",
        "status": call.status,
        "created_at": int(call.created_at),
        "deadline_at": int(call.deadline_at),
        "expires_at": int(call.expires_at),
        "poll_url": f"{CALLS_PATH}/{call.id}",
    }
    if call.webhook:
        shown["webhook"] = _webhook(call)
    for member, given in (("stepdown", call.facts), ("error", call.error)):
        if given is not None:
            shown[member] = Raw(given)
    if call.response is not None:
        shown["response"] = Raw(call.response)
    return shown


def page_object(page: Page[Any]) -> dict[str, Any]:
    """OpenAI's list object."""
    data = [_any(item) for item in page.data]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": page.has_more,
    }


def encode(shown: Mapping[str, Any]) -> bytes:
    """Any of them as JSON."""
    return json.encode(shown)


_TIMES = (
    "created_at",
    "in_progress_at",
    "expires_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
)


def _any(item: Struct) -> dict[str, Any]:
    if isinstance(item, BatchFile):
        return file_object(item)
    assert isinstance(item, Batch)
    return batch_object(item)


def _seconds(moment: float | None) -> int | None:
    return None if moment is None else int(moment)


def _errors(batch: Batch) -> dict[str, Any] | None:
    if not batch.errors:
        return None
    data = [
        {"code": e.code, "line": e.line, "message": e.message, "param": e.param}
        for e in batch.errors
    ]
    return {"object": "list", "data": data}


def _usage(batch: Batch) -> dict[str, Any]:
    used = batch.usage
    return {
        "input_tokens": used.input,
        "input_tokens_details": {"cached_tokens": used.cached_input},
        "output_tokens": used.output,
        "output_tokens_details": {"reasoning_tokens": used.reasoning},
        "total_tokens": used.input + used.output,
    }


def _webhook(told: Batch | DeferredCall) -> dict[str, Any]:
    shown = {"name": told.webhook, "status": told.delivery, "tries": told.tries}
    if told.delivery_error:
        shown["error"] = told.delivery_error
    return shown
