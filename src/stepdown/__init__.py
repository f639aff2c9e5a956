"""Stepdown: an LLM gateway that answers each prompt with the cheapest model that is good enough.

    from stepdown import Gateway

Importing this imports nothing else until a name is asked for. To read the code, begin with
``pipeline.py``; ``gateway.py`` is the library's face.
"""

TYPE_CHECKING = False  # type checkers take the name for true; typing's own costs an import
if TYPE_CHECKING:
    from stepdown.errors import (
        ConfigError,
        ExtractionFailed,
        RequestError,
        StepdownError,
        UpstreamError,
    )
    from stepdown.extraction import Extracted
    from stepdown.gateway import BlockingGateway, Gateway, Reply

__all__ = [
    "BlockingGateway",
    "ConfigError",
    "Extracted",
    "ExtractionFailed",
    "Gateway",
    "Reply",
    "RequestError",
    "StepdownError",
    "UpstreamError",
]

_MODULES = {"BlockingGateway": "gateway", "Gateway": "gateway", "Reply": "gateway"}
_MODULES["Extracted"] = "extraction"


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
