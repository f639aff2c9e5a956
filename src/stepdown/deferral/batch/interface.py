"""What HTTP, the command line and the library may ask of batches, and the objects they get.

The shapes are OpenAI's (platform.openai.com/docs/api-reference/batch and /files); ``forms.py``
makes the JSON of them. Every method takes the tenant first: what belongs to another one does not
exist.
"""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Generic, Literal, Protocol, TypeVar

from msgspec import Struct

from stepdown.types import Request

BatchStatus = Literal[
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
]
ENDED = ("failed", "completed", "expired", "cancelled")
"""The statuses that are final."""

CallStatus = Literal["queued", "submitted", "running", "succeeded", "failed", "cancelled"]

Purpose = Literal["batch", "batch_output"]

ENDPOINT = "/v1/chat/completions"
"""The only endpoint whose requests a batch may hold."""
MAX_FILE = 200 * 1024 * 1024
"""Bytes of an input file, as OpenAI allows them."""
MAX_LINES = 50_000
"""Requests in an input file, as OpenAI allows them."""
MAX_FILES_LISTED = 10_000
MAX_BATCHES_LISTED = 100
SHORTEST_EXPIRY = 3_600.0
LONGEST_EXPIRY = 2_592_000.0
"""Seconds within which ``expires_after`` of files must lie."""


class BatchFile(Struct, frozen=True):
    """A file: an upload (``batch``), or a batch's answers or errors (``batch_output``).

    Times are seconds since 1970; after ``expires_at`` the file does not exist.
    """

    id: str
    tenant: str
    purpose: Purpose
    filename: str
    bytes: int
    created_at: float
    expires_at: float


class BatchError(Struct, frozen=True, omit_defaults=True):
    """Why a batch failed before it began. ``line`` counts from 1."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


class RequestCounts(Struct, frozen=True):
    """How the requests fare. ``failed`` counts expired and cancelled ones too, so that at the end
    ``completed + failed == total``."""

    total: int = 0
    completed: int = 0
    failed: int = 0


class BatchUsage(Struct, frozen=True):
    """Tokens of the answers so far."""

    input: int = 0
    cached_input: int = 0
    output: int = 0
    reasoning: int = 0


class BatchMoney(Struct, frozen=True):
    """What the answers cost so far, in US dollars as decimal text.

    ``reference`` is what the strong model would have cost, ``discount`` what the batch price took
    off. ``unpriced`` counts the answers with a price unknown; they are in no sum.
    """

    cost: str = "0"
    reference: str = "0"
    discount: str = "0"
    unpriced: int = 0


class Batch(Struct, frozen=True):
    """A batch. Times are seconds since 1970, None for what has not happened (yet).

    ``models`` counts the requests by the model that they were routed to. ``delivery`` is the
    webhook's state: empty without one, ``pending``, ``delivered`` or ``failed``.
    """

    id: str
    tenant: str
    status: BatchStatus
    endpoint: str
    input_file_id: str
    completion_window: str
    created_at: float
    expires_at: float
    in_progress_at: float | None = None
    finalizing_at: float | None = None
    completed_at: float | None = None
    failed_at: float | None = None
    expired_at: float | None = None
    cancelling_at: float | None = None
    cancelled_at: float | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: tuple[BatchError, ...] = ()
    counts: RequestCounts = RequestCounts()
    usage: BatchUsage = BatchUsage()
    money: BatchMoney = BatchMoney()
    models: Mapping[str, int] = {}
    metadata: Mapping[str, str] | None = None
    webhook: str = ""
    delivery: str = ""
    tries: int = 0
    delivery_error: str = ""


class NewBatch(Struct, frozen=True):
    """What a client asks for. ``output_expires_after`` is in seconds."""

    input_file_id: str
    endpoint: str = ENDPOINT
    completion_window: str = "24h"
    metadata: Mapping[str, str] | None = None
    output_expires_after: float | None = None
    webhook: str = ""


class DeferredCall(Struct, frozen=True):
    """A single request that is answered later, at a batch's price where that is possible.

    ``response`` is the chat completion as it came. ``error`` is JSON, OpenAI's error object;
    ``facts`` is JSON, what the ``x-stepdown-*`` headers would have told. Times are seconds since
    1970: it is answered by ``deadline_at``, and forgotten at ``expires_at``.
    """

    id: str
    tenant: str
    status: CallStatus
    created_at: float
    deadline_at: float
    expires_at: float
    response: bytes | None = None
    facts: bytes | None = None
    error: bytes | None = None
    webhook: str = ""
    delivery: str = ""
    tries: int = 0
    delivery_error: str = ""


T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True):
    """A part of a list; ask for more with ``after`` set to the last one's id."""

    data: tuple[T, ...]
    has_more: bool


