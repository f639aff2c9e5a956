"""A simulated provider of batches: as slow, as forgetful and as faulty as it is told to be.

``SimulatedProvider`` keeps files and batches in memory and speaks OpenAI's objects;
``SimulatedBatchAPI`` uses it in this process, ``simulated_http`` serves it. Every answer begins
with "simulated".
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from random import Random
from typing import Any

from msgspec import DecodeError, Raw, Struct, ValidationError, convert, json

from stepdown.batch_ports import Remote, Result, Submission
from stepdown.errors import ConfigError, UpstreamFailed, UpstreamRefused
from stepdown.ports import Deployment
from stepdown.providers.batch.openai import KEY
from stepdown.providers.batch.openai_forms import entry, result
from stepdown.providers.simulated_answer import compose, failure, whole
from stepdown.types import Prompt, Request

MOST_KEPT = 1000
"""Batches, and files, that are kept; the oldest go."""


class SimulatedBatchOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How long batches take and how they go wrong.

    ``delay``: seconds from a batch's making to its end, or the bounds of an even distribution.
    The rates are probabilities: that a request fails with ``error_status`` (``error_rate``), that
    it expires (``expire_rate``), that a batch is refused as a whole (``refuse_rate``), that it is
    made but the answer is lost (``lose_rate``). ``window``: seconds after which what is not done
    expires. With the same ``seed`` the same batches go the same way. ``topics`` are as a simulated
    upstream's.
    """

    delay: float | tuple[float, float] = 0.0
    error_rate: float = 0.0
    error_status: int = 500
    expire_rate: float = 0.0
    refuse_rate: float = 0.0
    lose_rate: float = 0.0
    window: float = 86_400.0
    output_tokens: int = 24
    seed: int = 0
    topics: tuple[str, ...] = ()


def read_batch_options(given: Mapping[str, object]) -> SimulatedBatchOptions:
    """Check the options. Raises ConfigError, of one line."""
    try:
        return convert(dict(given), SimulatedBatchOptions)
    except ValidationError as error:
        known = ", ".join(SimulatedBatchOptions.__struct_fields__)
        raise ConfigError([f"expected options of {known}: {error}"]) from error


class _Entry(Struct):
    custom_id: str
    body: Raw


class SimulatedBatch(Struct):
    """A batch of the simulated provider. Times are seconds since 1970."""

    id: str
    metadata: dict[str, Any]
    input_file: str
    entries: list[_Entry]
    created_at: float
    ends_at: float
    refused: bool = False
    cancelled_at: float | None = None
    output_file: str | None = None
    error_file: str | None = None
    counts: dict[str, int] = {}


_entry = json.Decoder(_Entry).decode
_prompt = json.Decoder(Prompt).decode
_NEVER_DONE = "This request could not be executed before the completion window expired."


class SimulatedProvider:
    """Files and batches, in memory. ``made`` counts batches."""

    def __init__(
        self,
        options: SimulatedBatchOptions | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.options = options or SimulatedBatchOptions()
        self.files: dict[str, tuple[str, bytes]] = {}
        self.batches: dict[str, SimulatedBatch] = {}
        self.made = 0
        self._clock = clock
        self._random = Random(f"batches {self.options.seed}")
        self._serial = 0

    # ── files ────────────────────────────────────────────────────────────────────────────────

    def upload(self, filename: str, body: bytes) -> str:
        """Keep a file; its id."""
        return self._file(filename, body)

    def _file(self, filename: str, body: bytes) -> str:
        self._serial += 1
        name = f"file-simulated-{self._serial}"
        _keep(self.files, name, (filename, body))
        return name

    # ── batches ──────────────────────────────────────────────────────────────────────────────

    def create(self, file: str, metadata: dict[str, Any]) -> SimulatedBatch:
        """Make a batch of an uploaded file. Raises UpstreamRefused for a file it does not have, and
        UpstreamFailed where the answer is to be lost."""
        if file not in self.files:
            raise UpstreamRefused(f"The simulated provider has no file {file!r}.")
        options, now = self.options, self._clock()
        delay = options.delay
        seconds = self._random.uniform(*delay) if isinstance(delay, tuple) else delay
        refused = self._draw(options.refuse_rate)
        try:
            entries = [_entry(line) for line in self.files[file][1].splitlines() if line.strip()]
        except DecodeError:
            entries, refused = [], True
        self._serial += 1
        self.made += 1
        batch = SimulatedBatch(
            id=f"batch_simulated_{self._serial}",
            metadata=metadata,
            input_file=file,
            entries=entries,
            created_at=now,
            ends_at=now + min(seconds, options.window),
            refused=refused,
        )
        _keep(self.batches, batch.id, batch)
        if self._draw(options.lose_rate):
            raise UpstreamFailed("The simulated provider's answer was lost.")
        return batch

    def cancel(self, batch: SimulatedBatch) -> None:
        """Give up what is not done."""
        if self.status(batch) == "in_progress":
            batch.cancelled_at = self._clock()
            self._settle(batch)

    def status(self, batch: SimulatedBatch) -> str:
        """OpenAI's word for how a batch is doing."""
        if batch.refused:
            return "failed"
        if batch.cancelled_at is not None:
            return "cancelled"
        if self._clock() < batch.ends_at:
            return "in_progress"
        if not batch.counts:
            self._settle(batch)
        late = batch.ends_at - batch.created_at >= self.options.window
        return "expired" if late else "completed"

    def shown(self, batch: SimulatedBatch) -> dict[str, Any]:
        """OpenAI's batch object."""
        status = self.status(batch)
        errors = {"object": "list", "data": [{"message": "The simulated provider refuses this."}]}
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "status": status,
            "created_at": int(batch.created_at),
            "expires_at": int(batch.created_at + self.options.window),
            "input_file_id": batch.input_file,
            "output_file_id": batch.output_file,
            "error_file_id": batch.error_file,
            "errors": errors if batch.refused else None,
            "metadata": batch.metadata,
            "request_counts": {"total": len(batch.entries), "completed": 0, "failed": 0}
            | batch.counts,
        }

    # ── answers ──────────────────────────────────────────────────────────────────────────────

    def _settle(self, batch: SimulatedBatch) -> None:
        """Answer what was done by now, and say of the rest why it was not."""
        done, over = self._clock(), batch.cancelled_at is not None
        span = max(batch.ends_at - batch.created_at, 1e-9)
        share = min(1.0, (done - batch.created_at) / span) if over else 1.0
        if batch.ends_at - batch.created_at >= self.options.window and not over:
            share = 0.5  # it took longer than its window: half was done in time
        count = round(share * len(batch.entries))
        good: list[bytes] = []
        bad: list[bytes] = []
        for number, given in enumerate(batch.entries):
            random = Random(f"{self.options.seed} {given.custom_id}")
            if number >= count:
                code = "batch_cancelled" if over else "batch_expired"
                bad.append(_undone(given, code, "Not executed (simulated)."))
            elif random.random() < self.options.expire_rate:
                bad.append(_undone(given, "batch_expired", _NEVER_DONE))
            elif random.random() < self.options.error_rate:
                status = self.options.error_status
                said = failure(status, f"A simulated error of status {status}.")
                bad.append(_done(given, status, said))
            else:
                self._answer(given, good, bad)
        batch.output_file = self._file("output.jsonl", b"".join(good)) if good else None
        batch.error_file = self._file("errors.jsonl", b"".join(bad)) if bad else None
        batch.counts = {"completed": len(good), "failed": len(bad)}

    def _answer(self, given: _Entry, good: list[bytes], bad: list[bytes]) -> None:
        try:
            prompt = _prompt(given.body)
        except (DecodeError, ValidationError) as error:
            bad.append(_done(given, 400, failure(400, f"This cannot be read: {error}.")))
            return
        options = self.options
        answer = compose(
            prompt, prompt.model, options.output_tokens, options.seed, len(good), options.topics
        )
        good.append(_done(given, 200, whole(answer)))

    def _draw(self, rate: float) -> bool:
        return rate > 0 and self._random.random() < rate


