"""Every example is understood, priced, and routed; LiteLLM's own file starts as it is."""

import re
from pathlib import Path

import pytest

from stepdown.config.summary import summarize

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.yaml"))


def environment(path: Path) -> dict[str, str]:
    """The variables that the file's head comment says it needs."""
    head = path.read_text().split("model_list:")[0]
    return {name: f"value-of-{name}" for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", head)}


def test_there_are_examples() -> None:
    assert {path.stem for path in FILES} == {
        "azure", "cascade", "custom-rules", "groq-together", "litellm", "mixed-fallbacks",
        "ollama-vllm-local", "openai", "openrouter", "simulated",
    }  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_examples(path: Path) -> None:
    summary = summarize(path, environment(path))
    assert summary["unpriced"] == []
    assert path.read_text().startswith("# ")
    if path.stem != "litellm":
        assert summary["routes"]
        assert {note["what"] for note in summary["notes"]} <= {"caution"}
        assert not any("api_key" in note["path"] for note in summary["notes"])


def test_the_litellm_file_starts_and_tells_what_it_loses() -> None:
    path = EXAMPLES / "litellm.yaml"
    summary = summarize(path, environment(path))
    told = {note["path"]: note["what"] for note in summary["notes"]}
    assert told["model_list[5]"] == "left out"
    assert told["model_list[6]"] == "left out"
    assert told["litellm_settings.cache"] == "ignored"
    assert told["model_list[1].litellm_params.max_parallel_requests"] == "not enforced"
    assert [model["model"] for model in summary["models"]] == [
        "gpt-4o", "gpt-4o-mini", "llama", "house-model",
    ]  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_without_its_variables_an_example_says_which(path: Path) -> None:
    needed = environment(path)
    if "STEPDOWN_MASTER_KEY" in needed or "LITELLM_MASTER_KEY" in needed:
        return  # an error then, tested elsewhere
    notes = " ".join(note["why"] for note in summarize(path, {})["notes"])
    assert all(variable in notes for variable in needed)
