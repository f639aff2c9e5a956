"""Who may call: the master key, compared by digest and never kept in the clear."""

import hmac
from hashlib import sha256

from stepdown.config.live import Live
from stepdown.errors import Unauthorized


class Gate:
    """Admits requests. Without a master key everybody is admitted, as the anonymous tenant."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def admit(self, headers: list[tuple[bytes, bytes]]) -> str:
        """The tenant on whose behalf a request comes. Raises Unauthorized."""
        digest = self._live.master_key_digest
        if digest is None:
            return ""
        for name, value in headers:
            if name in (b"authorization", b"x-api-key", b"api-key"):
                key = value[7:] if value[:7].lower() == b"bearer " else value
                if hmac.compare_digest(sha256(key.strip()).digest(), digest):
                    return "master"
                raise Unauthorized("The API key is not valid here.")
        raise Unauthorized("An API key is required: send it as 'Authorization: Bearer KEY'.")

    @property
    def open(self) -> bool:
        return self._live.master_key_digest is None
