"""Signals by name: the built-in ones, one file a signal or small family, and those of plug-ins."""

from collections.abc import Callable, Mapping
from typing import Protocol

from stepdown.routing.asked import Asked
from stepdown.routing.signals.kinds import Kind
from stepdown.routing.signals.language import LanguageSignal
from stepdown.routing.signals.output import OutputSignal
from stepdown.routing.signals.parts import CodeSignal, ImagesSignal, ToolsSignal, TurnsSignal
from stepdown.routing.signals.plugin import load_plugin, plugin_names
from stepdown.routing.signals.system_prompt import SystemPromptSignal
from stepdown.routing.signals.tags import HeaderSignal, IntentSignal, KeySignal, MetadataSignal
from stepdown.routing.signals.task import TaskSignal
from stepdown.routing.signals.tokens import TokensSignal
from stepdown.types import Reading, Request


class KnownSignal(Protocol):
    """A signal whose kind of value, and whose possible values if they are few, are known."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def values(self) -> frozenset[str] | None: ...

    def read(self, request: Request) -> Reading: ...


BUILT_IN: Mapping[str, Callable[[Asked], KnownSignal]] = {
    "tokens": lambda asked: TokensSignal(),
    "task": TaskSignal,
    "output": OutputSignal,
    "intent": lambda asked: IntentSignal(),
    "turns": lambda asked: TurnsSignal(),
    "tools": lambda asked: ToolsSignal(),
    "images": lambda asked: ImagesSignal(),
    "code": lambda asked: CodeSignal(),
    "language": LanguageSignal,
    "system_prompt": lambda asked: SystemPromptSignal(),
    "key": lambda asked: KeySignal(),
}


class SignalSet:
    """The signals that a route's rules name; each is made when it is first named."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._signals: dict[str, KnownSignal] = {}

    def named(self, name: str) -> KnownSignal | None:
        """The signal of this name, or None where there is none."""
        if name not in self._signals:
            signal = self._make(name)
            if signal is None:
                return None
            self._signals[name] = signal
        return self._signals[name]

    def _make(self, name: str) -> KnownSignal | None:
        if name in BUILT_IN:
            return BUILT_IN[name](self._asked)
        if name.startswith("metadata.") and name != "metadata.":
            return MetadataSignal(name)
        if name.startswith("header.") and name != "header.":
            return HeaderSignal(name)
        return load_plugin(name)

    def all(self) -> list[KnownSignal]:
        return list(self._signals.values())


def known_names() -> list[str]:
    """Names that a rule may use; ``metadata.NAME`` and ``header.NAME`` come beside them."""
    return [*BUILT_IN, *plugin_names()]
