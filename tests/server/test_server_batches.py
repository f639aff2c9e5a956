"""``/v1/batches`` on a real server, over raw HTTP: shapes, refusals, pages, tenants, ends."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support import chat, faults
from support.batch_lines import ENDPOINT, answers, ended, jsonl, line, read_lines, submit
from support.configs import deployment
from support.fault_server import FaultServer, wait_until
from support.gateway_process import GatewayProcess
from support.hooks import SECRET, Hook

CONTENT = "".join(chat.WORDS)
TWO = jsonl([line("a", "plain"), line("b", "plain")])


@pytest.fixture(scope="module")
def gateway(
    upstream: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """Its provider has no batch API: lines are sent as paced ordinary calls."""
    upstream.always("broken", faults.status(400, "Not like this."))
    upstream.always("silent", faults.never_answers())
    config = {
        "model_list": [deployment(upstream, name) for name in ("plain", "broken", "silent")],
        "router_settings": {"num_retries": 0},
    }
    with GatewayProcess(config, tmp_path_factory.mktemp("batches")) as running:
        yield running


@pytest.fixture
def http(gateway: GatewayProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=gateway.url, timeout=20) as client:
        yield client


def content_of(http: httpx2.Client, file: str) -> bytes:
    return http.get(f"/v1/files/{file}/content").content


def test_a_batch_from_start_to_end(http: httpx2.Client) -> None:
    reply = submit(http, TWO, metadata={"job": "nightly"})
    assert reply.status_code == 200
    began = reply.json()
    assert began["id"].startswith("batch_")
    assert (began["object"], began["endpoint"], began["completion_window"]) == (
        "batch",
        ENDPOINT,
        "24h",
    )
    assert began["expires_at"] - began["created_at"] == 86_400
    assert began["metadata"] == {"job": "nightly"}
    done = ended(http, began["id"])
    assert (done["status"], done["error_file_id"], done["errors"]) == ("completed", None, None)
    assert done["request_counts"] == {"total": 2, "completed": 2, "failed": 0}
    assert done["stepdown"]["models"] == {"plain": 2}
    assert float(done["stepdown"]["cost"]) > 0
    assert done["usage"]["output_tokens"] == 2 * len(chat.WORDS)
    content = content_of(http, done["output_file_id"])
    assert answers(content) == {"a": CONTENT, "b": CONTENT}
    assert [each["response"]["status_code"] for each in read_lines(content)] == [200, 200]
    file = http.get(f"/v1/files/{done['output_file_id']}").json()
    assert (file["purpose"], file["bytes"]) == ("batch_output", len(content))


def test_what_failed_is_in_a_file_of_its_own(http: httpx2.Client) -> None:
    content = jsonl([line("a", "plain"), line("b", "broken"), line("c", "plain", stream=True)])
    done = ended(http, submit(http, content).json()["id"])
    assert done["status"] == "completed"
    assert done["request_counts"] == {"total": 3, "completed": 1, "failed": 2}
    assert list(answers(content_of(http, done["output_file_id"]))) == ["a"]
    failed = read_lines(content_of(http, done["error_file_id"]))
    assert [each["custom_id"] for each in failed] == ["b", "c"]


def test_a_file_that_is_no_batch_fails_with_its_lines_named(http: httpx2.Client) -> None:
    content = jsonl([line("a", "plain"), line("a", "plain"), line("b", "plian")]) + b"nonsense\n"
    done = ended(http, submit(http, content).json()["id"])
    assert done["status"] == "failed"
    assert {error["line"] for error in done["errors"]["data"]} == {2, 3, 4}
    assert done["output_file_id"] is None


@pytest.mark.parametrize(
    ("wanted", "param", "says"),
    [
        ({"endpoint": "/v1/embeddings"}, "endpoint", "/v1/chat/completions"),
        ({"completion_window": "a day"}, "completion_window", "24h"),
        ({"completion_window": None}, "completion_window", "expected str"),
        ({"metadata": {"a": 1}}, "metadata[...]", "expected str got int"),
        ({"metadata": {str(i): "x" for i in range(17)}}, "metadata", "16"),
        ({"metadata": {"k": "x" * 513}}, "metadata", "512"),
        ({"output_expires_after": {"anchor": "now", "seconds": 3600}},
         "output_expires_after.anchor", "now"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 5}},
         "output_expires_after", "3600"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 10**400}},
         "output_expires_after", "to 2592000 seconds"),
        ({"output_expires_after": {"anchor": "created_at"}},
         "output_expires_after.seconds", "required"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    http: httpx2.Client, wanted: dict[str, Any], param: str, says: str
) -> None:
    reply = submit(http, TWO, **wanted)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_field")
    assert error["param"].startswith(param)
    assert says in error["message"].replace(",", "")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_what_is_no_body(http: httpx2.Client, body: bytes) -> None:
    reply = http.post("/v1/batches", content=body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_json")


def test_a_file_that_is_not_there(http: httpx2.Client) -> None:
    body = {"input_file_id": "file-x", "endpoint": ENDPOINT, "completion_window": "24h"}
    reply = http.post("/v1/batches", json=body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "file_not_found")


@pytest.mark.parametrize("name", ["batch_x", "..%2f..", "%00", "batch_" + "0" * 2000, "%ff"])
def test_names_that_are_no_batches(http: httpx2.Client, name: str) -> None:
    for reply in (http.get(f"/v1/batches/{name}"), http.post(f"/v1/batches/{name}/cancel")):
        assert reply.status_code == 404
        assert reply.json()["error"]["code"] in ("batch_not_found", "unknown_url")


def test_lists_in_pages(http: httpx2.Client) -> None:
    made = [submit(http, TWO).json()["id"] for _ in range(3)]
    newest = http.get("/v1/batches", params={"limit": 2}).json()
    assert [batch["id"] for batch in newest["data"]] == made[:0:-1]
    assert (newest["object"], newest["has_more"]) == ("list", True)
    after = {"limit": 1, "after": newest["last_id"]}
    assert http.get("/v1/batches", params=after).json()["first_id"] == made[0]
    assert http.get("/v1/batches?limit=101").json()["error"]["param"] == "limit"
    assert http.get("/v1/batches?after=batch_x").status_code == 404


def test_cancelling_at_once(http: httpx2.Client) -> None:
    batch = submit(http, TWO).json()["id"]
    assert http.post(f"/v1/batches/{batch}/cancel").json()["status"] in ("cancelling", "cancelled")
    assert ended(http, batch)["status"] == "cancelled"


def test_cancelling_what_is_under_way(http: httpx2.Client, upstream: FaultServer) -> None:
    batch = submit(http, jsonl([line("a", "silent"), line("b", "silent")])).json()["id"]
    wait_until(lambda: len(upstream.received("silent")) == 2, "both are asked")
    cancelled = http.post(f"/v1/batches/{batch}/cancel")
    assert cancelled.status_code == 200
    assert cancelled.json()["status"] in ("cancelling", "cancelled")
    done = ended(http, batch)
    assert done["status"] == "cancelled"
    assert done["request_counts"] == {"total": 2, "completed": 0, "failed": 2}
    assert http.post(f"/v1/batches/{batch}/cancel").json()["status"] == "cancelled"


def test_another_keys_batches_do_not_exist(upstream: FaultServer, tmp_path: Path) -> None:
    config = {"model_list": [deployment(upstream, "plain")]}
    with GatewayProcess(config, tmp_path) as gateway:
        with httpx2.Client(base_url=gateway.url, timeout=20) as anonymous:
            done = ended(anonymous, submit(anonymous, TWO).json()["id"])
            gateway.write_config({**config, "general_settings": {"master_key": "sk-m"}})
            gateway.signal(signal.SIGHUP)
            path = f"/v1/batches/{done['id']}"
            wait_until(lambda: anonymous.get(path).status_code == 401, "the key is in force")
            for reply in (
                anonymous.get("/v1/batches"),
                anonymous.post("/v1/batches", json={}),
                anonymous.post(path + "/cancel"),
            ):
                assert reply.status_code == 401
        key = {"authorization": "Bearer sk-m"}
        with httpx2.Client(base_url=gateway.url, headers=key, timeout=20) as master:
            assert master.get(path).status_code == 404
            assert master.post(path + "/cancel").status_code == 404
            assert master.get(f"/v1/files/{done['output_file_id']}/content").status_code == 404
            assert master.get("/v1/batches").json()["data"] == []
            assert master.get(f"/v1/batches?after={done['id']}").status_code == 404
            mine = submit(master, TWO).json()["id"]
            assert ended(master, mine)["status"] == "completed"
            assert [each["id"] for each in master.get("/v1/batches").json()["data"]] == [mine]


def test_a_webhook_is_told_of_the_end(upstream: FaultServer, tmp_path: Path) -> None:
    with Hook() as hook:
        hooks = {"mine": {"url": hook.url, "secret": "os.environ/HOOK_SECRET"}}
        config = {"model_list": [deployment(upstream, "plain")], "jobs": {"webhooks": hooks}}
        with (
            GatewayProcess(config, tmp_path, {"HOOK_SECRET": SECRET}) as gateway,
            httpx2.Client(base_url=gateway.url, timeout=20) as http,
        ):
            http.headers["x-stepdown-webhook"] = "other"
            reply = submit(http, TWO)
            assert reply.status_code == 400
            assert "expected a webhook of the configuration" in reply.json()["error"]["message"]
            http.headers["x-stepdown-webhook"] = "mine"
            batch = submit(http, TWO).json()["id"]
            wait_until(lambda: len(hook.received) == 1, "the webhook is told")
            told = hook.received[0].job
            assert (told["id"], told["status"]) == (batch, "completed")
