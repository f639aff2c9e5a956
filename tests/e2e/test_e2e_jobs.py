"""Requests that are answered later, over HTTP: two workers, a crash, tenants, webhooks."""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from support import faults
from support.clients import HELLO
from support.configs import deployment
from support.databases import empty_url
from support.fault_server import FaultServer, wait_until
from support.gateway_process import GatewayProcess
from support.hooks import SECRET, Hook
from support.ledger_reading import recorded

__all__ = ["empty_url"]

ASYNC = {"x-stepdown-async": "true"}
Job = dict[str, Any]


@pytest.fixture(scope="module")
def gateway(
    upstream: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """Two workers."""
    models = [deployment(upstream, name) for name in ("plain", "silent", "broken")]
    config = {"model_list": models, "router_settings": {"num_retries": 0}}
    upstream.always("silent", faults.never_answers())
    upstream.always("broken", faults.status(400, "Not like this."))
    with GatewayProcess(config, tmp_path_factory.mktemp("jobs"), workers=2) as running:
        wait_until(lambda: len(psutil.Process(running.pid).children()) == 2, "both workers run")
        yield running


def submit(
    gateway: GatewayProcess, model: str = "plain", headers: Mapping[str, str] = {}, **fields: Any
) -> httpx2.Response:
    body = {"model": model, "messages": HELLO, **fields}
    url = f"{gateway.base_url}/chat/completions"
    return httpx2.post(url, json=body, headers={**ASYNC, **headers}, timeout=10)


def poll(gateway: GatewayProcess, job: Job, **headers: str) -> httpx2.Response:
    """On a connection of its own, so that any worker may get it."""
    return httpx2.get(gateway.url + job["poll_url"], headers=headers, timeout=10)


def ended(gateway: GatewayProcess, job: Job, timeout: float = 10.0) -> Job:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found: Job = poll(gateway, job).json()
        if found["status"] not in ("queued", "running"):
            return found
        time.sleep(0.02)
    raise AssertionError(f"still {found['status']}")


def test_a_request_is_answered_later(gateway: GatewayProcess, upstream: FaultServer) -> None:
    reply = submit(gateway)
    assert reply.status_code == 202
    job = reply.json()
    assert reply.headers["location"] == job["poll_url"] == f"/v1/jobs/{job['id']}"
    assert (job["object"], job["status"]) == ("stepdown.job", "queued")
    assert job["expires_at"] - job["created_at"] == 86_400
    done = ended(gateway, job)
    assert done["status"] == "succeeded"
    assert done["stepdown"]["model"] == "plain"
    assert done["stepdown"]["decision"] == "direct"
    assert done["stepdown"]["attempts"] == 1
    assert float(done["stepdown"]["cost"]) > 0
    assert done["stepdown"]["request_id"] == reply.headers["x-stepdown-request-id"]
    assert recorded(gateway.database, model="plain")
    plain = httpx2.post(
        f"{gateway.base_url}/chat/completions", json={"model": "plain", "messages": HELLO}
    )
    assert b'"response":' + plain.content + b"}" in poll(gateway, job).content
    assert upstream.last("plain").json["messages"] == HELLO


def test_every_worker_can_tell(gateway: GatewayProcess) -> None:
    job = submit(gateway).json()
    ended(gateway, job)
    assert {poll(gateway, job).status_code for _ in range(40)} == {200}


def test_cancelling_from_any_worker(gateway: GatewayProcess, upstream: FaultServer) -> None:
    jobs = [submit(gateway, "silent").json() for _ in range(6)]
    wait_until(lambda: len(upstream.received("silent")) == 6, "all run")
    for job in jobs:
        gone = httpx2.delete(gateway.url + job["poll_url"], timeout=10)
        assert (gone.status_code, gone.json()["status"]) == (200, "cancelled")
    calls = upstream.received("silent")
    wait_until(lambda: all(call.disconnected for call in calls), "no call is left")
    assert {poll(gateway, job).json()["status"] for job in jobs} == {"cancelled"}


def test_a_failure(gateway: GatewayProcess) -> None:
    done = ended(gateway, submit(gateway, "broken").json())
    assert done["status"] == "failed"
    assert done["error"]["code"] == "upstream_refused"
    assert done["error"]["message"]
    assert "response" not in done


@pytest.mark.parametrize(
    ("headers", "fields", "param", "says"),
    [
        ({}, {"stream": True}, "stream", "stream: expected false with x-stepdown-async"),
        ({"x-stepdown-async": "yes"}, {}, None, "expected true or false, got 'yes'"),
        ({"x-stepdown-webhook": "mine"}, {}, None, "x-stepdown-webhook: expected a webhook"),
    ],
)
def test_refusals(
    gateway: GatewayProcess,
    headers: dict[str, str],
    fields: dict[str, Any],
    param: str | None,
    says: str,
) -> None:
    reply = submit(gateway, headers=headers, **fields)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_field", param)
    assert says in error["message"]


def test_an_unknown_model_is_told_at_once(gateway: GatewayProcess) -> None:
    reply = submit(gateway, "plan")
    assert reply.status_code == 404
    assert "Did you mean 'plain'" in reply.json()["error"]["message"]


def test_an_unknown_job(gateway: GatewayProcess) -> None:
    names = ["job_none", f"job_{'0' * 40}", "%00", "%ff%ed%a0%80", "x" * 999]
    for method, name in product(["GET", "DELETE"], names):
        reply = httpx2.request(method, f"{gateway.url}/v1/jobs/{name}", timeout=10)
        assert reply.status_code == 404
        assert reply.json()["error"]["code"] == "job_not_found"


def test_a_job_waits_for_the_cheap_answer(upstream: FaultServer, tmp_path: Path) -> None:
    """A time limit that sends an ordinary request to the strong model does not bind a job."""
    upstream.always("slow", faults.ok(head_after=0.5))
    cascade = {"validators": [{"regex": ".*cheaper model.*"}], "timeout": {"first_byte": 0.1}}
    config = {
        "model_list": [deployment(upstream, "slow"), deployment(upstream, "strong")],
        "routes": {
            "auto": {
                "ladder": ["slow", "strong"],
                "rules": [],
                "sessions": False,
                "cascade": cascade,
            }
        },
    }
    with GatewayProcess(config, tmp_path) as gateway:
        now = submit(gateway, "auto", {"x-stepdown-async": "false"})
        assert now.headers["x-stepdown-model"] == "strong"
        later = ended(gateway, submit(gateway, "auto").json())
        assert later["stepdown"]["model"] == "slow"


def test_false_is_as_if_it_were_not_there(gateway: GatewayProcess) -> None:
    assert submit(gateway, headers={"x-stepdown-async": "false"}).status_code == 200


def test_a_worker_that_dies_loses_its_jobs(upstream: FaultServer, tmp_path: Path) -> None:
    upstream.always("silent", faults.never_answers())
    config = {"model_list": [deployment(upstream, "silent")]}
    with GatewayProcess(config, tmp_path) as gateway:
        job = submit(gateway, "silent").json()
        wait_until(lambda: poll(gateway, job).json()["status"] == "running", "it runs")
        gateway.kill()
        _age(gateway)
        with gateway:
            lost = poll(gateway, job).json()
            assert lost["status"] == "lost"
            assert lost["error"]["code"] == "job_lost"


def _age(gateway: GatewayProcess) -> None:
    """Let the time pass after which a silent process counts as dead."""
    with sqlite3.connect(gateway.database) as database:
        database.execute("UPDATE job_owners SET seen_at = seen_at - 60")
    database.close()


def test_a_server_that_is_stopped_says_so_at_once(upstream: FaultServer, tmp_path: Path) -> None:
    upstream.always("silent", faults.never_answers())
    config = {"model_list": [deployment(upstream, "silent")]}
    with GatewayProcess(config, tmp_path) as gateway:
        job = submit(gateway, "silent").json()
        wait_until(lambda: poll(gateway, job).json()["status"] == "running", "it runs")
        assert gateway.stop() in (0, -signal.SIGTERM)
        with gateway:
            assert poll(gateway, job).json()["status"] == "lost"


def test_a_full_house(upstream: FaultServer, tmp_path: Path) -> None:
    upstream.always("silent", faults.never_answers())
    limits = {"max": 3, "concurrency": 1}
    config = {"model_list": [deployment(upstream, "silent")], "jobs": limits}
    with GatewayProcess(config, tmp_path) as gateway:
        replies = [submit(gateway, "silent") for _ in range(5)]
        assert [reply.status_code for reply in replies] == [202, 202, 202, 429, 429]
        assert int(replies[-1].headers["retry-after"]) > 0
        assert replies[-1].json()["error"]["code"] == "too_many_jobs"
        status = httpx2.get(f"{gateway.url}/admin/status").json()["jobs"]
        assert (status["running"], status["waiting"], status["refused"]) == (1, 2, 2)


def test_tenants_and_reloads(upstream: FaultServer, tmp_path: Path) -> None:
    """A job goes on over a reload, and a key that came in between does not open it."""
    upstream.always("silent", faults.ok(head_after=1.0))
    config = {"model_list": [deployment(upstream, "silent")]}
    with GatewayProcess(config, tmp_path) as gateway:
        job = submit(gateway, "silent").json()
        wait_until(lambda: poll(gateway, job).json()["status"] == "running", "it runs")
        gateway.write_config({**config, "general_settings": {"master_key": "sk-m"}})
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: poll(gateway, job).status_code == 401, "the key is in force")
        key = {"authorization": "Bearer sk-m"}
        assert poll(gateway, job, **key).status_code == 404
        other = submit(gateway, "silent", headers=key).json()
        assert poll(gateway, other, **key).status_code == 200
        assert poll(gateway, other, authorization="Bearer sk-x").status_code == 401
        gateway.write_config(config)
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: poll(gateway, job).status_code == 200, "all may ask again")
        assert ended(gateway, job)["status"] == "succeeded"
        assert poll(gateway, other).status_code == 404


