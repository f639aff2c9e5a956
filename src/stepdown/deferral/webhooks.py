"""Webhooks: tells a target of the configuration that a job has ended, signed, a few times over.

The form is that of Standard Webhooks 1.0 (standardwebhooks.com): the headers ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``. Where to send comes from the configuration only,
never from a request, and a redirection is not followed.
"""

import asyncio
import hmac
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import Coroutine
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger("stepdown.deferral")

PAUSES = (0.0, 1.0, 5.0, 30.0, 120.0)
"""Seconds before each try."""
PATIENCE = 15.0
"""Seconds that a target may take to answer."""
AT_ONCE = 16
"""How many are being sent at the same time."""
MOST = 1000
"""How many may wait to be sent, or sent again."""

_PREFIX = "whsec_"


class Target(Struct, frozen=True):
    """Where to send, and the key to sign with."""

    url: str
    key: bytes

    def __repr__(self) -> str:
        return "Target(…)"


def key_of(secret: str) -> bytes:
    """The key in a secret: ``whsec_`` and 24 to 64 bytes in base64. Raises ValueError."""
    try:
        if not secret.startswith(_PREFIX):
            raise ValueError
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("expected 'whsec_' and 24 to 64 bytes in base64")
    return key


def sign(key: bytes, name: str, at: int, body: bytes) -> str:
    """The signature of a message: its id, its time in seconds since 1970, its body."""
    signed = b"%b.%d.%b" % (name.encode(), at, body)
    return "v1," + b64encode(hmac.new(key, signed, sha256).digest()).decode()


class Notice(Struct, frozen=True):
    """A job that has ended, and whom to tell."""

    job: str
    tenant: str
    target: str


class Source(Protocol):
    """Whoever keeps the jobs."""

    def target(self, name: str) -> Target | None: ...

    async def shown(self, job: str, tenant: str) -> bytes | None:
        """The job as JSON, or None where it is gone. Raises JobsUnavailable."""
        ...

    async def note(self, job: str, state: str, tries: int, error: str) -> None:
        """Write how far the webhook has come; never raises."""
        ...


class Webhooks:
    """Sends the notices of one process. Bounded: what is too much is dropped and counted."""

    def __init__(self, source: Source) -> None:
        self.delivered = self.failed = self.dropped = 0
        self._source = source
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: httpx2.AsyncClient | None = None

    @property
    def waiting(self) -> int:
        """How many are under way, or wait for their next try."""
        return len(self._tasks)

    def offer(self, notice: Notice) -> None:
        """Send a notice, in the background."""
        if len(self._tasks) < MOST:
            self._spawn(self._deliver(notice))
        else:
            self.dropped += 1
            note = self._source.note
            self._spawn(note(notice.job, "failed", 0, "too many webhooks are waiting"))

    async def aclose(self) -> None:
        """Stop; what is not sent by now stays unsent."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._http is not None:
            await self._http.aclose()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.failed += 1
            log.error("a webhook failed in the gateway itself", exc_info=error)

    async def _deliver(self, notice: Notice) -> None:
        for tries, pause in enumerate(PAUSES, 1):
            await asyncio.sleep(pause)
            async with self._slots:
                error = await self._try(notice)
            last = tries == len(PAUSES)
            state = "delivered" if not error else "failed" if last else "pending"
            await self._source.note(notice.job, state, tries, error)
            if not error:
                self.delivered += 1
                return
        self.failed += 1
        log.warning("the webhook %r did not take its message", notice.target)

    async def _try(self, notice: Notice) -> str:
        """Send once; what went wrong, in words without the target's address."""
        import httpx2

        from stepdown.errors import JobsUnavailable

        target = self._source.target(notice.target)
        if target is None:
            return "the configuration has no such webhook any more"
        try:
            body = await self._source.shown(notice.job, notice.tenant)
        except JobsUnavailable as error:
            return error.message
        if body is None:
            return "the job has expired"
        try:
            async with asyncio.timeout(PATIENCE):
                status = await self._post(target, notice.job, body)
        except TimeoutError:
            return f"no answer within {PATIENCE:g} s"
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return type(error).__name__
        return "" if 200 <= status < 300 else f"status {status}"

    async def _post(self, target: Target, job: str, body: bytes) -> int:
        import httpx2

        if self._http is None:
            self._http = httpx2.AsyncClient(follow_redirects=False)
        now = int(time.time())
        headers = {
            "content-type": "application/json",
            "user-agent": "stepdown",
            "webhook-id": job,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(target.key, job, now, body),
        }
        async with self._http.stream(
            "POST", target.url, content=body, headers=headers, timeout=PATIENCE
        ) as response:
            return response.status_code
