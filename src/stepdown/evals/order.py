"""The rows in an order that has nothing to do with what they are, and is always the same."""

from collections.abc import Iterable
from hashlib import sha256

from stepdown.evals.rows import Row


def shuffled(rows: Iterable[Row]) -> list[Row]:
    """By a hash of their ids. ``quality.means`` assumes such an order; files are often sorted."""
    return sorted(rows, key=lambda row: sha256(row.id.encode("utf-8", "surrogatepass")).digest())
