"""Builds documents for the configuration's tests."""

from collections.abc import Callable
from typing import Any

import pytest

from stepdown.config import Config, interpret
from stepdown.errors import ConfigError

ENVIRON = {"OPENAI_API_KEY": "sk-from-the-environment"}


def entry(name: str = "gpt-4o", model: str | None = None, **params: Any) -> dict[str, Any]:
    """One entry of ``model_list``; ``model_info`` goes by that name."""
    info = params.pop("model_info", None)
    made: dict[str, Any] = {
        "model_name": name,
        "litellm_params": {"model": model or f"openai/{name}", **params},
    }
    return made if info is None else {**made, "model_info": info}


def read(
    *entries: dict[str, Any], environ: dict[str, str] | None = None, **sections: Any
) -> Config:
    """A configuration of these models and sections."""
    document = {"model_list": list(entries) or [entry()], **sections}
    return interpret(document, ENVIRON if environ is None else environ)


def problems(*entries: dict[str, Any], **sections: Any) -> list[str]:
    """What is wrong with such a configuration."""
    with pytest.raises(ConfigError) as caught:
        read(*entries, **sections)
    return caught.value.problems


def refused(action: Callable[[], object]) -> list[str]:
    """The problems with which an action is refused."""
    with pytest.raises(ConfigError) as caught:
        action()
    return caught.value.problems
