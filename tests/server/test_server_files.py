"""``/v1/files`` on a real server: uploads, lists, contents, deletions, limits and tenants."""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from stepdown.deferral.batch.interface import MAX_FILE
from stepdown.server.files import most_of
from support.configs import deployment
from support.fault_server import FaultServer, wait_until
from support.gateway_process import GatewayProcess

LINES = b'{"custom_id": "1"}\n' * 3
FORM = {"purpose": "batch"}


@pytest.fixture(scope="module")
def gateway(
    upstream: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    config = {"model_list": [deployment(upstream, "plain")]}
    with GatewayProcess(config, tmp_path_factory.mktemp("files")) as running:
        yield running


@pytest.fixture
def http(gateway: GatewayProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=gateway.url, timeout=20) as client:
        yield client


def upload(
    http: httpx2.Client, content: bytes = LINES, name: str = "in.jsonl", **form: str
) -> httpx2.Response:
    return http.post("/v1/files", data={**FORM, **form}, files={"file": (name, content)})


def uploaded(http: httpx2.Client, content: bytes = LINES, **form: str) -> dict[str, Any]:
    reply = upload(http, content, **form)
    assert reply.status_code == 200, reply.text
    file: dict[str, Any] = reply.json()
    return file


def test_an_upload_and_what_is_shown_of_it(http: httpx2.Client) -> None:
    file = uploaded(http)
    assert file["id"].startswith("file-")
    assert (file["object"], file["purpose"], file["status"]) == ("file", "batch", "processed")
    assert (file["filename"], file["bytes"]) == ("in.jsonl", len(LINES))
    assert file["expires_at"] - file["created_at"] == 30 * 86_400
    assert http.get(f"/v1/files/{file['id']}").json() == file
    assert http.get(f"/files/{file['id']}").json() == file


def test_the_content_is_what_came(http: httpx2.Client) -> None:
    content = b"".join(b'{"custom_id": "%d", "x": "\xc3\xa4"}\r\n' % i for i in range(100_000))
    file = uploaded(http, content)
    reply = http.get(f"/v1/files/{file['id']}/content")
    assert reply.content == content
    assert reply.headers["content-length"] == str(len(content))
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-disposition"] == "attachment; filename*=UTF-8''in.jsonl"


def test_a_name_stays_in_its_header(http: httpx2.Client) -> None:
    name = 'a"; filename="b\r\nx-evil: 1\r\n\r\n.jsonl'
    file = upload(http, name=name).json()
    reply = http.get(f"/v1/files/{file['id']}/content")
    assert "x-evil" not in reply.headers
    assert reply.content == LINES


def test_an_expiry_of_ones_own(http: httpx2.Client) -> None:
    expiry = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "7200"}
    file = uploaded(http, LINES, **expiry)
    assert file["expires_at"] - file["created_at"] == 7200


def test_lists_in_pages(http: httpx2.Client) -> None:
    made = [uploaded(http)["id"] for _ in range(5)]
    newest = http.get("/v1/files", params={"limit": 3}).json()
    assert newest["object"] == "list"
    assert [file["id"] for file in newest["data"]] == made[:1:-1]
    assert (newest["first_id"], newest["last_id"], newest["has_more"]) == (made[4], made[2], True)
    after = {"limit": 2, "after": newest["last_id"]}
    assert [file["id"] for file in http.get("/v1/files", params=after).json()["data"]] == made[
        1::-1
    ]
    oldest = http.get("/v1/files", params={"order": "asc", "after": made[3]}).json()
    assert [file["id"] for file in oldest["data"]] == made[4:]
    assert oldest["has_more"] is False
    assert http.get("/v1/files", params={"purpose": "batch_output"}).json()["data"] == []


def test_a_deleted_file_is_gone(http: httpx2.Client) -> None:
    file = uploaded(http)["id"]
    assert http.delete(f"/v1/files/{file}").json() == {
        "id": file,
        "object": "file",
        "deleted": True,
    }
    for path in (f"/v1/files/{file}", f"/v1/files/{file}/content"):
        reply = http.get(path)
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "file_not_found")
    assert http.delete(f"/v1/files/{file}").status_code == 404
    assert file not in [each["id"] for each in http.get("/v1/files").json()["data"]]


@pytest.mark.parametrize(
    "name", ["file-x", "..%2f..%2fetc%2fpasswd", "%00", "file-" + "0" * 2000, "%ff%fe", "a'--"]
)
def test_names_that_are_no_files(http: httpx2.Client, name: str) -> None:
    for reply in (http.get(f"/v1/files/{name}"), http.delete(f"/v1/files/{name}")):
        assert reply.status_code == 404
        assert reply.json()["error"]["code"] in ("file_not_found", "unknown_url")


