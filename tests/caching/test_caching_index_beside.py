"""The graph's library leaves other native libraries of the process alone."""

import subprocess
import sys

import pytest

BESIDE = """
import usearch.index
from stepdown.embedding.minilm import MiniLM
print(MiniLM().vectors(["Hello."]).shape)
"""


def test_minilm_runs_after_usearch_was_loaded() -> None:
    """Versions from 2.24 on crash it: hence a process of its own."""
    pytest.importorskip("usearch")
    pytest.importorskip("onnxruntime")
    told = subprocess.run([sys.executable, "-c", BESIDE], check=False, capture_output=True)
    assert (told.returncode, told.stdout) == (0, b"(1, 384)\n"), told.stderr[-500:]
