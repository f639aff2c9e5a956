"""The server that ``stepdown batch`` asks, over HTTP: files and batches in OpenAI's dialect."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import quote, urlsplit

import click
import msgspec
from msgspec import Struct

from stepdown.cli.record import printable, read_config

if TYPE_CHECKING:
    import httpx2

ENDPOINT = "/v1/chat/completions"
ENDED = frozenset(("failed", "completed", "expired", "cancelled"))
"""The statuses that are final."""
WEBHOOK_HEADER = "x-stepdown-webhook"
PATIENCE = 300.0
"""Seconds that the server may take to answer: an upload is stored before it is answered."""
AWAY = 120.0
"""Seconds that the server may be away while a batch is waited for: it may be started again."""
PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds between two looks at a batch: the first, and what they grow to."""

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

_url = click.option(
    "--url",
    envvar="STEPDOWN_URL",
    show_envvar=True,
    help="The server's address.  [default: --config's, or http://127.0.0.1:4000]",
)
_key = click.option(
    "--key",
    envvar="STEPDOWN_API_KEY",
    show_envvar=True,
    help="The API key.  [default: --config's master key, or none]",
)
_config = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The server's configuration: its address and master key are read from it.",
)


def server_options(command: Command) -> Command:
    """``--url``, ``--key`` and ``--config``: which server, and as whom."""
    return _url(_key(_config(command)))


class Counts(Struct):
    """How a batch's requests fare; ``failed`` counts expired and cancelled ones too."""

    total: int = 0
    completed: int = 0
    failed: int = 0


class Problem(Struct):
    """Why a batch failed before it began."""

    message: str | None = None
    code: str | None = None
    line: int | None = None


class Problems(Struct):
    data: list[Problem] = []


class Told(Struct):
    """What Stepdown adds to a batch. Amounts are US dollars as decimal text."""

    models: dict[str, int] = {}
    cost: Decimal = Decimal(0)
    reference_cost: Decimal = Decimal(0)
    batch_discount: Decimal = Decimal(0)
    unpriced: int = 0


class Seen(Struct):
    """A batch as far as it is shown here; ``raw`` is all of it, as the server's JSON."""

    id: str
    status: str
    request_counts: Counts | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: Problems | None = None
    stepdown: Told | None = None
    raw: bytes = b""

    @property
    def counts(self) -> Counts:
        return self.request_counts or Counts()

    @property
    def ended(self) -> bool:
        return self.status in ENDED


class Stored(Struct):
    """A file that the server keeps; ``bytes`` where it tells them."""

    id: str
    bytes: int | None = None


@contextmanager
def connected(url: str | None, key: str | None, config: Path | None) -> Generator["BatchServer"]:
    """The server that is meant. Raises click.UsageError for an address that cannot be one."""
    import httpx2

    url, key = server_meant(url, key, config)
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=PATIENCE) as http:
        yield BatchServer(http)


def server_meant(url: str | None, key: str | None, config: Path | None) -> tuple[str, str | None]:
    """The server's address and the key. Raises click.UsageError for what can be no address."""
    settings = read_config(config)
    if settings is not None:
        url = url or _address(settings.server.host, settings.server.port)
        master = settings.general_settings.master_key
        key = key or (None if master is None else master.get_secret_value())
    url = (url or _address("127.0.0.1", 4000)).rstrip("/").removesuffix("/v1")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise click.UsageError(f"--url: expected http://HOST:PORT or https://…, got {url!r}.")
    return url, key


def _address(host: str, port: int) -> str:
    """Where a server that listens there is asked: one that listens everywhere, on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  read, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Refused(click.ClickException):
    """The server did not do what it was asked; says why."""

    exit_code = 2


class Unreachable(Refused):
    """There was no answer, or one that says to come again."""


class BatchServer:
    """A running server. Everything raises Refused, or Unreachable where trying again may help."""

    def __init__(self, http: "httpx2.Client") -> None:
        self._http = http

    def upload(self, name: str, file: BinaryIO) -> Stored:
        """Upload an input file, as it is read."""
        form = {"purpose": "batch"}
        files = {"file": (name, file, "application/jsonl")}
        return self._read(self._asked("POST", "/v1/files", data=form, files=files), Stored)

    def create(self, file: str, *, metadata: dict[str, str], webhook: str | None) -> Seen:
        """Start a batch over an uploaded file."""
        wanted = {"input_file_id": file, "endpoint": ENDPOINT, "completion_window": "24h"}
        body = {**wanted, "metadata": metadata or None}
        headers = {} if webhook is None else {WEBHOOK_HEADER: webhook}
        return self._seen(self._asked("POST", "/v1/batches", json=body, headers=headers))

    def batch(self, name: str) -> Seen:
        return self._seen(self._asked("GET", f"/v1/batches/{quote(name, safe='')}"))

    def cancel(self, name: str) -> Seen:
        return self._seen(self._asked("POST", f"/v1/batches/{quote(name, safe='')}/cancel"))

    def file(self, name: str) -> Stored:
        return self._read(self._asked("GET", f"/v1/files/{quote(name, safe='')}"), Stored)

    def content(self, file: str) -> Iterator[bytes]:
        """A file piece by piece; whole, or it raises."""
        import httpx2

        path = f"/v1/files/{quote(file, safe='')}/content"
        with self._reached(), self._http.stream("GET", path) as reply:
            if reply.is_error:
                reply.read()
                raise refused(reply)
            try:
                yield from reply.iter_bytes()
            except httpx2.TransportError as error:
                raise Unreachable(f"{file}: the server stopped in the middle: {error}") from error

    def watch(self, name: str) -> Iterator[Seen]:
        """Look at a batch again and again; for ever, but for a server that stays away."""
        pause, away_since = PAUSE, None
        while True:
            try:
                yield self.batch(name)
                away_since = None
            except Unreachable:
                away_since = away_since or monotonic()
                if monotonic() - away_since > AWAY:
                    raise
            sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 1.3)

    def _asked(self, method: str, path: str, **sent: Any) -> bytes:
        with self._reached():
            reply = self._http.request(method, path, **sent)
        if reply.is_error:
            raise refused(reply)
        return reply.content

    def _seen(self, body: bytes) -> Seen:
        batch = self._read(body, Seen)
        batch.raw = body
        return batch

    def _read(self, body: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            said = f"{self._http.base_url}: this is no server of batches: {error}"
            raise Refused(printable(said)) from error

    @contextmanager
    def _reached(self) -> Generator[None]:
        import httpx2

        try:
            yield
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            said = f"The server at {self._http.base_url} cannot be reached: {error}"
            raise Unreachable(printable(said)) from error


def refused(reply: "httpx2.Response") -> Refused:
    """What the server said, in its words where it spoke the dialect."""
    kind = Unreachable if reply.status_code in (429, 502, 503, 504) else Refused
    try:
        message = msgspec.json.decode(reply.content)["error"]["message"]
    except (msgspec.DecodeError, KeyError, TypeError):
        message = f"status {reply.status_code}"
    return kind(printable(f"The server refused: {message}"))
