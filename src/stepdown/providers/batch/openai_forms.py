"""Entries and results of batches as OpenAI writes them.

Source: platform.openai.com/docs/api-reference/batch/request-input, /request-output
"""

from msgspec import DecodeError, Raw, Struct, json

from stepdown.batch_ports import Result
from stepdown.errors import UpstreamMalformed
from stepdown.providers.openai_usage import stated, usage_of

ENDPOINT = "/v1/chat/completions"


class _Reply(Struct):
    status_code: int
    request_id: str | None = None
    body: Raw = Raw(b"null")


class _Error(Struct):
    code: str | None = None
    message: str | None = None


class _Line(Struct):
    custom_id: str
    response: _Reply | None = None
    error: _Error | None = None


class _Usage(Struct):
    usage: Raw = Raw()


_line = json.Decoder(_Line).decode
_usage = json.Decoder(_Usage).decode


def entry(key: str, place: int, body: bytes) -> bytes:
    """A line of an input file. A caller's JSON may have line breaks, between its parts."""
    body = body.replace(b"\r", b" ").replace(b"\n", b" ")
    said = {
        "custom_id": f"{key}-{place}",
        "method": "POST",
        "url": ENDPOINT,
        "body": Raw(body),
    }
    return json.encode(said)


def place_of(custom_id: str) -> int | None:
    """The place in a submission, or None where the id is not one of ours."""
    _, _, place = custom_id.rpartition("-")
    return int(place) if place.isascii() and place.isdigit() else None


def result(line: bytes) -> Result | None:
    """What a line of an output or error file says; None for a request that is not ours.

    Raises UpstreamMalformed.
    """
    try:
        read = _line(line)
        place = place_of(read.custom_id)
        if place is None:
            return None
        if read.response is None:
            error = read.error or _Error()
            return Result(place, code=error.code or "unknown", message=error.message or "")
        body = bytes(read.response.body)
        usage = None
        if read.response.status_code == 200:
            given = _usage(body).usage
            usage = usage_of(given) if stated(given) else None
    except DecodeError as error:
        raise UpstreamMalformed(f"A batch's results cannot be read: {error}.") from error
    return Result(
        place,
        status=read.response.status_code,
        body=body,
        usage=usage,
        request_id=read.response.request_id or "",
    )
