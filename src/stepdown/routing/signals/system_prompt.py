"""The signal ``system_prompt``: which of the application's system prompts this is, as a hash."""

from hashlib import blake2b

from stepdown.routing.signals.kinds import Kind
from stepdown.types import Reading, Request

DIGEST_BYTES = 8


class SystemPromptSignal:
    """The value is 16 hexadecimal digits, or None without a system prompt.

    The same text has the same value in every process, so a rule can name one:
    ``stepdown explain --file REQUEST.json`` prints it.
    """

    name = "system_prompt"
    kind = Kind.TEXT
    values = None

    def read(self, request: Request) -> Reading:
        text = request.prompt.system_text()
        if not text:
            return Reading(None, saw="no system prompt")
        digest = blake2b(text.encode("utf-8", "replace"), digest_size=DIGEST_BYTES).hexdigest()
        return Reading(digest, saw=text[:60])
