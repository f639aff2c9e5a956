"""Builds the configurations that end-to-end tests give the real server."""

from decimal import Decimal
from typing import Any

from support.fault_server import FaultServer

CHEAP = {"input_cost_per_token": "0.00000015", "output_cost_per_token": "0.0000006"}
STRONG = {"input_cost_per_token": "0.0000025", "output_cost_per_token": "0.00001"}
KEY = "sk-upstream"


def deployment(
    server: FaultServer, name: str, *, upstream: str | None = None, **params: Any
) -> dict[str, Any]:
    """One entry of ``model_list``; the upstream knows it as ``upstream``, or as ``name``."""
    return {
        "model_name": name,
        "litellm_params": {
            "model": f"openai/{upstream or name}",
            "api_base": server.base_url,
            "api_key": KEY,
            **{k: float(v) for k, v in CHEAP.items()},
            **params,
        },
    }


def price(rates: dict[str, str], *, prompt: int, completion: int) -> Decimal:
    """What so many tokens cost."""
    return (
        Decimal(rates["input_cost_per_token"]) * prompt
        + Decimal(rates["output_cost_per_token"]) * completion
    )
