"""A configuration with a guarded route, and its database, for tests of the commands."""

from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from stepdown.cli.guarded import wards_in
from stepdown.config import load
from stepdown.quality.guard.wards import Ward
from stepdown.storage.address import parse
from stepdown.storage.migrate import migrate

ROUTE: dict[str, Any] = {
    "ladder": ["gpt-4o-mini", "gpt-4o"],
    "rules": [
        {"name": "faq", "when": {"task": "classify"}, "rung": "cheap"},
        {"name": "short", "when": {"tokens": {"lt": 100}}, "rung": "cheap"},
        {"name": "sure", "when": {"tokens": {"lt": 9}}, "rung": "cheap", "trusted": True},
    ],
    "regret": {"budget": 0.02},
    "shadow": {"rate": 0.02, "observe_rate": 0.2},
}


class Watched(Struct, frozen=True):
    """``wards`` are the configuration's by rule."""

    config: str
    url: str
    wards: dict[str, Ward]


def watched(folder: Path, *, provider: str = "openai", **changes: Any) -> Watched:
    """A configuration with one route ``auto``; ``changes`` are its options."""
    url = f"sqlite:///{folder / 'ledger.db'}"
    migrate(parse(url))
    document = {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": f"{provider}/{name}", "api_key": "k"}}
            for name in ROUTE["ladder"]
        ],
        "ledger": {"url": url},
        "routes": {"auto": ROUTE | changes},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document))
    return Watched(str(path), url, {ward.rule: ward for ward in wards_in(load(path))})
