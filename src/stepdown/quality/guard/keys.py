"""Names what is guarded, with all that makes its evidence comparable: what changes begins anew."""

from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from stepdown.quality.pairs import Saver

_json = msgspec.json.Encoder(enc_hook=str, order="deterministic")


class Identity(Struct, frozen=True):
    """What the evidence on one guarded thing hangs on.

    ``rule`` is the name of its decisions and ``condition`` when it applies, as written. The models
    are named by what answers: another one under the same name is another candidate. ``scorers``
    and ``judge``, as written, say what a regret is, together with ``margin``. The budget is no part
    of it: the same pairs count for any.
    """

    route: str
    saver: Saver
    rule: str
    condition: Any
    candidate: str
    reference: str
    margin: float
    scorers: Any = ()
    judge: Any = None


def guard_key(identity: Identity) -> str:
    """64 hexadecimal digits that are the identity's own."""
    return sha256(_json.encode(identity)).hexdigest()