@pytest.mark.parametrize(
    ("form", "content", "param"),
    [
        ({"purpose": "fine-tune"}, LINES, "purpose"),
        ({"purpose": "batch_output"}, LINES, "purpose"),
        ({}, b"", "file"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "60"},
         LINES, "expires_after[seconds]"),
        ({"expires_after[anchor]": "tomorrow"}, LINES, "expires_after[anchor]"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_upload_is_named(
    http: httpx2.Client, form: dict[str, str], content: bytes, param: str
) -> None:
    reply = upload(http, content, **form)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_field")
    assert param.startswith(error["param"])


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=10001", "limit"), ("limit=x", "limit"), ("order=up", "order")],
)
def test_what_is_wrong_with_a_list_is_named(http: httpx2.Client, query: str, param: str) -> None:
    reply = http.get(f"/v1/files?{query}")
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


def test_a_place_in_the_list_that_is_not_there(http: httpx2.Client) -> None:
    assert http.get("/v1/files?after=file-nothing").status_code == 404


def test_an_upload_larger_than_any_other_body(gateway: GatewayProcess, http: httpx2.Client) -> None:
    """64 MB, twice what other paths take; the server's memory does not grow by as much."""
    server = psutil.Process(gateway.pid)
    uploaded(http)
    before = server.memory_info().rss
    content = (b'{"custom_id": "' + b"x" * 1007 + b'"}') * 62_500
    file = uploaded(http, content)
    assert file["bytes"] == len(content) == 64_000_000
    with http.stream("GET", f"/v1/files/{file['id']}/content") as reply:
        assert sum(map(len, reply.iter_raw())) == len(content)
    assert server.memory_info().rss - before < 40_000_000
    http.delete(f"/v1/files/{file['id']}")
    assert http.post("/v1/batches", content=content).status_code == 413


def test_an_upload_that_is_too_large_is_refused_in_words(gateway: GatewayProcess) -> None:
    """It is cut off where the limit is passed, however much the client would send."""
    size = most_of(b"/v1/files", MAX_FILE)
    with socket.create_connection(("127.0.0.1", gateway.port), 60) as link:
        head = (
            "POST /v1/files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            "Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
        )
        part = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        link.sendall(head.encode() + b"%x\r\n%b\r\n" % (len(part), part))
        piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        for _ in range(size // 0x100000 + 1):
            link.sendall(piece)
        came = b""
        while b"}}" not in came:
            came += link.recv(65536)
    assert came.startswith(b"HTTP/1.1 413 ")
    error = json.loads(came.partition(b"\r\n\r\n")[2])["error"]
    assert (error["code"], error["param"]) == ("body_too_large", None)


def test_a_client_that_goes_away_leaves_nothing(
    gateway: GatewayProcess, http: httpx2.Client
) -> None:
    before = http.get("/v1/files").json()["data"]
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as link:
        head = (
            "POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n"
            "Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
        )
        part = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        link.sendall(head.encode() + part + b"x" * 4_000_000)
    assert http.get("/v1/files").json()["data"] == before
    assert uploaded(http)["bytes"] == len(LINES)


def test_another_keys_files_do_not_exist(upstream: FaultServer, tmp_path: Path) -> None:
    """And an upload without the key is refused before its body is read."""
    config = {"model_list": [deployment(upstream, "plain")]}
    with GatewayProcess(config, tmp_path) as gateway:
        with httpx2.Client(base_url=gateway.url, timeout=20) as anonymous:
            file = uploaded(anonymous)["id"]
            gateway.write_config({**config, "general_settings": {"master_key": "sk-m"}})
            gateway.signal(signal.SIGHUP)
            path = f"/v1/files/{file}"
            wait_until(lambda: anonymous.get(path).status_code == 401, "the key is in force")
            for reply in (
                anonymous.get("/v1/files"),
                anonymous.get(path + "/content"),
                anonymous.delete(path),
                upload(anonymous, b"x" * 5_000_000),
            ):
                assert reply.status_code == 401
                assert reply.json()["error"]["code"] == "invalid_api_key"
        key = {"authorization": "Bearer sk-m"}
        with httpx2.Client(base_url=gateway.url, headers=key, timeout=20) as master:
            assert master.get(path).status_code == 404
            assert master.get(path + "/content").status_code == 404
            assert master.delete(path).status_code == 404
            assert master.get("/v1/files").json()["data"] == []
            assert master.get(f"/v1/files?after={file}").status_code == 404
            body = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
            reply = master.post("/v1/batches", json={**body, "input_file_id": file})
            assert (reply.status_code, reply.json()["error"]["code"]) == (404, "file_not_found")
            mine = uploaded(master)["id"]
            assert [each["id"] for each in master.get("/v1/files").json()["data"]] == [mine]


def test_an_upload_without_the_key_need_not_be_sent(upstream: FaultServer, tmp_path: Path) -> None:
    config = {"model_list": [deployment(upstream, "plain")]}
    config["general_settings"] = {"master_key": "sk-m"}  # type: ignore[assignment]
    with (
        GatewayProcess(config, tmp_path) as gateway,
        socket.create_connection(("127.0.0.1", gateway.port), 10) as link,
    ):
        head = "POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n"
        link.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert link.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_only_uploads_are_streamed() -> None:
    most = MAX_FILE + 65_536
    assert most_of(b"/v1/files", MAX_FILE) == most_of(b"/files?a=b", MAX_FILE) == most
    for url in (b"/v1/files/", b"/v1/files/x", b"/v1/batches", b"/v1/chat/completions", b"/"):
        assert most_of(url, MAX_FILE) == 0
