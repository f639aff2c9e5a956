"""Opens a file's rows by the ending of its name."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from stepdown.evals.data.csv_rows import csv_rows
from stepdown.evals.data.faults import BadDataset
from stepdown.evals.data.files import opened
from stepdown.evals.data.json_rows import json_document, json_lines
from stepdown.evals.data.parquet_rows import parquet_rows
from stepdown.evals.data.records import Record
from stepdown.evals.items import BadRow
from stepdown.names import nearest

TEXTS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
"""These may be compressed: their names then end in ``GZIP`` as well."""
GZIP = ".gz"
PARQUET = ".parquet"
PICKLES = (".pkl", ".pickle")

Rows = Iterator[Record | BadRow]


@contextmanager
def rows_of(path: Path) -> Generator[Rows]:
    """The file's rows. Raises BadDataset where it is of no known kind, OSError where it cannot be
    read; so do the rows."""
    name = path.name.lower()
    compressed = name.endswith(GZIP)
    ending = Path(name.removesuffix(GZIP)).suffix
    if ending == PARQUET and not compressed:
        yield parquet_rows(path)
        return
    if ending not in TEXTS:
        raise BadDataset(_unknown(ending, GZIP if compressed else ""))
    with opened(path, compressed=compressed) as lines:
        if ending == ".json":
            yield json_document(lines)
        elif ending in (".csv", ".tsv"):
            yield csv_rows(lines, "," if ending == ".csv" else "\t")
        else:
            yield json_lines(lines)


def _unknown(ending: str, gzip: str) -> str:
    if ending in PICKLES:
        return (
            "a pickle runs code when it is opened, and is not opened here. Where you trust it, "
            'convert it: python -c "import pandas; '
            "pandas.read_pickle('table.pkl').to_parquet('table.parquet')\""
        )
    got = ending + gzip
    return (
        f"expected a name that ends in {PARQUET}, or in {', '.join(TEXTS)} with or without {GZIP}, "
        f"got {got or 'no ending'}.{nearest(ending, (PARQUET, *TEXTS)) if got else ''}"
    )