class SimulatedBatchAPI:
    """Implements ``batch_ports.BatchAPI`` with a simulated provider in this process."""

    name = "simulated"
    most_lines = 50_000
    most_bytes = 200 * 1024 * 1024

    def __init__(self, provider: SimulatedProvider | None = None) -> None:
        self.provider = provider or SimulatedProvider()

    def encode(self, request: Request, deployment: Deployment) -> bytes | None:
        return deployment.dialect.encode(request, deployment)

    def line(self, key: str, place: int, body: bytes) -> bytes:
        return entry(key, place, body)

    async def find(self, submission: Submission, known: Sequence[str]) -> str | None:
        for batch in self.provider.batches.values():
            if batch.metadata.get(KEY) == submission.key:
                return batch.id
        return None

    async def stage(self, submission: Submission, lines: Sequence[bytes]) -> str:
        return self.provider.upload(f"{submission.key}.jsonl", b"\n".join(lines) + b"\n")

    async def create(self, submission: Submission, staged: str, lines: Sequence[bytes]) -> str:
        return self.provider.create(staged, {KEY: submission.key}).id

    async def look(self, batch: str) -> Remote:
        found = self.provider.batches.get(batch)
        if found is None:
            return Remote("gone", "the simulated provider was started anew")
        status = self.provider.status(found)
        if status == "failed":
            return Remote("failed", "the simulated provider refused the batch")
        return Remote("running" if status == "in_progress" else "ended")

    async def cancel(self, batch: str) -> None:
        found = self.provider.batches.get(batch)
        if found is not None:
            self.provider.cancel(found)

    async def results(self, batch: str) -> AsyncIterator[Result]:
        found = self.provider.batches[batch]
        for file in (found.output_file, found.error_file):
            for line in [] if file is None else self.provider.files[file][1].splitlines():
                read = result(line)
                if read is not None:
                    yield read

    async def tidy(self, batch: str) -> None:
        found = self.provider.batches.get(batch)
        if found is not None:
            for file in (found.input_file, found.output_file, found.error_file):
                self.provider.files.pop(file or "", None)
            found.entries.clear()

    async def aclose(self) -> None:
        """Nothing is held."""


def _done(given: _Entry, status: int, body: bytes) -> bytes:
    reply = {"status_code": status, "request_id": f"req-{given.custom_id}", "body": Raw(body)}
    return _line(given, reply, None)


def _undone(given: _Entry, code: str, message: str) -> bytes:
    return _line(given, None, {"code": code, "message": message})


def _line(given: _Entry, reply: object, error: object) -> bytes:
    said = {
        "id": f"batch_req_{given.custom_id}",
        "custom_id": given.custom_id,
        "response": reply,
        "error": error,
    }
    return json.encode(said) + b"\n"


def _keep(kept: dict[str, Any], name: str, value: Any) -> None:
    kept[name] = value
    while len(kept) > MOST_KEPT:
        del kept[next(iter(kept))]
