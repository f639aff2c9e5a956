"""The embedders that run in this process, by the names that a configuration gives them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from stepdown.errors import ConfigError
from stepdown.names import nearest

if TYPE_CHECKING:
    from stepdown.embedding.embedder import LocalEmbedder

STATIC = "static"


def local(name: str) -> "LocalEmbedder":
    """The embedder ``static``, ``minilm`` or ``multilingual``.

    Raises ConfigError, of one line, for another name, and where the extra of that name is missing.
    """
    made = LOCAL.get(name)
    if made is None:
        known = ", ".join(LOCAL)
        raise ConfigError([f"expected an embedder ({known}), got {name!r}.{nearest(name, LOCAL)}"])
    try:
        return made()
    except ImportError as error:
        raise ConfigError(
            [f"the embedder {name!r} needs `pip install 'stepdown[{EXTRAS[name]}]'` ({error})"]
        ) from error


def _static() -> "LocalEmbedder":
    from stepdown.embedding.static import static

    return static()


def _minilm() -> "LocalEmbedder":
    from stepdown.embedding.minilm import MiniLM

    return MiniLM()


def _multilingual() -> "LocalEmbedder":
    from stepdown.embedding.multilingual import MultilingualE5

    return MultilingualE5()


LOCAL: "dict[str, Callable[[], LocalEmbedder]]" = {
    STATIC: _static,
    "minilm": _minilm,
    "multilingual": _multilingual,
}
"""How each is made; nothing of one is imported before."""

EXTRAS = {STATIC: "semantic", "minilm": "minilm", "multilingual": "multilingual"}
"""What is to be installed for each."""
