"""What a route's exact cache is to do."""

from collections.abc import Callable, Collection, Mapping

from msgspec import Struct


def _nothing() -> Collection[str]:
    return ()


class ExactTerms(Struct, frozen=True):
    """The terms for one route, or one model that is asked by its own name.

    ``ttl`` is how long an answer is given again, in seconds. ``nondeterministic``: requests that
    ask for variety (a temperature above 0, several choices) are cached too. ``wait`` is how long a
    request waits, in seconds, for the answer to the same one before it is asked by itself.
    ``most_entry`` is the largest answer that is kept, in bytes. ``policy`` and ``varies`` are what
    else answers hang on, see ``caching.key.key_of``. ``held`` tells the rules that the guard keeps
    from applying: what a rule's model answered is not given again once the rule has tripped.
    ``ladder`` and ``aliases`` (models' own names by other ones) tell which model is to answer:
    where another stood in, its answer is not given again.
    """

    ttl: float = 3600.0
    nondeterministic: bool = False
    wait: float = 60.0
    most_entry: int = 1_000_000
    policy: str = ""
    varies: tuple[str, ...] = ()
    held: Callable[[], Collection[str]] = _nothing
    ladder: tuple[str, ...] = ()
    aliases: Mapping[str, str] = {}

    def own_name(self, model: str) -> str:
        """The model's own name, where this is an alias."""
        return self.aliases.get(model, model)
