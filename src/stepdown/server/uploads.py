"""Reads the multipart form of an upload: kept on disk while it arrives, never whole in memory."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from stepdown.errors import InvalidField, StepdownError, TooManyBatches

log = logging.getLogger("stepdown.server")

AT_ONCE = 16
"""Uploads that one process takes at the same time: each may fill its limit in temporary files."""
MOST_FIELD = 4096
"""Bytes of a form's field, and of a file's name."""
AROUND = 64 * 1024
"""Bytes that a form may have around its file."""
PIECE = 256 * 1024

_ANCHOR = "expires_after[anchor]"
_SECONDS = "expires_after[seconds]"
_FIELDS = {"purpose", _ANCHOR, _SECONDS}


class Upload(Struct):
    """An upload as it came: a file of which nobody has read anything yet."""

    file: UploadFile
    filename: str
    purpose: str
    expires_after: float | None

    async def content(self) -> AsyncIterator[bytes]:
        """The file piece by piece."""
        while data := await self.file.read(PIECE):
            yield data


class Uploads:
    """Takes the uploads of one process, a few at once."""

    def __init__(self) -> None:
        self._busy = 0

    @asynccontextmanager
    async def received(self, request: Request) -> AsyncGenerator[Upload]:
        """An upload, once it is in; what was kept of it is gone at the end.

        Raises InvalidField, BodyTooLarge, RequestTimedOut, TooManyBatches, and StepdownError where
        there is no room for temporary files.
        """
        if self._busy >= AT_ONCE:
            raise TooManyBatches("Too many uploads are under way; try again later.")
        self._busy += 1
        try:
            form = request.form(max_files=1, max_fields=len(_FIELDS), max_part_size=MOST_FIELD)
            async with form as came:
                yield _read(came)
        except OSError as error:
            log.error("an upload could not be kept while it came: %s", error)
            raise StepdownError(
                "The upload could not be kept; the server's log says why."
            ) from error
        except HTTPException as error:
            raise InvalidField(f"The body is no form that can be read: {error.detail}") from error
        finally:
            self._busy -= 1


def _read(form: FormData) -> Upload:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        said = "file: expected a file in a form (multipart/form-data), got none."
        raise InvalidField(said, param="file")
    purpose = form.get("purpose")
    if not isinstance(purpose, str):
        raise InvalidField("purpose: this field is required and missing.", param="purpose")
    return Upload(file, _name(file), purpose, _expiry(form))


def _name(file: UploadFile) -> str:
    """The last part of the name: it is shown, and never used as a path."""
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2]
    shown = "".join(each for each in name if each.isprintable())
    return shown[:255] or "file"


def _expiry(form: FormData) -> float | None:
    """``expires_after``, in seconds after the upload. Raises InvalidField."""
    anchor, seconds = _text(form, _ANCHOR), _text(form, _SECONDS)
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise _wrong(_ANCHOR, "'created_at'", anchor)
    if seconds is None or not seconds.isascii() or not seconds.isdigit() or len(seconds) > 9:
        raise _wrong(_SECONDS, "a whole number of seconds", seconds)
    return float(seconds)


def _text(form: FormData, name: str) -> str | None:
    value = form.get(name)
    return value if isinstance(value, str) else None


def _wrong(name: str, expected: str, got: str | None) -> InvalidField:
    came = "nothing" if got is None else repr(got)
    return InvalidField(f"{name}: expected {expected}, got {came}.", param=name)
