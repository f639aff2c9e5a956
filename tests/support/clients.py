"""The official OpenAI clients, pointed at a gateway, without retries of their own."""

import openai
from openai.types.chat import ChatCompletionMessageParam

from support.gateway_process import GatewayProcess

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello?"}]
PATIENCE = 15.0


def client_of(gateway: GatewayProcess, key: str = "sk-client") -> openai.OpenAI:
    return openai.OpenAI(base_url=gateway.base_url, api_key=key, max_retries=0, timeout=PATIENCE)


def async_client_of(gateway: GatewayProcess, key: str = "sk-client") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=gateway.base_url, api_key=key, max_retries=0, timeout=PATIENCE
    )


def user(text: str) -> list[ChatCompletionMessageParam]:
    """A conversation of one turn."""
    return [{"role": "user", "content": text}]
