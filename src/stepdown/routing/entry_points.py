"""What installed packages offer under an entry point group."""

from typing import Any


def offered(group: str) -> list[str]:
    """The names on offer."""
    from importlib.metadata import entry_points  # 20 ms to import: only where plug-ins are named

    return sorted({point.name for point in entry_points(group=group)})


def load(group: str, name: str) -> Any | None:
    """What the first entry point of this name stands for, or None where there is none."""
    from importlib.metadata import entry_points

    for point in entry_points(group=group, name=name):
        return point.load()
    return None
