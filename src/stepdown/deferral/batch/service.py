"""Batches and deferred calls, as callers ask for them; with their files, ``interface.Batches``."""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from secrets import token_hex
from typing import Any

from msgspec import json
from msgspec.structs import replace

from stepdown.deferral.batch import views
from stepdown.deferral.batch.context import Context, Hook, InForce, unobserved
from stepdown.deferral.batch.facts import body_of, deferred_request
from stepdown.deferral.batch.files import BatchFiles, check_limit, wrong
from stepdown.deferral.batch.forms import batch_object, call_object, encode
from stepdown.deferral.batch.interface import (
    ENDPOINT,
    MAX_BATCHES_LISTED,
    Batch,
    DeferredCall,
    NewBatch,
    Page,
)
from stepdown.deferral.batch.lines import InputLine
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.deferral.batch.validating import planned_row
from stepdown.deferral.batch.worker import Worker
from stepdown.deferral.records import Records
from stepdown.deferral.webhooks import Notice, Target, Webhooks
from stepdown.errors import (
    BatchesUnavailable,
    InvalidField,
    TooManyBatches,
    UnknownBatch,
)
from stepdown.names import known_names
from stepdown.storage.address import Address
from stepdown.storage.batch_rows import BatchRow
from stepdown.storage.batches import BatchStore
from stepdown.types import Request

log = logging.getLogger("stepdown.deferral")

SHORTEST_WINDOW = 60.0
LONGEST_WINDOW = 7 * 86_400.0
"""Seconds within which a batch's or a deferred call's window must lie."""
CALL = "call"
FILE = "file"

_ID = re.compile(r"(batch_|defer_)[0-9a-f]{40}")
_WINDOW = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_METADATA = 16, 64, 512
"""OpenAI's bounds of metadata: pairs, characters of a key, of a value."""


