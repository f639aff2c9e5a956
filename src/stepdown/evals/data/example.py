"""The example that ``stepdown eval init`` writes: a commented data set and its configuration."""

from collections.abc import Mapping
from importlib.resources import files

DATA, CONFIG = "eval.jsonl", "stepdown.yaml"


def example_files() -> Mapping[str, str]:
    """The files' texts by their names."""
    folder = files("stepdown.evals.data") / "example"
    return {name: (folder / name).read_text("utf-8") for name in (DATA, CONFIG)}