def test_webhooks(upstream: FaultServer, tmp_path: Path) -> None:
    with Hook(503) as hook:
        hooks = {"mine": {"url": hook.url, "secret": "os.environ/HOOK_SECRET"}}
        hooks["down"] = {"url": "http://127.0.0.1:9/", "secret": "os.environ/HOOK_SECRET"}
        config = {"model_list": [deployment(upstream, "plain")], "jobs": {"webhooks": hooks}}
        with GatewayProcess(config, tmp_path, {"HOOK_SECRET": SECRET}) as gateway:
            job = submit(gateway, headers={"x-stepdown-webhook": "mine"}).json()
            down = submit(gateway, headers={"x-stepdown-webhook": "down"}).json()
            wait_until(lambda: len(hook.received) == 2, "the second try arrives")
            told = hook.received[1].job
            shown = json.loads(poll(gateway, job).content)
            assert (told["id"], told["status"]) == (job["id"], "succeeded")
            assert told["response"] == shown["response"]
            wait_until(
                lambda: (
                    poll(gateway, job).json()["webhook"]
                    == {"name": "mine", "status": "delivered", "tries": 2}
                ),
                "the job shows it",
            )
            wait_until(
                lambda: poll(gateway, down).json()["webhook"].get("error") == "ConnectError",
                "the job shows what went wrong",
            )
            status = httpx2.get(f"{gateway.url}/admin/status").json()["jobs"]["webhooks"]
            assert (status["delivered"], status["waiting"]) == (1, 1)
            assert SECRET not in gateway.log


def test_both_databases(upstream: FaultServer, tmp_path: Path, empty_url: str) -> None:
    config = {"model_list": [deployment(upstream, "plain")], "ledger": {"url": empty_url}}
    with GatewayProcess(config, tmp_path, workers=2) as gateway:
        assert ended(gateway, submit(gateway).json())["status"] == "succeeded"
