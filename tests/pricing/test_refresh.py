"""Refreshing the catalogue, from a real HTTP server: sound data, bad data, and none at all."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stepdown.pricing import refresh
from stepdown.pricing.book import PriceBook
from stepdown.pricing.refresh import PricesUnavailable, cached_file, load, update


def model(name: str, dollars: Any) -> dict[str, Any]:
    prices = {"input_mtok": dollars, "output_mtok": 8}
    return {"id": name, "match": {"equals": name}, "prices": prices}


def catalogue(dollars: Any = 7) -> list[dict[str, Any]]:
    models = [model("gpt-4o", dollars), model("gpt-4o-mini", 1)]
    provider = {"id": "openai", "name": "OpenAI", "api_pattern": "x", "models": models}
    return [{**provider, "model_match": {"contains": "gpt"}}]


Serve = Callable[[bytes, int], str]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    answer: dict[str, tuple[bytes, int]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, status = answer[self.path]
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()

    def start(body: bytes, status: int = 200) -> str:
        answer["/data.json"] = body, status
        return f"http://127.0.0.1:{server.server_port}/data.json"

    yield start
    server.shutdown()
    thread.join()
    server.server_close()


def gpt_4o() -> tuple[str, str]:
    price = PriceBook().price("gpt-4o", "openai")
    assert price is not None
    return str(price.input * 1_000_000), price.source


def test_the_refreshed_prices_are_used(serve: Serve) -> None:
    fresh = update(serve(json.dumps(catalogue()).encode(), 200))
    dollars, source = gpt_4o()
    assert float(dollars) == 7
    assert source == f"genai-prices, fetched {fresh.date}"


def test_a_newer_package_replaces_them(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    update(serve(json.dumps(catalogue()).encode(), 200))
    monkeypatch.setattr("genai_prices.__version__", "9.9.9")
    assert load() is None


@pytest.mark.parametrize(
    "body",
    [
        b"<html>moved</html>",
        b"{}",
        b"[]",
        json.dumps(catalogue("free")).encode(),
        json.dumps(catalogue(-1)).encode(),
        json.dumps(catalogue(None)).encode(),
        json.dumps(catalogue())[:-20].encode(),
    ],
)
def test_malformed_prices_leave_the_old(serve: Serve, body: bytes) -> None:
    update(serve(json.dumps(catalogue()).encode(), 200))
    with pytest.raises(PricesUnavailable):
        update(serve(body, 200))
    assert float(gpt_4o()[0]) == 7


def test_a_refusal_is_named(serve: Serve) -> None:
    with pytest.raises(PricesUnavailable, match="404"):
        update(serve(b"gone", 404))
    assert not cached_file().exists()


def test_too_large(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "SIZE_LIMIT", 10)
    with pytest.raises(PricesUnavailable, match="more than 10 bytes"):
        update(serve(json.dumps(catalogue()).encode(), 200))


def test_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(PricesUnavailable, match="cannot be fetched"):
        update("http://127.0.0.1:9/data.json")


def test_a_damaged_file_is_reported_and_the_package_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached_file().parent.mkdir(parents=True)
    cached_file().write_text('{"fetched": ')
    dollars, _ = gpt_4o()
    assert float(dollars) == 2.5
    assert str(cached_file()) in caplog.text
