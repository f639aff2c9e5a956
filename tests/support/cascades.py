"""Gateways with cascades over the fault server: their configuration, a question, its traces."""

import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import httpx2
import openai
from msgspec import Struct

from stepdown.ledger.detail import Detail
from stepdown.types import Attempt
from support.configs import CHEAP, STRONG, deployment, price
from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess

MID = {"input_cost_per_token": "0.0000005", "output_cost_per_token": "0.000002"}
JUDGE = {"input_cost_per_token": "0.000001", "output_cost_per_token": "0.000004"}
RATES = {"cheap": CHEAP, "mid": MID, "strong": STRONG, "judge": JUDGE}
LABELS = {"one_of": ["billing", "technical"]}
"""A check that knows at the first word."""


def models(
    server: FaultServer, names: Iterable[str] = tuple(RATES), **params: Any
) -> list[dict[str, Any]]:
    """Models, each under its own name upstream; ``cheap-slow`` has the rates of ``cheap``.

    A header of its own gives each its own connections.
    """
    return [
        deployment(
            server,
            name,
            extra_headers={"x-drill": name},
            **{**{key: float(rate) for key, rate in rates_of(name).items()}, **params},
        )
        for name in names
    ]


def rates_of(model: str) -> dict[str, str]:
    return RATES[model.partition("-")[0]]


ALWAYS_CHEAP = [{"name": "always", "when": {"tokens": {"ge": 0}}, "rung": 0}]
"""Rules for checks that do not vouch."""


def route(*validators: Any, ladder: Iterable[str] = ("cheap", "strong"), **cascade: Any) -> Any:
    """A route without rules of its own: its requests begin where a validator vouches."""
    return {
        "ladder": list(ladder),
        "rules": [],
        "sessions": False,
        "cascade": {"validators": list(validators), **cascade},
    }


class Answer(Struct):
    """What a client got, chunk by chunk where it streamed."""

    text: str
    headers: Any
    chunks: list[Any]
    whole: Any = None

    @property
    def id(self) -> str:
        return str(self.headers["x-stepdown-request-id"])

    @property
    def cost(self) -> Decimal:
        return Decimal(self.headers["x-stepdown-cost"])

    @property
    def saved(self) -> Decimal:
        return Decimal(self.headers["x-stepdown-saved"])


def ask(client: openai.OpenAI, model: str, **fields: Any) -> Answer:
    """Ask a route with the official client."""
    fields.setdefault("messages", [{"role": "user", "content": "Which label is it?"}])
    raw = client.chat.completions.with_raw_response.create(model=model, **fields)
    if not fields.get("stream"):
        whole = raw.parse()
        return Answer(whole.choices[0].message.content or "", raw.headers, [], whole)
    chunks = list(raw.parse())
    said = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    return Answer("".join(said), raw.headers, chunks)


def tries(detail: Detail) -> list[tuple[str, str | None]]:
    """The calls as they stand in the ledger: the model, and what came of its answer."""
    return [
        (each.model, each.verdict if each.role == "answer" else each.role)
        for each in detail.attempts
    ]


def cost_of(*attempts: Attempt) -> Decimal:
    """What these calls cost by the rates that the configuration gives."""
    used = [(rates_of(each.model), each.usage) for each in attempts if each.usage is not None]
    return sum(
        (price(rates, prompt=usage.input, completion=usage.output) for rates, usage in used),
        Decimal(0),
    )


def in_flight(gateway: GatewayProcess) -> int:
    """Calls that the fleet believes to be under way."""
    status = httpx2.get(f"{gateway.url}/admin/status", timeout=5).json()
    return sum(each["in_flight"] for each in status["deployments"])


def settled(gateway: GatewayProcess) -> bool:
    """Whether every call is given back, within a second."""
    deadline = time.monotonic() + 1.0
    while in_flight(gateway):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
