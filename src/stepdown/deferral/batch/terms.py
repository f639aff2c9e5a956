"""What the configuration says of batches."""

from collections.abc import Mapping

from msgspec import Struct

from stepdown.deferral.batch.interface import MAX_FILE, MAX_LINES
from stepdown.deferral.webhooks import Target


class BatchTerms(Struct, frozen=True):
    """How batches are run. Times are seconds, sizes bytes.

    ``paused``: what is there waits, and nothing is submitted or called. ``gather`` is how long a
    deferred call waits for company, ``poll`` passes between two looks at a provider's batch.
    ``retention`` is for how long files and ended batches are kept. A tenant may have ``most``
    batches and calls under way, and ``most_stored`` bytes of files. Requests without a batch API
    are called by each process, ``concurrency`` at once and ``rpm`` a minute. After ``rounds``
    submissions that came to nothing a request is called like any other.
    """

    enabled: bool = True
    paused: bool = False
    concurrency: int = 8
    rpm: int | None = None
    gather: float = 60.0
    poll: float = 60.0
    retention: float = 2_592_000.0
    most: int = 1000
    most_stored: int = 10 * 1024**3
    max_file: int = MAX_FILE
    max_lines: int = MAX_LINES
    max_line: int = 10 * 1024 * 1024
    rounds: int = 2
    webhooks: Mapping[str, Target] = {}
