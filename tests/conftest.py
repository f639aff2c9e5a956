"""Fixtures that more than one test package needs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from stepdown.storage.address import parse
from stepdown.storage.migrate import migrate
from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess

settings.register_profile("calm", deadline=None)  # how long an example takes is no test's matter
settings.load_profile("calm")

Launch = Callable[[dict[str, Any]], GatewayProcess]


@pytest.fixture(scope="module")
def upstream() -> Iterator[FaultServer]:
    """An upstream that fails on command."""
    with FaultServer() as server:
        yield server


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Starts real servers, each with a ledger of its own; they end with the module."""
    with ExitStack() as stack:

        def start(config: dict[str, Any]) -> GatewayProcess:
            folder = tmp_path_factory.mktemp("gateway")
            return stack.enter_context(GatewayProcess(config, folder))

        yield start


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger whose tables are there, to be copied: to make them takes a server some seconds."""
    path = tmp_path_factory.mktemp("migrated") / "ledger.db"
    migrate(parse(str(path)))
    return path
