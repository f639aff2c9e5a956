"""Signals from plug-ins: found by entry point, and kept from failing a request."""

import inspect
import logging
from collections import Counter
from typing import Any, cast

from stepdown.ports import Signal
from stepdown.routing.entry_points import load, offered
from stepdown.routing.signals.kinds import Kind
from stepdown.types import Reading, Request

GROUP = "stepdown.signals"
log = logging.getLogger(__name__)


def plugin_names() -> list[str]:
    return offered(GROUP)


def load_plugin(name: str) -> "PluginSignal | None":
    """The plug-in's signal, or None where no package offers one of this name.

    An entry point names a class without arguments, or an object, that is a ``ports.Signal``.
    """
    found = load(GROUP, name)
    return None if found is None else PluginSignal(name, _made(found))


def _made(found: Any) -> Signal:
    signal: Any = found() if inspect.isclass(found) else found
    return cast("Signal", signal)


class PluginSignal:
    """A foreign signal. Where it raises, its reading has no value and no confidence: borderline."""

    def __init__(self, name: str, signal: Signal) -> None:
        self.name = name
        self.kind: Kind = getattr(signal, "kind", Kind.ANY)
        self.values: frozenset[str] | None = getattr(signal, "values", None)
        self.failures: Counter[str] = Counter()
        self._signal = signal

    def read(self, request: Request) -> Reading:
        try:
            return self._signal.read(request)
        except Exception as error:  # a plug-in's fault never fails a request
            reason = type(error).__name__
            if not self.failures[reason]:
                log.warning("The signal %r failed: %s", self.name, error, exc_info=error)
            self.failures[reason] += 1
            return Reading(None, confidence=0.0, saw=f"the signal raised {reason}")
