"""Where Stepdown keeps what it can fetch or make again: the user's cache directory."""

import os
import sys
from pathlib import Path


def cache_directory() -> Path:
    """Stepdown's cache directory (``$XDG_CACHE_HOME/stepdown``); it may not exist yet."""
    if configured := os.environ.get("XDG_CACHE_HOME"):
        return Path(configured) / "stepdown"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "stepdown"
    return Path.home() / ".cache" / "stepdown"