class BatchService(BatchFiles):
    """Implements ``interface.Batches``, and works on them while it is started.

    Whatever process is asked answers, and any that is started works on what is there.
    """

    def __init__(self, address: Address, terms: BatchTerms, *, at: Hook = unobserved) -> None:
        store = BatchStore(address)
        super().__init__(Records(store, "batches", BatchesUnavailable), terms)
        self._at = at
        self._context: Context | None = None
        self._worker: Worker | None = None
        self._webhooks = Webhooks(self)

    # ── from start to end ────────────────────────────────────────────────────────────────────

    def start(self, in_force: Callable[[], InForce]) -> None:
        """Begin to work, by the configuration that is in force when each step is taken."""
        if self._worker is None:
            self._context = Context(self.records, self.terms, in_force, self._at)
            self._worker = Worker(self._context, self._tell)
            self._worker.start()

    def configure(self, terms: BatchTerms) -> None:
        """Put other terms in force."""
        self.terms = terms
        if self._context is not None:
            self._context.terms = terms
            self._context.wake.set()

    async def aclose(self) -> None:
        """Stop working; what is not done, others do, or this process when it starts again."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.aclose()
        await self._webhooks.aclose()
        await asyncio.to_thread(self.records.close)

    def status(self) -> dict[str, Any]:
        """How it is doing: what this process holds now, and counts since its start."""
        context, worker, sender = self._context, self._worker, self._webhooks
        return {
            "working": worker is not None and self.terms.enabled and not self.terms.paused,
            "holds": {} if worker is None else worker.status(),
            "counts": {} if context is None else dict(context.counts),
            "webhooks": {
                "waiting": sender.waiting,
                "delivered": sender.delivered,
                "failed": sender.failed,
                "dropped": sender.dropped,
            },
            "failures": self.records.failures,
            "error": self.records.error,
        }

    # ── batches ──────────────────────────────────────────────────────────────────────────────

    async def create(self, tenant: str, new: NewBatch) -> Batch:
        self.check_enabled()
        if new.endpoint != ENDPOINT:
            raise wrong("endpoint", ENDPOINT, new.endpoint)
        window = window_of(new.completion_window)
        _check_metadata(new)
        self._check_webhook(new.webhook)
        ttl = self.lifetime("output_expires_after", new.output_expires_after)
        file = await self.file_row(tenant, new.input_file_id)
        if file.purpose != "batch":
            raise wrong("input_file_id", "a file whose purpose is batch", file.purpose)
        await self._check_room(tenant)
        now = time.time()
        row = BatchRow(
            id=f"batch_{token_hex(20)}",
            tenant=tenant,
            kind=FILE,
            status="validating",
            endpoint=new.endpoint,
            input_file=file.id,
            completion_window=new.completion_window,
            created_at=now,
            expires_at=now + window,
            forget_at=now + window + self.terms.retention,
            metadata=None if new.metadata is None else json.encode(new.metadata).decode(),
            output_ttl=ttl,
            webhook=new.webhook,
            delivery="pending" if new.webhook else "",
        )
        await self.records.do(lambda store: store.add(row))
        self._wake()
        return views.batch_of(row)

    async def get(self, tenant: str, batch: str) -> Batch:
        return views.batch_of(await self._batch(tenant, batch, FILE))

    async def cancel(self, tenant: str, batch: str) -> Batch:
        await self._batch(tenant, batch, FILE)
        await self.records.do(lambda store: store.cancel(tenant, batch, time.time()))
        self._wake()
        return await self.get(tenant, batch)

    async def list_batches(
        self, tenant: str, *, after: str | None = None, limit: int = 20
    ) -> Page[Batch]:
        self.check_enabled()
        check_limit(limit, MAX_BATCHES_LISTED)
        behind = None if after is None else await self._batch(tenant, after, FILE)
        rows = await self.records.do(
            lambda store: store.listed(tenant, time.time(), behind, limit + 1)
        )
        return Page(tuple(views.batch_of(row) for row in rows[:limit]), len(rows) > limit)

    async def _batch(self, tenant: str, batch: str, kind: str) -> BatchRow:
        self.check_enabled()
        row: BatchRow | None = None
        if _ID.fullmatch(batch):
            row = await self.records.do(lambda store: store.read(tenant, batch, kind, time.time()))
        if row is None:
            raise UnknownBatch(f"There is no such {_NAMES[kind]}; it may have expired.")
        return row

    # ── single calls ─────────────────────────────────────────────────────────────────────────

    async def defer(self, request: Request, *, window: float, webhook: str = "") -> DeferredCall:
        self.check_enabled()
        if self._context is None or self._worker is None:
            raise BatchesUnavailable("The server is not taking requests on: it starts or stops.")
        if not SHORTEST_WINDOW <= window <= LONGEST_WINDOW:
            raise InvalidField(
                f"x-stepdown-defer: expected {SHORTEST_WINDOW:g} s to"
                f" {LONGEST_WINDOW / 86_400:g} d, got {window:g} s."
            )
        self._check_webhook(webhook)
        tenant = request.tenant
        await self._check_room(tenant)
        now = time.time()
        row = BatchRow(
            id=f"defer_{token_hex(20)}",
            tenant=tenant,
            kind=CALL,
            status="in_progress",
            endpoint=ENDPOINT,
            input_file="",
            completion_window=f"{window:g}s",
            created_at=now,
            expires_at=now + window,
            forget_at=now + window + self.terms.retention,
            webhook=webhook,
            delivery="pending" if webhook else "",
            in_progress_at=now,
            total=1,
        )
        body = body_of(request)
        line = InputLine(1, row.id, request.target, body)
        planned = await planned_row(
            self._context,
            row,
            line,
            request=deferred_request(request, row.id),
            due_at=now + min(self.terms.gather, window / 10),
        )
        if planned.state == "ended":
            row = replace(row, failed=1)
        else:
            planned = replace(planned, state="ready")
        await self.records.do(lambda store: store.add(row, [planned]))
        self._wake()
        return views.call_of(row, planned)

    async def deferred(self, tenant: str, call: str) -> DeferredCall:
        row = await self._batch(tenant, call, CALL)
        lines = await self.records.do(lambda store: store.lines.of(call, 0, 1))
        return views.call_of(row, lines[0])

    async def cancel_deferred(self, tenant: str, call: str) -> DeferredCall:
        await self._batch(tenant, call, CALL)
        await self.records.do(lambda store: store.cancel(tenant, call, time.time()))
        self._wake()
        return await self.deferred(tenant, call)

    # ── what is refused ──────────────────────────────────────────────────────────────────────

    def _check_webhook(self, name: str) -> None:
        if name and name not in self.terms.webhooks:
            known = known_names(name, self.terms.webhooks)
            raise InvalidField(
                f"x-stepdown-webhook: expected a webhook of the configuration, got {name!r}.{known}"
            )

    async def _check_room(self, tenant: str) -> None:
        if await self.records.do(lambda store: store.live(tenant)) >= self.terms.most:
            raise TooManyBatches("Too many batches are under way; try again later.")

    # ── for the worker and the webhooks ──────────────────────────────────────────────────────

    def _wake(self) -> None:
        if self._context is not None:
            self._context.wake.set()

    def _tell(self, row: BatchRow) -> None:
        self._webhooks.offer(Notice(row.id, row.tenant, row.webhook))

    def target(self, name: str) -> Target | None:
        return self.terms.webhooks.get(name)

    async def shown(self, job: str, tenant: str) -> bytes | None:
        try:
            if job.startswith("defer_"):
                return encode(call_object(await self.deferred(tenant, job)))
            return encode(batch_object(await self.get(tenant, job)))
        except UnknownBatch:
            return None
        except InvalidField as error:  # switched off meanwhile, and perhaps on again
            raise BatchesUnavailable(error.message) from error

    async def note(self, job: str, state: str, tries: int, error: str) -> None:
        try:
            await self.records.do(lambda store: store.note_delivery(job, state, tries, error))
        except BatchesUnavailable:
            log.warning("how far the webhook of %s has come could not be written", job)


_NAMES = {FILE: "batch", CALL: "deferred call"}


def window_of(text: str) -> float:
    """The seconds in ``24h``. Raises InvalidField."""
    found = _WINDOW.fullmatch(text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else -1.0
    if not SHORTEST_WINDOW <= seconds <= LONGEST_WINDOW:
        raise wrong("completion_window", "a time like 24h, of at most 7d", text)
    return seconds


def _check_metadata(new: NewBatch) -> None:
    pairs, of_key, of_value = _METADATA
    given = new.metadata or {}
    if len(given) > pairs or any(len(k) > of_key or len(v) > of_value for k, v in given.items()):
        raise InvalidField(
            f"metadata: expected at most {pairs} pairs, of keys of at most {of_key} and values of"
            f" at most {of_value} characters.",
            param="metadata",
        )
