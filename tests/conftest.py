"""Fixtures that more than one test package needs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests import `support` by its name

from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess

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
