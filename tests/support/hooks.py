"""A webhook's receiver on loopback: keeps what comes, and answers as it is told."""

import hmac
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from msgspec import Struct

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Delivery(Struct):
    headers: Mapping[str, str]
    body: bytes

    @property
    def job(self) -> dict[str, Any]:
        """The job, once its signature has been verified as Standard Webhooks say."""
        name, at = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        signed = f"{name}.{at}.".encode() + self.body
        key = b64decode(SECRET.removeprefix("whsec_"))
        wanted = b64encode(hmac.new(key, signed, "sha256").digest()).decode()
        assert self.headers["webhook-signature"] == f"v1,{wanted}"
        found: dict[str, Any] = json.loads(self.body)
        return found


class Hook:
    """A context manager. ``statuses`` are answered one after the other, then 204."""

    def __init__(self, *statuses: int) -> None:
        self.received: list[Delivery] = []
        self._statuses = list(statuses)
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                hook.received.append(Delivery(headers, body))
                self.send_response(hook._statuses.pop(0) if hook._statuses else 204)
                self.send_header("location", hook.url)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
