"""An embeddings endpoint over real HTTP, in OpenAI's dialect; its vectors: the static table's."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from stepdown.embedding.static import static

Reply = dict[str, Any]


class EmbeddingEndpoint:
    """Serves on a free port. ``change`` may alter each reply, ``status`` replaces 200."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.change: Callable[[Reply], Any] = lambda reply: reply
        self.status = 200
        owner = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, sent = owner.answer(self.path, body)
                owner.headers.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        asked = json.loads(body)
        self.asked.append(asked)
        if path != "/v1/embeddings":
            return 404, b"{}"
        if self.status != 200:
            return self.status, b'{"error": {"message": "Not now.", "code": "later"}}'
        rows = static().vectors(asked["input"])
        reply: Reply = {
            "object": "list",
            "model": asked["model"],
            "data": [
                {"object": "embedding", "index": at, "embedding": (3 * row).tolist()}
                for at, row in enumerate(rows)
            ],
            "usage": {"prompt_tokens": 7, "total_tokens": 7},
        }
        return 200, json.dumps(self.change(reply)).encode()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
