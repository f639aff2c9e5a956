"""Makes the requests of a grader out of the client's: its id and tenant, another body."""

from collections.abc import Mapping

from msgspec import Raw, structs

from stepdown.types import Prompt, Request


def derive(request: Request, prompt: Prompt, fields: Mapping[str, Raw]) -> Request:
    """A request of the same id, tenant and session that says ``prompt``.

    ``fields`` is the whole body, value by value; it has to agree with the prompt. A route that
    was named beside the client's body does not go with it.
    """
    size = sum(len(name) + len(memoryview(raw)) + 4 for name, raw in fields.items()) + 1
    return structs.replace(request, prompt=prompt, fields=dict(fields), size=size, route=None)
