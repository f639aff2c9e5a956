"""The real server in a process of its own, as users run it: started, asked, signalled, ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx2
import yaml

START_LIMIT = 30.0
STOP_LIMIT = 15.0

Config = dict[str, Any]


class GatewayProcess:
    """``stepdown serve`` over a configuration that this writes. A context manager."""

    def __init__(
        self,
        config: Mapping[str, Any],
        directory: Path,
        environment: Mapping[str, str] = {},
        *,
        workers: int = 1,
    ) -> None:
        self.directory = directory
        self.workers = workers
        self.config_file = directory / "config.yaml"
        self.log_file = directory / "gateway.log"
        self.port = _free_port()
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("STEPDOWN_")},
            "XDG_DATA_HOME": str(directory / "data"),
            "XDG_CACHE_HOME": str(directory / "cache"),
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.write_config(config)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What an OpenAI client is given."""
        return f"{self.url}/v1"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    @property
    def database(self) -> Path:
        return self.directory / "ledger.db"

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write the file anew, its ledger in this directory; a running server does not notice."""
        ledger = {"url": f"sqlite:///{self.database}", **config.get("ledger", {})}
        self.config_file.write_text(yaml.safe_dump({**config, "ledger": ledger}))

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would, and wait until it is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_LIMIT)

    def stop(self) -> int:
        """Ask it to end; its exit status. Raises AssertionError when it has to be killed."""
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end when asked:\n{self.log}") from None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "stepdown", "serve"]
        command += ["--config", str(self.config_file), "--port", str(self.port)]
        command += ["--workers", str(self.workers)]
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self._environment,
                cwd=self.directory,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.stop()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if not self.running:
                raise AssertionError(f"the gateway ended at its start:\n{self.log}")
            try:
                if httpx2.get(f"{self.url}/health/ready", timeout=2).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"the gateway was not ready in {START_LIMIT:g} s:\n{self.log}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
