"""A model is served as an OpenAI-dialect upstream, and its server never outlives its parent."""

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from stepdown.demo.errors import DemoError
from stepdown.demo.serve_models import require_runtime, serve_model
from stepdown.demo.weights import ensure_weights

SERVE_AND_SAY = """
import sys, time
from pathlib import Path
from stepdown.demo.serve_models import serve_model
with serve_model(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(60)
"""


def test_without_the_runtime_it_offers_the_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DemoError, match="--simulated"):
        require_runtime()


def test_a_file_that_is_no_model_is_explained(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"not a model")
    with (
        pytest.raises(DemoError, match=r"The server of broken\.gguf ended while starting"),
        serve_model(file),
    ):
        pass


@pytest.mark.real
def test_the_weak_model_answers_in_openai_dialect() -> None:
    question = {
        "messages": [{"role": "user", "content": "Say hello."}],
        "max_tokens": 4,
        "temperature": 0,
    }
    with serve_model(ensure_weights("weak")["weak"]) as url:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
        connection.request(
            "POST",
            f"{address.path}/chat/completions",
            json.dumps(question),
            {"content-type": "application/json"},
        )
        answer = json.loads(connection.getresponse().read())
        connection.close()
    assert answer["object"] == "chat.completion"
    assert "ello" in answer["choices"][0]["message"]["content"]
    assert answer["usage"]["completion_tokens"] <= 4
    assert str(Path.home()) not in json.dumps(answer), "the machine's paths are nobody's business"


@pytest.mark.real
def test_a_server_ends_when_its_parent_is_killed() -> None:
    path = ensure_weights("weak")["weak"]
    with subprocess.Popen(
        [sys.executable, "-c", SERVE_AND_SAY, str(path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("http://127.0.0.1:")
        (server,) = psutil.Process(parent.pid).children()
        os.kill(parent.pid, signal.SIGKILL)
        assert server.wait(30) is None or not server.is_running()
