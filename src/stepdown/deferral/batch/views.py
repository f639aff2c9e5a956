"""Stored rows as callers see them."""

from msgspec import DecodeError, Raw, Struct, json

from stepdown.deferral.batch.answers import CANCELLED, envelope_of
from stepdown.deferral.batch.facts import request_id
from stepdown.deferral.batch.interface import (
    Batch,
    BatchError,
    BatchFile,
    BatchMoney,
    BatchUsage,
    CallStatus,
    DeferredCall,
    RequestCounts,
)
from stepdown.storage.batch_rows import FINAL, BatchRow, FileRow, LineRow
from stepdown.storage.money import from_pico


class _Envelope(Struct):
    error: Raw


_envelope = json.Decoder(_Envelope).decode
_errors = json.Decoder(tuple[BatchError, ...]).decode
_models = json.Decoder(dict[str, int]).decode
_metadata = json.Decoder(dict[str, str]).decode


def file_of(row: FileRow) -> BatchFile:
    return BatchFile(
        row.id,
        row.tenant,
        row.purpose,  # type: ignore[arg-type]  # rows are made by this package
        row.filename,
        row.bytes,
        row.created_at,
        row.expires_at,
    )


def batch_of(row: BatchRow) -> Batch:
    """A batch; its files are there once it has ended."""
    over = row.status in FINAL
    return Batch(
        id=row.id,
        tenant=row.tenant,
        status=row.status,  # type: ignore[arg-type]  # rows are made by this package
        endpoint=row.endpoint,
        input_file_id=row.input_file,
        completion_window=row.completion_window,
        created_at=row.created_at,
        expires_at=row.expires_at,
        in_progress_at=row.in_progress_at,
        finalizing_at=row.finalizing_at,
        completed_at=row.completed_at,
        failed_at=row.failed_at,
        expired_at=row.expired_at,
        cancelling_at=row.cancelling_at,
        cancelled_at=row.cancelled_at,
        output_file_id=(row.output_file or None) if over else None,
        error_file_id=(row.error_file or None) if over else None,
        errors=_errors(row.errors),
        counts=RequestCounts(row.total, row.completed, row.failed),
        usage=BatchUsage(
            row.input_tokens, row.cached_tokens, row.output_tokens, row.reasoning_tokens
        ),
        money=BatchMoney(
            _dollars(row.cost), _dollars(row.reference_cost), _dollars(row.discount), row.unpriced
        ),
        models=_models(row.models),
        metadata=None if row.metadata is None else _metadata(row.metadata),
        webhook=row.webhook,
        delivery=row.delivery,
        tries=row.tries,
        delivery_error=row.delivery_error,
    )


def call_of(row: BatchRow, line: LineRow) -> DeferredCall:
    """A deferred call, by its batch and its only line."""
    status = _status(row, line)
    good, over = status == "succeeded", status in ("succeeded", "failed", "cancelled")
    error = _error(line) if over and not good else None
    return DeferredCall(
        id=row.id,
        tenant=row.tenant,
        status=status,
        created_at=row.created_at,
        deadline_at=row.expires_at,
        expires_at=row.forget_at,
        response=line.response if good else None,
        facts=_facts(row, line) if over else None,
        error=error,
        webhook=row.webhook,
        delivery=row.delivery,
        tries=row.tries,
        delivery_error=row.delivery_error,
    )


def _error(line: LineRow) -> bytes:
    """Why a line has no answer. What a provider says in a form of its own is not shown."""
    body = envelope_of(line.code, line.message)
    if line.status is not None:
        body = line.response or b""
    try:
        return bytes(_envelope(body).error)
    except DecodeError:
        said = f"The provider answered with status {line.status}."
        return bytes(_envelope(envelope_of("upstream_error", said)).error)


def _status(row: BatchRow, line: LineRow) -> CallStatus:
    if line.state != "ended":
        return _LIVE[line.state]
    if line.status == 200:
        return "succeeded"
    return "cancelled" if line.code == CANCELLED else "failed"


_LIVE: dict[str, CallStatus] = {
    "planned": "queued",
    "ready": "queued",
    "sent": "submitted",
    "calling": "running",
}


def _facts(row: BatchRow, line: LineRow) -> bytes:
    """What ``x-stepdown-*`` headers would have told, and whether a batch answered."""
    priced = not row.unpriced
    told = {
        "request_id": request_id(row.id, line.seq),
        "model": line.model or None,
        "cost": _dollars(row.cost) if priced else None,
        "saved": _dollars(row.reference_cost - row.cost) if priced else None,
        "batch_discount": _dollars(row.discount),
        "batched": bool(line.submission) and line.state == "ended" and line.owner == "",
    }
    return json.encode(told)


def _dollars(amount: int) -> str:
    return format(from_pico(amount), "f")
