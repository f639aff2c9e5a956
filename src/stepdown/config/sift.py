"""Takes the keys that Stepdown honours out of LiteLLM's sections, and notes what it leaves.

What stands in those sections for LiteLLM alone must not keep an existing file from starting; it
must not go unsaid either.
"""

from typing import Any

from pydantic import BaseModel

from stepdown.config.known_litellm import note_on
from stepdown.config.notes import Note, join
from stepdown.config.schema_litellm import (
    AllowedFailsPolicy,
    GeneralSettings,
    LitellmParams,
    LitellmSettings,
    ModelEntry,
    ModelInfo,
    RetryPolicy,
    RouterSettings,
)
from stepdown.config.shapes import is_list, is_mapping

_SETTINGS: dict[str, type[BaseModel]] = {
    "router_settings": RouterSettings,
    "litellm_settings": LitellmSettings,
    "general_settings": GeneralSettings,
}
_POLICIES: dict[str, type[BaseModel]] = {
    "retry_policy": RetryPolicy,
    "allowed_fails_policy": AllowedFailsPolicy,
}


class Sieve:
    """Sifts one document. ``notes`` collects what fell through."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def settings(self, name: str, section: Any) -> Any:
        """The honoured part of a ``…_settings`` section; a wrong shape is left to the schema."""
        kept = self._mapping(name, name, section, _SETTINGS[name])
        if name == "router_settings" and is_mapping(kept):
            for key, policy in _POLICIES.items():
                if key in kept:
                    kept[key] = self._mapping("policy", f"{name}.{key}", kept[key], policy)
        return kept

    def model_list(self, entries: Any) -> Any:
        """The honoured part of ``model_list``."""
        if not is_list(entries):
            return entries
        return [self._entry(f"model_list[{i}]", entry) for i, entry in enumerate(entries)]

    def _entry(self, path: str, entry: Any) -> Any:
        kept = self._mapping("entry", path, entry, ModelEntry)
        if is_mapping(kept):
            for key, model in (("litellm_params", LitellmParams), ("model_info", ModelInfo)):
                if key in kept:
                    kept[key] = self._mapping(key, join(path, key), kept[key], model)
        return kept

    def _mapping(self, kind: str, path: str, value: Any, model: type[BaseModel]) -> Any:
        """The keys that ``model`` has; a key without a value counts as not given."""
        if not is_mapping(value):
            return value
        fields = model.model_fields
        self.notes += [
            note_on(kind, path, str(key), fields) for key in value if str(key) not in fields
        ]
        return {
            str(key): given
            for key, given in value.items()
            if str(key) in fields and given is not None
        }
