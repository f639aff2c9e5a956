"""Anthropic's batch API: one call makes a batch of messages, one file has the results.

It takes no metadata, so a batch is known again only by its requests' ids, which show when it has
ended. Sources: platform.claude.com/docs/en/api/messages/batches, /docs/en/build-with-claude/
batch-processing
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from msgspec import DecodeError, Struct, json

from stepdown.batch_ports import Remote, Result, Submission, Undecided
from stepdown.errors import UpstreamError, UpstreamMalformed
from stepdown.ports import Deployment
from stepdown.providers.batch import anthropic_forms as forms
from stepdown.providers.batch.http import BatchHttp
from stepdown.providers.http import HttpOptions
from stepdown.types import Request

VERSION = "2023-06-01"
PATH = "/messages/batches"
PAGE = 100
MOST_PAGES = 50
SKEW = 300.0
"""Seconds by which the provider's clock may be behind."""


class _Counts(Struct, frozen=True):
    processing: int = 0
    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0

    @property
    def total(self) -> int:
        return self.processing + self.succeeded + self.errored + self.canceled + self.expired


class _Batch(Struct):
    id: str
    processing_status: str = ""
    created_at: str = ""
    request_counts: _Counts = _Counts()
    results_url: str | None = None

    @property
    def made_at(self) -> float:
        """Seconds since 1970; 0 where it cannot be read."""
        try:
            return datetime.fromisoformat(self.created_at).timestamp()
        except ValueError:
            return 0.0


class _Batches(Struct):
    data: list[_Batch]
    has_more: bool = False
    last_id: str | None = None


_batch = json.Decoder(_Batch).decode
_batches = json.Decoder(_Batches).decode


class AnthropicBatchAPI:
    """Implements ``batch_ports.BatchAPI``. ``options`` are those of the deployment's own calls.

    ``max_tokens`` is for requests that state no limit; without it they are left to calls.
    """

    name = "anthropic"
    most_lines = 100_000
    most_bytes = 256 * 1024 * 1024

    def __init__(self, options: HttpOptions, *, max_tokens: int | None = None) -> None:
        self._http = BatchHttp(_own(options), {"anthropic-version": VERSION})
        self._max_tokens = max_tokens

    def encode(self, request: Request, deployment: Deployment) -> bytes | None:
        return forms.params(request, deployment.upstream_model, self._max_tokens)

    def line(self, key: str, place: int, body: bytes) -> bytes:
        return forms.entry(f"{key}-{place}", body)

    async def find(self, submission: Submission, known: Sequence[str]) -> str | None:
        """Among the batches of the time in question that nobody knows and that have as many
        requests: one whose results are ours. Raises Undecided while one of them still runs."""
        undecided = False
        async for batch in self._since(submission.since - SKEW):
            if batch.id in known or batch.request_counts.total != submission.lines:
                continue
            if batch.processing_status != "ended":
                undecided = True
            elif await self._is_ours(batch.id, submission.key):
                return batch.id
        if undecided:
            raise Undecided
        return None

    async def stage(self, submission: Submission, lines: Sequence[bytes]) -> str:
        return ""

    async def create(self, submission: Submission, staged: str, lines: Sequence[bytes]) -> str:
        body = b'{"requests":[' + b",".join(lines) + b"]}"
        return _read(await self._http.ask("POST", PATH, body=body)).id

    async def look(self, batch: str) -> Remote:
        try:
            found = _read(await self._http.ask("GET", f"{PATH}/{batch}"))
        except UpstreamError as error:
            if error.upstream_status == 404:
                return Remote("gone", "the provider does not know this batch any more")
            raise
        return Remote("ended" if found.processing_status == "ended" else "running")

    async def cancel(self, batch: str) -> None:
        try:
            await self._http.ask("POST", f"{PATH}/{batch}/cancel")
        except UpstreamError as error:
            if error.upstream_status not in (400, 404, 409):  # it has ended already
                raise

    async def results(self, batch: str) -> AsyncIterator[Result]:
        async for line in self._http.lines(f"{PATH}/{batch}/results"):
            read = forms.result(line)
            if read is not None:
                yield read

    async def tidy(self, batch: str) -> None:
        await self._http.ask("DELETE", f"{PATH}/{batch}")

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _since(self, moment: float) -> AsyncIterator[_Batch]:
        """The batches that were made since then, the newest first."""
        after: dict[str, str | int] = {}
        for _ in range(MOST_PAGES):
            answer = await self._http.ask("GET", PATH, query={"limit": PAGE, **after})
            try:
                page = _batches(answer)
            except DecodeError as error:
                raise _malformed(error) from error
            for batch in page.data:
                if batch.made_at < moment:
                    return
                yield batch
            if not page.has_more or page.last_id is None:
                return
            after = {"after_id": page.last_id}

    async def _is_ours(self, batch: str, key: str) -> bool:
        """Whether a batch that has ended bears our key in its requests' ids."""
        lines = self._http.lines(f"{PATH}/{batch}/results")
        try:
            async for line in lines:
                return forms.custom_id(line).startswith(f"{key}-")
        finally:
            await lines.aclose()
        return False


def _own(options: HttpOptions) -> HttpOptions:
    """The endpoint, with the key in the header that this API reads."""
    headers = dict(options.headers)
    bearer = headers.pop("authorization", "")
    if bearer:
        headers["x-api-key"] = bearer.removeprefix("Bearer ")
    return HttpOptions(
        options.base_url,
        headers=headers,
        query=options.query,
        proxy=options.proxy,
        verify=options.verify,
        http2=options.http2,
    )


def _read(body: bytes) -> _Batch:
    try:
        return _batch(body)
    except DecodeError as error:
        raise _malformed(error) from error


def _malformed(error: DecodeError) -> UpstreamMalformed:
    return UpstreamMalformed(f"The provider's answer cannot be read: {error}.")
