"""Serves the demo's two models behind a gateway of their own, and asks them the tasks."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml
from msgspec import Struct

from checkable.recording import Event, Reply, body
from checkable.tasks import Task
from stepdown.demo.ask import new_client
from stepdown.demo.errors import DemoError
from stepdown.demo.processes import answers, free_port, python_child
from stepdown.demo.run import PRICED_AS
from stepdown.demo.serve_models import serve_model
from stepdown.demo.weights import PAIR, ensure_weights
from stepdown.pricing.book import PriceBook
from stepdown.pricing.price import TokenPrice

if TYPE_CHECKING:
    from openai import OpenAI

GATEWAY_SECONDS = 30.0
ALTERNATIVES = 2


class Served(Struct, frozen=True):
    """An answer that came through a cascade, with what the gateway said of it."""

    text: str
    model: str
    attempts: int
    cost: float
    seconds: float


def prices() -> dict[str, TokenPrice]:
    """List prices of the models whose prices the pair is given (US dollars a token)."""
    found = {name: PriceBook().price(model) for name, model in PRICED_AS.items()}
    return {name: price for name, price in found.items() if price is not None}


@contextmanager
def upstreams(
    weak: str | None, strong: str | None, directory: Path, threads: int | None
) -> Generator[dict[str, str]]:
    """Base URLs by name: the ones given, or servers of the demo's models.

    Raises DemoError where a model cannot be fetched or served.
    """
    with ExitStack() as started:
        urls: dict[str, str] = {}
        for name, given in (("weak", weak), ("strong", strong)):
            urls[name] = given or started.enter_context(
                serve_model(
                    ensure_weights("weak" if name == "weak" else "strong")[name],
                    threads=threads,
                    log=directory / f"{name}.log",
                )
            )
        yield urls


@contextmanager
def gateway(
    urls: Mapping[str, str], directory: Path, routes: Mapping[str, Any] | None = None
) -> Generator["OpenAI"]:
    """A client of a gateway over these upstreams. Raises DemoError where it does not start."""
    config = directory / "config.yaml"
    config.write_text(yaml.safe_dump(configuration(urls, directory, routes), sort_keys=False))
    port = free_port()
    serve = ["-m", "stepdown.demo.tethered", "serve", f"--config={config}", f"--port={port}"]
    log = directory / "gateway.log"
    with python_child("The gateway", [*serve, "--host=127.0.0.1"], log) as child:
        child.wait_until(lambda: answers(port, "/health/ready"), GATEWAY_SECONDS)
        client = new_client(f"http://127.0.0.1:{port}/v1")
        try:
            yield client
        finally:
            client.close()


def configuration(
    urls: Mapping[str, str], directory: Path, routes: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The gateway's file: both models by name, and the routes."""
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"openai/{PAIR['weak' if name == 'weak' else 'strong'].title}",
                "api_base": url,
                "api_key": "none-needed",
            },
            "model_info": {"base_model": PRICED_AS[name]},
        }
        for name, url in urls.items()
    ]
    return {
        "model_list": models,
        **({"routes": dict(routes)} if routes else {}),
        "ledger": {"url": f"sqlite:///{directory / 'ledger.db'}"},
    }


def route(checks: Sequence[Any]) -> dict[str, Any]:
    """A route where no rule claims anything: each request begins at the weak model."""
    return {
        "ladder": ["weak", "strong"],
        "rules": [],
        "cascade": {"validators": list(checks), "start": "cheap"},
    }


def ask_alone(client: "OpenAI", model: str, task: Task, *, constrained: bool) -> Reply:
    """Stream one model's answer, with its tokens' log probabilities. Raises DemoError."""
    from openai import OpenAIError

    started = time.monotonic()
    events: list[Event] = []
    tokens = (0, 0)
    try:
        stream = client.chat.completions.create(
            model=model,
            stream=True,
            stream_options={"include_usage": True},
            logprobs=True,
            top_logprobs=ALTERNATIVES,
            **cast("Any", body(task, constrained=constrained)),
        )
        for chunk in stream:
            if chunk.usage is not None:
                tokens = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
            at = time.monotonic() - started
            events.extend(_event(choice, at) for choice in chunk.choices)
    except OpenAIError as error:
        raise DemoError(f"{model} did not answer {task.id}: {error}") from error
    return Reply(events, *tokens, time.monotonic() - started)


def ask_route(client: "OpenAI", name: str, task: Task, *, constrained: bool) -> Served:
    """One answer of a route with a cascade. Raises DemoError."""
    from openai import OpenAIError

    started = time.monotonic()
    try:
        raw = client.chat.completions.with_raw_response.create(
            model=name, **cast("Any", body(task, constrained=constrained))
        )
        text = raw.parse().choices[0].message.content or ""
    except OpenAIError as error:
        raise DemoError(f"The route {name} did not answer {task.id}: {error}") from error
    headers = raw.headers
    return Served(
        text,
        headers.get("x-stepdown-model", ""),
        int(headers.get("x-stepdown-attempts", 0)),
        float(headers.get("x-stepdown-cost", "nan")),
        time.monotonic() - started,
    )


def _event(choice: Any, at: float) -> Event:
    told = choice.logprobs.content if choice.logprobs is not None else None
    return Event(
        at,
        choice.delta.content or "",
        [(token.token, token.logprob, _runner_up(token)) for token in told or []],
        choice.finish_reason,
    )


def _runner_up(token: Any) -> float | None:
    """The best alternative's log probability: the sampled token is often among them."""
    others = [other.logprob for other in token.top_logprobs or [] if other.token != token.token]
    return max(others, default=None)