class Batches(Protocol):
    """Files and batches of one database. Everything raises BatchesUnavailable where that is away,
    and InvalidField where batches are switched off."""

    # ── files ────────────────────────────────────────────────────────────────────────────────

    async def put_file(
        self,
        tenant: str,
        content: AsyncIterable[bytes],
        *,
        filename: str,
        purpose: str = "batch",
        expires_after: float | None = None,
    ) -> BatchFile:
        """Keep an upload, read as it comes; nothing of it stays where this raises.

        Raises InvalidField (purpose, expires_after, an empty file), BodyTooLarge, TooManyBatches
        where too much is stored already. What the lines say is looked at by ``create``'s batch.
        """
        ...

    async def get_file(self, tenant: str, file: str) -> BatchFile:
        """Raises UnknownFile."""
        ...

    def file_content(self, tenant: str, file: str) -> AsyncIterator[bytes]:
        """The file piece by piece; await ``get_file`` first for its size. Raises UnknownFile, also
        where it is deleted meanwhile."""
        ...

    async def delete_file(self, tenant: str, file: str) -> None:
        """Raises UnknownFile; InvalidField for the input of a batch that is being validated."""
        ...

    async def list_files(
        self,
        tenant: str,
        *,
        purpose: str | None = None,
        after: str | None = None,
        limit: int = MAX_FILES_LISTED,
        order: Literal["asc", "desc"] = "desc",
    ) -> Page[BatchFile]:
        """Raises InvalidField (limit, order), UnknownFile for an ``after`` that does not exist."""
        ...

    # ── batches ──────────────────────────────────────────────────────────────────────────────

    async def create(self, tenant: str, new: NewBatch) -> Batch:
        """Take a batch on; it is in the database when this returns, and is validated later.

        Raises InvalidField (endpoint, completion_window, metadata, output_expires_after, webhook,
        or a file of another purpose), UnknownFile, TooManyBatches.
        """
        ...

    async def get(self, tenant: str, batch: str) -> Batch:
        """Raises UnknownBatch."""
        ...

    async def cancel(self, tenant: str, batch: str) -> Batch:
        """Cancel a batch: it is ``cancelling`` until the providers have given up its requests.

        One that has ended stays as it is. Raises UnknownBatch.
        """
        ...

    async def list_batches(
        self, tenant: str, *, after: str | None = None, limit: int = 20
    ) -> Page[Batch]:
        """The newest first. Raises InvalidField (limit), UnknownBatch for an unknown ``after``."""
        ...

    # ── single calls ─────────────────────────────────────────────────────────────────────────

    async def defer(self, request: Request, *, window: float, webhook: str = "") -> DeferredCall:
        """Take one request on, to be answered within ``window`` seconds.

        It waits a little for company, goes into a provider's batch, and is asked for by an ordinary
        call when the deadline nears. Raises InvalidField (window, webhook), TooManyBatches.
        """
        ...

    async def deferred(self, tenant: str, call: str) -> DeferredCall:
        """Raises UnknownBatch."""
        ...

    async def cancel_deferred(self, tenant: str, call: str) -> DeferredCall:
        """Cancel a call, unless it has ended. Raises UnknownBatch."""
        ...
