"""Several workers share a port, a ledger and a configuration; one that dies is replaced."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from support.clients import HELLO, client_of
from support.configs import deployment
from support.fault_server import FaultServer, wait_until
from support.gateway_process import GatewayProcess
from support.ledger_reading import details


@pytest.fixture
def gateway(upstream: FaultServer, tmp_path: Path) -> Iterator[GatewayProcess]:
    config = {"model_list": [deployment(upstream, "old")]}
    with GatewayProcess(config, tmp_path, workers=2) as running:
        wait_until(lambda: len(busy(running)) == 2, "both workers run")
        yield running


def busy(gateway: GatewayProcess) -> set[int]:
    """The workers' process ids."""
    children = psutil.Process(gateway.pid).children()
    return {child.pid for child in children if child.status() != psutil.STATUS_ZOMBIE}


def ask(gateway: GatewayProcess, model: str = "old") -> int:
    """The status of one request on a connection of its own, so that any worker may get it."""
    body = {"model": model, "messages": HELLO}
    return httpx2.post(f"{gateway.base_url}/chat/completions", json=body, timeout=10).status_code


def test_all_requests_are_answered_and_recorded(gateway: GatewayProcess) -> None:
    assert {ask(gateway) for _ in range(40)} == {200}
    wait_until(lambda: len(details(gateway.database)) == 40, "every request is in the ledger")


def test_a_worker_that_dies_is_replaced(gateway: GatewayProcess) -> None:
    before = busy(gateway)
    victim = psutil.Process(min(before))
    victim.kill()
    wait_until(lambda: len(busy(gateway) - before) == 1, "a new worker runs")

    def answers() -> bool:
        try:
            return {ask(gateway) for _ in range(20)} == {200}
        except httpx2.TransportError:
            return False

    wait_until(answers, "both workers answer")


def test_a_reload_reaches_every_worker(gateway: GatewayProcess, upstream: FaultServer) -> None:
    gateway.write_config({"model_list": [deployment(upstream, "new")]})
    assert httpx2.post(f"{gateway.url}/admin/reload", timeout=10).status_code == 200
    wait_until(lambda: {ask(gateway, "new") for _ in range(20)} == {200}, "all know the new model")
    with client_of(gateway) as client:
        assert [model.id for model in client.models.list()] == ["new"]


def test_the_workers_end_with_their_parent(gateway: GatewayProcess) -> None:
    workers = [psutil.Process(pid) for pid in busy(gateway)]
    assert gateway.stop() == 0
    assert not any(worker.is_running() for worker in workers)
