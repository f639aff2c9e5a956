"""Runs a BERT-like model from an ONNX file: one text's tokens in, a vector for each token out."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Transformer:
    """The model, on one core. Safe to share among threads."""

    def __init__(self, model: bytes) -> None:
        """``model``: the file's content. Raises ImportError without onnxruntime."""
        runtime: Any = import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """The last layer's outputs, shape ``(tokens, dimensions)``.

        One text at a time: a quantised model is scaled by what runs together, so that company
        would change a text's vector.
        """
        ids = np.array([tokens], np.int64)
        given = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        outputs: NDArray[np.float32] = self._session.run(None, given)[0][0]
        return outputs
