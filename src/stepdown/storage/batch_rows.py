"""The rows of batches as they are stored: each the columns of its table, in the table's order."""

from typing import NamedTuple

from msgspec import Struct

NEVER = 1e15
"""A moment that does not come, in seconds since 1970."""

FINAL = ("failed", "completed", "expired", "cancelled")
"""The statuses in which a batch stays."""


class FileRow(Struct, frozen=True):
    """A file; ``state`` is ``writing``, ``ready`` or ``deleted``."""

    id: str
    tenant: str
    purpose: str
    filename: str
    bytes: int
    created_at: float
    expires_at: float
    state: str = "writing"


class BatchRow(Struct, frozen=True):
    """A batch, or a deferred call (``kind`` ``call``: its one line is its answer).

    ``errors``, ``models`` and ``metadata`` are JSON. ``ending`` is how it is to end where not by
    itself: ``cancelled`` or ``expired``. Money is in picodollars. ``forget_at``: then the row goes.
    """

    id: str
    tenant: str
    kind: str
    status: str
    endpoint: str
    input_file: str
    completion_window: str
    created_at: float
    expires_at: float
    forget_at: float
    metadata: str | None = None
    output_ttl: float = 0.0
    webhook: str = ""
    delivery: str = ""
    due_at: float = 0.0
    in_progress_at: float | None = None
    finalizing_at: float | None = None
    completed_at: float | None = None
    failed_at: float | None = None
    expired_at: float | None = None
    cancelling_at: float | None = None
    cancelled_at: float | None = None
    output_file: str = ""
    error_file: str = ""
    errors: str = "[]"
    models: str = "{}"
    ending: str = ""
    tries: int = 0
    delivery_error: str = ""
    total: int = 0
    completed: int = 0
    failed: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int = 0
    reference_cost: int = 0
    discount: int = 0
    unpriced: int = 0
    owner: str = ""
    lease_until: float = 0.0

    @property
    def open(self) -> int:
        """How many lines have not ended."""
        return self.total - self.completed - self.failed


class LineRow(Struct, frozen=True):
    """One request of a batch.

    ``state``: ``planned`` (its batch is being validated), ``ready``, ``calling`` (leased to whoever
    calls), ``sent`` (in a submission, at ``place``), ``ended``. ``way`` is ``batch`` or ``call``,
    ``pool`` what it may share a submission with. ``body`` is the client's JSON, ``sent`` what goes
    upstream where that is something else; ``facts`` is what was decided. Of an ended one,
    ``status`` and ``response`` are the reply's, or ``code`` and ``message`` say why there is none.
    """

    batch: str
    seq: int
    custom_id: str
    state: str
    way: str
    model: str
    deployment: str
    pool: str
    due_at: float
    digest: str
    body: bytes
    sent: bytes | None = None
    facts: bytes = b""
    status: int | None = None
    response: bytes | None = None
    code: str = ""
    message: str = ""
    round: int = 0
    submission: str = ""
    place: int = 0
    owner: str = ""
    lease_until: float = 0.0


class SubmissionRow(Struct, frozen=True):
    """A batch at a provider. ``state``: ``new``, ``submitted``, ``collected`` or ``failed``.

    ``staged`` and ``remote`` are ids at the provider. ``begun``: it was asked to make the batch,
    and the answer may have been lost. ``cancel``: it is to be given up.
    """

    id: str
    pool: str
    deployment: str
    model: str
    state: str
    created_at: float
    due_at: float
    lines: int
    round: int
    owner: str
    lease_until: float
    staged: str = ""
    remote: str = ""
    begun: int = 0
    tries: int = 0
    cancel: int = 0
    error: str = ""


class Group(Struct, frozen=True):
    """Lines that may be submitted together."""

    deployment: str
    model: str
    pool: str


class Ended(Struct, frozen=True):
    """How a line ended, and what it used; money in picodollars, None where a price is unknown."""

    batch: str
    seq: int
    status: int | None = None
    response: bytes | None = None
    code: str = ""
    message: str = ""
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int | None = 0
    reference_cost: int | None = 0
    discount: int = 0

    @property
    def good(self) -> bool:
        return self.status == 200


class Held(NamedTuple):
    """Something that a process may hold: its ``kind`` (``batches``, ``submissions``, ``calls``),
    its name or its batch's, and a call's line."""

    kind: str
    name: str
    seq: int = 0


class LeaseLost(Exception):
    """Somebody else has taken over what this process held: what it was about to write is moot."""
