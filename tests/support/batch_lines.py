"""Input files of batches, and the lines that come back."""

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import httpx2

from support.clients import HELLO

ENDPOINT = "/v1/chat/completions"
ENDED = ("completed", "failed", "expired", "cancelled")

Shown = dict[str, Any]


def line(custom_id: str, model: str, text: str | None = None, **body: Any) -> Shown:
    """One line of an input file; ``text`` is the user's turn."""
    messages: Any = HELLO if text is None else [{"role": "user", "content": text}]
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": ENDPOINT,
        "body": {"model": model, "messages": messages, **body},
    }


def jsonl(lines: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


def read_lines(content: bytes) -> list[Shown]:
    return [json.loads(each) for each in content.splitlines()]


def answers(content: bytes) -> dict[str, str]:
    """The texts of the answers by ``custom_id``, in their order; of those that have one."""
    return {
        each["custom_id"]: each["response"]["body"]["choices"][0]["message"]["content"]
        for each in read_lines(content)
    }


def submit(http: httpx2.Client, content: bytes, **wanted: Any) -> httpx2.Response:
    """Upload a file and start a batch over it."""
    form = {"purpose": "batch"}
    reply = http.post("/v1/files", data=form, files={"file": ("in.jsonl", content)})
    assert reply.status_code == 200, reply.text
    body = {"endpoint": ENDPOINT, "completion_window": "24h", **wanted}
    return http.post("/v1/batches", json={"input_file_id": reply.json()["id"], **body})


def ended(http: httpx2.Client, batch: str, timeout: float = 30.0) -> Shown:
    """The batch at its end. Raises AssertionError where that does not come."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found: Shown = http.get(f"/v1/batches/{batch}").json()
        if found["status"] in ENDED:
            return found
        time.sleep(0.05)
    raise AssertionError(f"still {found['status']}: {found['request_counts']}")
