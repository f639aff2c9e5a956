"""The parameters of lists, as OpenAI has them: limit, after, order."""

from typing import Literal

from starlette.requests import Request

from stepdown.errors import InvalidField


def limit_of(request: Request, default: int) -> int:
    """How many are asked for; whether that is too many, others say. Raises InvalidField."""
    text = request.query_params.get("limit")
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidField(f"limit: expected a whole number, got {text!r}.", param="limit")
    return int(text)


def order_of(request: Request) -> Literal["asc", "desc"]:
    """By time of creation; the newest first where nothing is asked for. Raises InvalidField."""
    match request.query_params.get("order", "desc"):
        case ("asc" | "desc") as order:
            return order
        case other:
            raise InvalidField(f"order: expected asc or desc, got {other!r}.", param="order")
