"""Forms of uploads: what is read from them, what they may not be, and how much is held."""

import asyncio
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.types import Message

from stepdown.errors import BodyTooLarge, InvalidField, StepdownError, TooManyBatches
from stepdown.server import uploads
from stepdown.server.uploads import Upload, Uploads

EDGE = b"frontier"


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    named = "" if filename is None else f'; filename="{filename}"'
    head = f'Content-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return b"--%b\r\n%b%b\r\n" % (EDGE, head.encode(), value)


def form(*parts: bytes) -> list[bytes]:
    return [*parts, b"--%b--\r\n" % EDGE]


def asked(pieces: Sequence[bytes], kind: str = "multipart/form-data; boundary=frontier") -> Request:
    """A request whose body comes in these pieces; an exception among them is raised."""
    came: list[bytes] = list(pieces)

    async def receive() -> Message:
        return {"type": "http.request", "body": came.pop(0), "more_body": bool(came)}

    headers = [(b"content-type", kind.encode())]
    scope = {"type": "http", "method": "POST", "headers": headers, "app": None}
    return Request(scope, receive)


async def whole(content: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in content])


def received(request: Request) -> tuple[Upload, bytes]:
    async def run() -> tuple[Upload, bytes]:
        async with Uploads().received(request) as upload:
            return upload, await whole(upload.content())

    return asyncio.run(run())


FILE = part("file", b'{"a": 1}\n', "in.jsonl")
PURPOSE = part("purpose", b"batch")


@pytest.mark.parametrize("parts", [(FILE, PURPOSE), (PURPOSE, FILE)])
def test_a_form_in_any_order(parts: tuple[bytes, bytes]) -> None:
    upload, content = received(asked(form(*parts)))
    assert (upload.filename, upload.purpose, upload.expires_after) == ("in.jsonl", "batch", None)
    assert content == b'{"a": 1}\n'


def test_a_form_cut_into_bytes() -> None:
    body = b"".join(form(PURPOSE, FILE))
    _, content = received(asked([body[i : i + 1] for i in range(len(body))]))
    assert content == b'{"a": 1}\n'


def test_an_expiry() -> None:
    parts = part("expires_after[anchor]", b"created_at"), part("expires_after[seconds]", b"3600")
    upload, _ = received(asked(form(PURPOSE, *parts, FILE)))
    assert upload.expires_after == 3600.0


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\data\\\\in.jsonl", "in.jsonl"),
        ("/", "file"),
        ("", "file"),
        ("a\x00\x1b[31mb", "a[31mb"),
        ("x" * 300, "x" * 255),
        ("umläut.jsonl", "umläut.jsonl"),
    ],
)
def test_a_name_is_shown_and_is_no_path(sent: str, shown: str) -> None:
    upload, _ = received(asked(form(PURPOSE, part("file", b"x", sent))))
    assert upload.filename == shown


@pytest.mark.parametrize(
    ("parts", "param", "says"),
    [
        ([PURPOSE], "file", "file: expected a file in a form"),
        ([PURPOSE, part("file", b"x")], "file", "file: expected a file in a form"),
        ([FILE], "purpose", "purpose: this field is required"),
        ([FILE, part("purpose", b"batch", "p.txt")], None, "Too many files"),
        ([PURPOSE, FILE, FILE], None, "Too many files"),
        ([*[part(f"f{i}", b"x") for i in range(4)], FILE], None, "Too many fields"),
        ([part("purpose", b"x" * 5000), FILE], None, "exceeded maximum size"),
        ([PURPOSE, FILE, part("expires_after[seconds]", b"9")],
         "expires_after[anchor]", "expected 'created_at', got nothing"),
        ([PURPOSE, FILE, part("expires_after[anchor]", b"now")],
         "expires_after[anchor]", "expected 'created_at', got 'now'"),
        ([PURPOSE, FILE, part("expires_after[anchor]", b"created_at")],
         "expires_after[seconds]", "expected a whole number of seconds, got nothing"),
        ([PURPOSE, FILE, part("expires_after[anchor]", b"created_at"),
          part("expires_after[seconds]", b"1e3")],
         "expires_after[seconds]", "got '1e3'"),
        ([b"--frontier\r\nX: " + b"y" * 100_000], None, "no form that can be read"),
        ([b"nonsense"], None, "no form that can be read"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_form_is_named(
    parts: list[bytes], param: str | None, says: str
) -> None:
    with pytest.raises(InvalidField) as caught:
        received(asked(form(*parts)))
    assert caught.value.param == param
    assert says in caught.value.message


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", ""])
def test_what_is_no_form_is_refused(kind: str) -> None:
    with pytest.raises(InvalidField):
        received(asked([b"{}"], kind))


def test_a_body_that_grows_too_large_is_refused_as_such() -> None:
    async def receive() -> Message:
        raise BodyTooLarge("too large")

    headers = [(b"content-type", b"multipart/form-data; boundary=frontier")]
    request = Request({"type": "http", "method": "POST", "headers": headers, "app": 1}, receive)
    with pytest.raises(BodyTooLarge):
        received(request)


def test_no_room_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(StepdownError, match="could not be kept") as caught:
        received(asked(form(PURPOSE, part("file", b"x" * 2_000_000, "f"))))
    assert caught.value.status == 500


def test_only_so_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "AT_ONCE", 1)

    async def run() -> None:
        taking = Uploads()
        async with taking.received(asked(form(PURPOSE, FILE))):
            with pytest.raises(TooManyBatches):
                async with taking.received(asked(form(PURPOSE, FILE))):
                    raise AssertionError("a second one was taken")
        with pytest.raises(InvalidField):
            async with taking.received(asked([b"nonsense"])):
                raise AssertionError("nonsense was taken")
        async with taking.received(asked(form(PURPOSE, FILE))):
            pass

    asyncio.run(run())


def test_a_large_file_is_not_held_in_memory() -> None:
    """40 MB go through; what is held at any time stays below 8 MB."""
    line = b"x" * 1023 + b"\n"
    head, tail = FILE.split(b'{"a": 1}\n')
    pieces = [PURPOSE, head, *[line * 256] * 160, tail, b"--frontier--\r\n"]

    async def run() -> int:
        size = 0
        async with Uploads().received(asked(pieces)) as upload:
            async for piece in upload.content():
                size += len(piece)
        return size

    tracemalloc.start()
    try:
        assert asyncio.run(run()) == 160 * 256 * 1024
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
