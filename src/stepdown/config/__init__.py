"""The configuration: one YAML file, read, checked, and built into a gateway (``build.py``)."""

from stepdown.config.document import Config, Placed
from stepdown.config.notes import Note
from stepdown.config.reading import interpret, load

__all__ = ["Config", "Note", "Placed", "interpret", "load"]
