"""Reads a data set from a file: of any kind and format, its bad rows listed, the good ones kept."""

import hashlib
from itertools import chain
from pathlib import Path

from stepdown.evals.data.detection import Format, detected, named
from stepdown.evals.data.faults import BadDataset, BadField, shown
from stepdown.evals.data.figures import Scale, scale_of
from stepdown.evals.data.kinds import Rows, rows_of
from stepdown.evals.data.records import Record
from stepdown.evals.items import BadRow, Dataset, Item

__all__ = ["BadDataset", "read_dataset"]

MOST_ROWS = 1_000_000
SEEN = 20
"""Rows that decide on the format."""
REASONS = 3
"""Bad rows that are told of where no row is good."""

OWN = "stepdown"


def read_dataset(
    path: Path,
    *,
    format: str | None = None,  # noqa: A002  the command line's word for it
    score_range: tuple[float, float] | None = None,
) -> Dataset:
    """The file's items, and the rows that cannot be used.

    ``format`` is one of ``detection.FORMATS``; by default the first rows decide. ``score_range``
    is the lowest and the highest score that the file's scores can have, mapped to 0..1.

    Raises BadDataset, which names the file, where nothing can be used: an ending or a format that
    is not known, another encoding than UTF-8, too many rows or bytes, no good row. Raises OSError
    where the file cannot be read, ValueError where ``score_range`` is no range.
    """
    scale = scale_of(score_range)
    try:
        chosen = None if format is None else named(format)
        with rows_of(path) as rows:
            seen, rows = _first(rows)
            name = format or _format(seen)
            reading = _Reading(chosen or named(name), scale)
            for row in rows:
                reading.take(row)
        reading.check()
    except BadDataset as error:
        raise BadDataset(f"{path.name}: {error}") from error.__cause__
    return Dataset(path.name, name, tuple(reading.items), tuple(reading.bad), _digest(path))


class _Reading:
    """Takes row by row."""

    def __init__(self, form: Format, scale: Scale) -> None:
        self.items: list[Item] = []
        self.bad: list[BadRow] = []
        self._form = form
        self._scale = scale
        self._lines: dict[str, int] = {}
        self._left_out = 0

    def take(self, row: Record | BadRow) -> None:
        if len(self.items) + len(self.bad) + self._left_out == MOST_ROWS:
            raise BadDataset(f"expected at most {MOST_ROWS:,} rows, got more")
        if isinstance(row, BadRow):
            self.bad.append(row)
            return
        try:
            item = self._form.item(row, self._scale)
            if item is None:
                self._left_out += 1
                return
            self._add(item)
        except BadField as error:
            self.bad.append(BadRow(row.line, str(error)))
        except RecursionError:
            self.bad.append(BadRow(row.line, "nested too deeply"))

    def _add(self, item: Item) -> None:
        line = self._lines.setdefault(item.id, item.line)
        if line != item.line:
            raise BadField(
                "id", f"expected one row of each id, got {shown(item.id)} as in line {line}"
            )
        self.items.append(item)

    def check(self) -> None:
        """Raises BadDataset where no row is good."""
        if self.items:
            return
        if not self.bad and self._left_out:
            raise BadDataset(f"expected a row in use, got {self._left_out:,} archived ones")
        if not self.bad:
            raise BadDataset("expected a row, got none")
        told = [f"line {row.line}: {row.why}" for row in self.bad[:REASONS]]
        more = f" (and {len(self.bad) - REASONS:,} more)" if len(self.bad) > REASONS else ""
        raise BadDataset(f"no row can be used. {'; '.join(told)}{more}")


def _first(rows: Rows) -> tuple[list[Record | BadRow], Rows]:
    """Rows until so many can be told the format by, and all of them again."""
    seen: list[Record | BadRow] = []
    left = SEEN
    for row in rows:
        seen.append(row)
        left -= isinstance(row, Record)
        if left == 0 or len(seen) == MOST_ROWS:
            break
    return seen, chain(seen, rows)


def _format(seen: list[Record | BadRow]) -> str:
    """Where there is no row to tell it by, what is wrong with them is told by any format."""
    records = [row for row in seen if isinstance(row, Record)]
    return detected(records) if records else OWN


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
