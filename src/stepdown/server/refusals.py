"""What is answered to a request that cannot be read: before there is one, no dialect can tell."""

from msgspec import json

from stepdown.server.exchange import status_line

_REFUSALS = {
    400: ("invalid_http", "The request is not valid HTTP/1.1."),
    408: ("request_timeout", "The request took too long to arrive."),
    413: ("body_too_large", "The body is larger than the {max_body:,} bytes accepted here."),
    431: ("headers_too_large", "The headers are larger than the {max_head:,} bytes accepted here."),
}


def refusal(status: int, *, max_body: int, max_head: int) -> bytes:
    """A whole answer, with OpenAI's error envelope. ``status`` is 400, 408, 413 or 431."""
    code, message = _REFUSALS[status]
    said = message.format(max_body=max_body, max_head=max_head)
    error = {"message": said, "type": "invalid_request_error", "param": None, "code": code}
    body = json.encode({"error": error})
    return (
        b"%bcontent-type: application/json\r\ncontent-length: %d\r\n"
        b"connection: close\r\n\r\n%b" % (status_line(status), len(body), body)
    )
