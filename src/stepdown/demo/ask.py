"""Asks the gateway with the official OpenAI client, as any application would."""

import importlib.util
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from stepdown.demo.errors import DemoError
from stepdown.demo.gateway import ROUTE
from stepdown.demo.prompts import DemoPrompt
from stepdown.demo.rows import Row

if TYPE_CHECKING:
    from openai import OpenAI

ANSWER_SECONDS = 600.0


def require_client() -> None:
    """Raises DemoError where the OpenAI client is not installed."""
    if importlib.util.find_spec("openai") is None:
        raise DemoError(
            "The demo asks with the official OpenAI client, which is not installed: "
            "`pip install 'stepdown[demo]'`, or `pip install openai` for --simulated alone."
        )


def new_client(base_url: str) -> "OpenAI":
    """A client for this gateway; proxies of the environment are not asked for a local address."""
    from openai import DefaultHttpxClient, OpenAI

    return OpenAI(
        base_url=base_url,
        api_key="none-needed",
        max_retries=0,
        timeout=ANSWER_SECONDS,
        http_client=DefaultHttpxClient(trust_env=False),
    )


def ask(client: "OpenAI", prompt: DemoPrompt) -> Row:
    """Send one prompt to the route ``auto``; a failure is a row with an ``error``."""
    from openai import APIConnectionError, APIStatusError

    headers = {} if prompt.intent is None else {"x-stepdown-intent": prompt.intent}
    started = time.monotonic()
    try:
        reply = client.chat.completions.with_raw_response.create(
            model=ROUTE,
            messages=cast("Any", prompt.messages),
            extra_headers=headers,
            extra_body=prompt.options,
        )
    except APIStatusError as error:
        return _row(prompt, started, error.response.headers, error=f"{error.code}: {error.message}")
    except APIConnectionError as error:
        return _row(prompt, started, {}, error=f"no answer: {error}")
    completion = reply.parse()
    usage = completion.usage
    return _row(
        prompt,
        started,
        reply.headers,
        input_tokens=0 if usage is None else usage.prompt_tokens,
        output_tokens=0 if usage is None else usage.completion_tokens,
        answer=(completion.choices[0].message.content or "") if completion.choices else "",
    )


def _row(prompt: DemoPrompt, started: float, headers: Mapping[str, str], **more: Any) -> Row:
    return Row(
        kind=prompt.kind,
        prompt=prompt.shown,
        model=headers.get("x-stepdown-model", ""),
        rule=headers.get("x-stepdown-decision", ""),
        seconds=time.monotonic() - started,
        attempts=int(headers.get("x-stepdown-attempts", 0)),
        cost=_dollars(headers.get("x-stepdown-cost")),
        saved=_dollars(headers.get("x-stepdown-saved")),
        **more,
    )


def _dollars(header: str | None) -> Decimal | None:
    if header is None:
        return None
    return Decimal(header) or Decimal(0)  # a zero with places is written as 0E-8
