"""What the configuration says of jobs."""

from collections.abc import Mapping

from msgspec import Struct

from stepdown.deferral.webhooks import Target


class Terms(Struct, frozen=True):
    """How many jobs one process takes on and runs at once, and for how long (seconds)."""

    enabled: bool = True
    retention: float = 86_400.0
    most: int = 1000
    concurrency: int = 8
    deadline: float = 3600.0
    webhooks: Mapping[str, Target] = {}
