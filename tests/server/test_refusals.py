"""What is answered to a request that cannot be read."""

import json

import pytest

from stepdown.server.refusals import refusal


@pytest.mark.parametrize(
    ("status", "line", "code", "says"),
    [
        (400, b"400 Bad Request", "invalid_http", "HTTP/1.1"),
        (408, b"408 Request Timeout", "request_timeout", "too long"),
        (413, b"413 ", "body_too_large", "larger than the 1,000 bytes"),
        (431, b"431 ", "headers_too_large", "larger than the 2,000 bytes"),
    ],
)
def test_a_whole_answer_in_the_dialect(status: int, line: bytes, code: str, says: str) -> None:
    head, _, body = refusal(status, max_body=1000, max_head=2000).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + line)
    assert b"connection: close" in head
    assert b"content-length: %d" % len(body) in head
    error = json.loads(body)["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert says in error["message"]
