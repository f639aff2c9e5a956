"""The demo's configuration is one that ``stepdown serve`` takes, with prices for both models."""

from pathlib import Path

import yaml

from stepdown.config import load
from stepdown.demo.gateway import Rung, configuration


def test_the_configuration_is_understood_whole(tmp_path: Path) -> None:
    rungs = [
        Rung("weak", "openai/Small", "gpt-4o-mini", "http://127.0.0.1:1/v1"),
        Rung("simulated-strong", "simulated/simulated-strong", "gpt-4o"),
    ]
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(configuration(rungs, f"sqlite:///{tmp_path}/ledger.db")))
    config = load(file)
    assert config.notes == ()
    assert config.routes["auto"].ladder == ("weak", "simulated-strong")
    assert [model.model_info.base_model for model in config.model_list] == ["gpt-4o-mini", "gpt-4o"]
