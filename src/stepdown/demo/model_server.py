"""A process that serves one model file in OpenAI's dialect until its standard input ends.

    python -m stepdown.demo.model_server MODEL PORT THREADS CONTEXT

The model's code runs in this process alone: if it crashes, the demo lives to say so.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

LISTENING = "listening on "
SLOTS = 2  # answers computed side by side; `n: 2` needs two


def main(model: Path, port: int, threads: int, context: int) -> None:
    """Serve until standard input ends, which it also does when the parent is killed.

    ``port`` 0 takes a free one; ``context`` is in tokens, shared by the slots.
    """
    llama = import_module("xllamacpp")  # it has no types
    parameters = llama.CommonParams()
    _set(parameters, model, port, threads, context)
    server = llama.Server(parameters)
    print(LISTENING + server.listening_address, flush=True)  # noqa: T201 - the parent reads it
    sys.stdin.buffer.read()
    del server  # ends its threads


def _set(parameters: Any, model: Path, port: int, threads: int, context: int) -> None:
    parameters.model.path = str(model)
    parameters.model_alias = {model.stem}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_ctx = context
    parameters.n_parallel = SLOTS
    parameters.kv_unified = True
    # No prompt is remembered: an answer then depends on its prompt alone, not on earlier ones.
    parameters.cache_prompt = False
    parameters.cache_ram_mib = 0
    parameters.use_jinja = True
    parameters.offline = True
    parameters.ui = False
    parameters.verbosity = 0
    for processor in (parameters.cpuparams, parameters.cpuparams_batch):
        processor.n_threads = threads
        processor.poll = 0  # waiting threads sleep: the gateway and the client need the cores too


if __name__ == "__main__":
    path, *numbers = sys.argv[1:]
    main(Path(path), *map(int, numbers))
