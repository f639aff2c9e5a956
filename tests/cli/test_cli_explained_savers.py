"""``stepdown explain`` says what the layers beside routing would do with a request."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from stepdown.cli import main

ROWS = json.dumps([{"order": n, "town": "Ulm", "paid": True} for n in range(200)], indent=2)
ASKED = f"<document>\n{ROWS}\n</document>\n\nWhich order is paid?"
MODELS = [
    {"model_name": name, "litellm_params": {"model": f"simulated/{name}"}}
    for name in ("small", "large")
]


def explained(
    tmp_path: Path, request: dict[str, Any], route: dict[str, Any], **sections: Any
) -> tuple[dict[str, Any], list[str]]:
    """What is told as JSON, and in lines."""
    given = {
        "model_list": MODELS,
        "routes": {"auto": {"ladder": ["small", "large"], **route}},
        **sections,
    }
    config, file = tmp_path / "config.yaml", tmp_path / "request.json"
    config.write_text(json.dumps(given))
    file.write_text(json.dumps({"model": "auto", **request}))
    arguments = ["explain", "--config", str(config), "--file", str(file)]
    shown = CliRunner().invoke(main, arguments)
    told = CliRunner().invoke(main, [*arguments, "--json"])
    assert shown.exit_code == told.exit_code == 0, shown.output
    found: dict[str, Any] = json.loads(told.output)["savers"]
    return found, shown.output.splitlines()


def user(text: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **fields}


def test_nothing_is_said_of_what_is_off(tmp_path: Path) -> None:
    found, _ = explained(tmp_path, user("Hello."), {})
    assert found == {}


def test_the_caches_say_whether_they_are_asked(tmp_path: Path) -> None:
    cache = {"exact": True, "semantic": True}
    found, lines = explained(tmp_path, user("What does bread cost today?"), {}, cache=cache)
    assert found == {"exact_cache": {"bypass": None}, "semantic_cache": {"bypass": "fresh"}}
    assert "exact cache: is asked first" in lines
    assert "semantic cache: is passed by: fresh" in lines
    found, _ = explained(tmp_path, user("Hello.", temperature=1), {}, cache={"exact": True})
    assert found == {"exact_cache": {"bypass": "nondeterministic"}}
    off = {"cache": {"exact": False, "semantic": False}}
    assert explained(tmp_path, user("Hello."), off, cache=cache)[0] == {}


def test_what_compression_would_take_away(tmp_path: Path) -> None:
    route = {"compression": ["minify", "tables"]}
    found, lines = explained(tmp_path, user(ASKED), route)
    lossless, lossy = found["compression"]["lossless"], found["compression"]["lossy"]
    assert (lossless["techniques"], lossy["techniques"]) == (["minify"], ["minify", "tables"])
    assert lossless["tokens_before"] == lossy["tokens_before"]
    assert lossy["tokens_after"] < lossless["tokens_after"] < lossless["tokens_before"]
    assert any(line.startswith("compression without a loss: ") for line in lines)
    assert any(line.startswith("compression with what a guard has to allow: ") for line in lines)
    found, lines = explained(tmp_path, user("Hello."), route)
    assert found == {"compression": {"lossless": None, "lossy": None}}
    assert "compression: nothing to take away" in lines


def test_what_is_answered_later(tmp_path: Path) -> None:
    route = {"defer": {"when": {"metadata.kind": "nightly"}, "within": "12h"}}
    asked = user("Hello.", metadata={"kind": "nightly"})
    found, lines = explained(tmp_path, asked, route)
    assert found == {"deferred": {"within": 43_200.0}}
    assert "answered later, within 43200 s" in lines
    assert explained(tmp_path, user("Hello."), route)[0] == {}
    assert explained(tmp_path, {**asked, "stream": True}, route)[0] == {}
