"""What most validators have in common."""

from stepdown.ports import Watch
from stepdown.types import Request


class Base:
    """A validator that always applies, vouches for the answer and needs the whole of it."""

    vouches = True
    settles = False
    top_logprobs: int | None = None

    def applies(self, request: Request) -> bool:
        """Whether there is something to check in the answer to this request."""
        return True

    def watch(self, request: Request) -> Watch | None:
        """A watch for one choice, or None where only a whole answer can be checked."""
        return None
