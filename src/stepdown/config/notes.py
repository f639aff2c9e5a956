"""What the reader of a configuration should know about it that does not keep it from starting."""

from typing import NamedTuple

IGNORED = "ignored"
"""A key that LiteLLM honours and Stepdown does not."""
UNENFORCED = "not enforced"
"""A key whose loss makes the gateway more permissive than the file says."""
UNKNOWN = "unknown key"
"""A key that neither knows."""
UNSET = "unset variable"
LEFT_OUT = "left out"
"""A deployment that this version cannot serve."""
CAUTION = "caution"


class Note(NamedTuple):
    """``path`` is where in the file, ``what`` one of the kinds above, ``why`` a sentence."""

    path: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}: {self.why}"


def join(path: str, key: object) -> str:
    """The path of a key below a path: ``a.b``, ``a[0]``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)
