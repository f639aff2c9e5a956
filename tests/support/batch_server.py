"""The simulated provider of batches on loopback, in a thread: it outlives whoever asks it."""

import socket
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any, Self

import uvicorn
from msgspec import json

from stepdown.providers.batch.simulated import SimulatedBatchOptions, SimulatedProvider
from stepdown.providers.batch.simulated_http import simulated_app


class Kept(SimulatedProvider):
    """A provider that remembers what it was asked, whatever is deleted afterwards."""

    def __init__(self, options: SimulatedBatchOptions) -> None:
        super().__init__(options)
        self.asked: Counter[str] = Counter()

    def create(self, file: str, metadata: dict[str, Any]) -> Any:
        for line in self.files.get(file, ("", b""))[1].splitlines():
            body = json.decode(line)["body"]
            self.asked[body["messages"][-1]["content"]] += 1
        return super().create(file, metadata)


class BatchServer:
    """A context manager."""

    def __init__(self, **options: Any) -> None:
        self.provider = Kept(SimulatedBatchOptions(**options))
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            simulated_app(self.provider), log_config=None, lifespan="off", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="batch-server"
        )

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        end = time.monotonic() + 20
        while not self._server.started and time.monotonic() < end:
            time.sleep(0.01)
        assert self._server.started
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()
