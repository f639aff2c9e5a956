"""Real tables of outcomes, where they are at hand: their sizes and base rates, as published.

The files are third-party data beside the repository (``../shared/data``), and no part of it.
"""

from functools import cache
from pathlib import Path

import pytest

from stepdown.evals.data.reading import read_dataset
from stepdown.evals.items import Dataset, Item

FOLDER = Path(__file__).parents[3] / "shared" / "data"

MIXTRAL, GPT4 = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
MINI, GPT4O_MAY, GPT4O = "gpt-4o-mini-2024-07-18", "gpt-4o-2024-05-13", "gpt-4o-2024-08-06"
FLASH, PRO = "gemini-1.5-flash-002", "gemini-1.5-pro-002"
LLAMA = "Meta-Llama-3.1-8B-Instruct"
LLAMA_8B, NEMOTRON = "llama-3.1-8b-instruct", "llama-3.1-nemotron-51b-instruct"


@cache
def read(name: str, low: float, high: float) -> Dataset:
    path = FOLDER / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the repository")
    return read_dataset(path, score_range=(low, high))


def score(item: Item, model: str) -> float:
    found = item.known[model].score
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "rows", "pairs", "weak", "strong", "means", "better", "contaminated"),
    [
        ("routellm_mmlu", 14_042, 14_042, MIXTRAL, GPT4, (0.681, 0.806), (0.178, 0.053), 5),
        ("routellm_gsm8k", 1_319, 1_319, MIXTRAL, GPT4, (0.638, 0.857), (0.290, 0.072), 12),
        ("routellm_mtbench", 80, 80, MIXTRAL, GPT4, (8.34, 9.23), (0.50, 0.10), 8),
        ("mmlu_pro", 12_032, 11_967, FLASH, PRO, (0.641, 0.702), (0.142, 0.080), 0),
        ("mmlu_pro", 12_032, 12_024, LLAMA, GPT4O_MAY, (0.442, 0.721), (0.334, 0.055), 0),
        ("llmrouter_uiuc", 6_108, 6_108, LLAMA_8B, NEMOTRON, (0.556, 0.617), (0.154, 0.085), 0),
        ("zeroeval_gsm", 1_319, 1_319, MINI, GPT4O, (0.942, 0.962), (0.030, 0.011), 0),
        ("zeroeval_math_l5", 721, 721, MINI, GPT4O, (0.521, 0.553), (0.137, 0.105), 0),
        ("zeroeval_numersense_v2", 512, 512, MINI, GPT4O_MAY, (0.896, 0.988), (0.102, 0.010), 0),
    ],
)
def test_base_rates(
    name: str,
    rows: int,
    pairs: int,
    weak: str,
    strong: str,
    means: tuple[float, float],
    better: tuple[float, float],
    contaminated: int,
) -> None:
    low, high = (1.0, 10.0) if name == "routellm_mtbench" else (0.0, 1.0)
    dataset = read(name, low, high)
    assert (dataset.format, len(dataset.items), dataset.bad) == ("outcomes", rows, ())
    assert sum("contaminated" in item.tags for item in dataset.items) == contaminated
    scored = [
        (score(item, weak), score(item, strong))
        for item in dataset.items
        if {weak, strong} <= item.known.keys()
    ]
    assert len(scored) == pairs
    for place, mean in enumerate(means):
        found = low + (high - low) * sum(each[place] for each in scored) / pairs
        assert found == pytest.approx(mean, abs=0.005 if high > 1 else 0.0005)
    assert sum(b > a for a, b in scored) / pairs == pytest.approx(better[0], abs=0.0005)
    assert sum(a > b for a, b in scored) / pairs == pytest.approx(better[1], abs=0.0005)
