"""OpenAI's batch API: an uploaded file of requests, a batch of it, and files of results.

Sources: platform.openai.com/docs/api-reference/batch, /files
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

from msgspec import DecodeError, Struct, json

from stepdown.batch_ports import Remote, Result, Submission
from stepdown.errors import UpstreamError, UpstreamMalformed
from stepdown.ports import Deployment
from stepdown.providers.batch.http import BatchHttp
from stepdown.providers.batch.openai_forms import ENDPOINT, entry, result
from stepdown.providers.http import HttpOptions
from stepdown.types import Request

KEY = "stepdown_submission"
"""The metadata under which a batch bears our key."""
WINDOW = "24h"
PAGE = 100
MOST_PAGES = 50
SKEW = 300.0
"""Seconds by which the provider's clock may be behind."""


class _Batch(Struct):
    id: str
    status: str = ""
    created_at: float = 0.0
    metadata: dict[str, str] | None = None
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: Any = None


class _File(Struct):
    id: str
    filename: str = ""


class _Batches(Struct):
    data: list[_Batch]
    has_more: bool = False


class _Files(Struct):
    data: list[_File]


T = TypeVar("T")

_batch = json.Decoder(_Batch).decode
_batches = json.Decoder(_Batches).decode
_file = json.Decoder(_File).decode
_files = json.Decoder(_Files).decode


class OpenAIBatchAPI:
    """Implements ``batch_ports.BatchAPI`` for an endpoint that has OpenAI's."""

    name = "openai"
    most_lines = 50_000
    most_bytes = 200 * 1024 * 1024

    def __init__(self, options: HttpOptions) -> None:
        self._http = BatchHttp(options)

    def encode(self, request: Request, deployment: Deployment) -> bytes | None:
        return deployment.dialect.encode(request, deployment)

    def line(self, key: str, place: int, body: bytes) -> bytes:
        return entry(key, place, body)

    async def find(self, submission: Submission, known: Sequence[str]) -> str | None:
        after: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            query: dict[str, str | int] = {"limit": PAGE, **after}
            page = _read(_batches, await self._http.ask("GET", "/batches", query=query))
            for batch in page.data:
                if (batch.metadata or {}).get(KEY) == submission.key:
                    return batch.id
            old = page.data and page.data[-1].created_at < submission.since - SKEW
            if old or not page.data or not page.has_more:
                return None
            after = {"after": page.data[-1].id}
        return None

    async def stage(self, submission: Submission, lines: Sequence[bytes]) -> str:
        name = f"{submission.key}.jsonl"
        query: dict[str, str | int] = {"purpose": "batch", "limit": PAGE, "order": "desc"}
        there = _read(_files, await self._http.ask("GET", "/files", query=query))
        for file in there.data:
            if file.filename == name:
                return file.id
        body = b"\n".join(lines) + b"\n"
        answer = await self._http.ask(
            "POST",
            "/files",
            files={"file": (name, body, "application/jsonl")},
            form={"purpose": "batch"},
        )
        return _read(_file, answer).id

    async def create(self, submission: Submission, staged: str, lines: Sequence[bytes]) -> str:
        wanted = {
            "input_file_id": staged,
            "endpoint": ENDPOINT,
            "completion_window": WINDOW,
            "metadata": {KEY: submission.key},
        }
        answer = await self._http.ask("POST", "/batches", body=json.encode(wanted))
        return _read(_batch, answer).id

    async def look(self, batch: str) -> Remote:
        try:
            found = await self._get(batch)
        except UpstreamError as error:
            if error.upstream_status == 404:
                return Remote("gone", "the provider does not know this batch any more")
            raise
        if found.status in ("completed", "expired", "cancelled"):
            return Remote("ended")
        if found.status == "failed":
            return Remote("failed", _why(found.errors))
        return Remote("running")

    async def cancel(self, batch: str) -> None:
        try:
            await self._http.ask("POST", f"/batches/{batch}/cancel")
        except UpstreamError as error:
            if error.upstream_status not in (400, 404, 409):  # it has ended already
                raise

    async def results(self, batch: str) -> AsyncIterator[Result]:
        found = await self._get(batch)
        for file in (found.output_file_id, found.error_file_id):
            if not file:
                continue
            async for line in self._http.lines(f"/files/{file}/content"):
                read = result(line)
                if read is not None:
                    yield read

    async def tidy(self, batch: str) -> None:
        found = await self._get(batch)
        for file in (found.input_file_id, found.output_file_id, found.error_file_id):
            if file:
                await self._http.ask("DELETE", f"/files/{file}")

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _get(self, batch: str) -> _Batch:
        return _read(_batch, await self._http.ask("GET", f"/batches/{batch}"))


def _read(decode: Callable[[bytes], T], body: bytes) -> T:
    try:
        return decode(body)
    except DecodeError as error:
        raise UpstreamMalformed(f"The provider's answer cannot be read: {error}.") from error


def _why(errors: Any) -> str:
    """The first errors of a batch that was refused, in words."""
    try:
        said = [str(error["message"]) for error in errors["data"][:3]]
    except (KeyError, TypeError):
        said = []
    return " ".join(said) or "the provider refused the batch"
