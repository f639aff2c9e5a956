"""The seam to providers' batch APIs: what a queue asks of one, and what comes back.

A *submission* is one batch at a provider: requests for one deployment, under a key that is ours and
follows from what they are. Whoever has lost an answer to ``create`` asks ``find`` before trying
again; so nothing is submitted twice.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from stepdown.ports import Deployment
from stepdown.types import Request, Usage


class Submission(Struct, frozen=True):
    """A batch to be made at a provider: its ``key``, how many ``lines``, and since when (seconds
    since 1970) it may have been made."""

    key: str
    lines: int
    since: float


class Remote(Struct, frozen=True):
    """How a provider's batch is doing. ``failed``: refused as a whole, ``error`` says why."""

    state: Literal["running", "ended", "failed", "gone"]
    error: str = ""


class Result(Struct, frozen=True):
    """What became of one request, by its place in the submission, from 0.

    With ``status`` there is a ``body``, OpenAI's chat completion or error envelope, and a
    completion's ``usage``. Without, ``code`` says why not: ``batch_expired``, ``batch_cancelled``,
    or the provider's own word with its ``message``.
    """

    place: int
    status: int | None = None
    body: bytes = b""
    usage: Usage | None = None
    request_id: str = ""
    code: str = ""
    message: str = ""


class Undecided(Exception):
    """Whether a submission was made cannot be told yet: ask again later, and submit nothing."""


class BatchAPI(Protocol):
    """One endpoint's batch API. Every call may raise UpstreamError.

    ``UpstreamError.retryable`` of ``stage`` and ``create`` tells nothing of whether a batch was
    made: only ``UpstreamRefused`` and ``UpstreamDenied`` say that none was.
    """

    @property
    def name(self) -> str:
        """The kind of API, for records: ``openai``, ``anthropic``, ``simulated``."""
        ...

    @property
    def most_lines(self) -> int: ...

    @property
    def most_bytes(self) -> int: ...

    def encode(self, request: Request, deployment: Deployment) -> bytes | None:
        """The body of one request, or None where this API has no words for it."""
        ...

    def line(self, key: str, place: int, body: bytes) -> bytes:
        """An encoded request as an entry of a submission."""
        ...

    async def find(self, submission: Submission, known: Sequence[str]) -> str | None:
        """The id of the batch that was made under this key, or None where there is none.

        ``known`` are the batches whose keys are known already. Raises Undecided.
        """
        ...

    async def stage(self, submission: Submission, lines: Sequence[bytes]) -> str:
        """Bring the entries to the provider where that is a step of its own; its id there, or
        nothing. Once more under one key gives what is there already, as far as it can be found."""
        ...

    async def create(self, submission: Submission, staged: str, lines: Sequence[bytes]) -> str:
        """Make the batch, of what was staged or else of the entries; its id."""
        ...

    async def look(self, batch: str) -> Remote:
        """How a batch is doing."""
        ...

    async def cancel(self, batch: str) -> None:
        """Ask for a batch to be given up; ``look`` tells when it has ended. One that has ended
        already stays as it is."""
        ...

    def results(self, batch: str) -> AsyncIterator[Result]:
        """What became of the requests of a batch that has ended, in any order. A request may be
        missing: then nothing is known of it."""
        ...

    async def tidy(self, batch: str) -> None:
        """Delete what a collected batch left at the provider, as far as that is possible."""
        ...

    async def aclose(self) -> None: ...
