"""The documentation holds: configurations are valid, commands exist, links lead somewhere."""

import ast
import re
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from stepdown.config.reading import interpret
from stepdown.deferral.webhooks import key_of, sign
from support.pages import BLOCK, ROOT, check_command, commands_in

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def blocks(language: str) -> list[Any]:
    found: list[Any] = []
    for page in PAGES:
        for number, (kind, text) in enumerate(BLOCK.findall(page.read_text())):
            if kind == language:
                found.append(pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}"))
    return found


MODELS = [
    {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "k"}}
    for name in ("gpt-4o-mini", "gpt-4o")
]


ENVIRON = {
    "OPENAI_API_KEY": "k",
    "CACHE_DATABASE": "postgresql://127.0.0.1/cache",
    "JOBS_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}


def configurations() -> list[Any]:
    """The YAML blocks that are configurations of the gateway."""
    return [
        block
        for block in blocks("yaml")
        if re.search("^(model_list|routes|jobs|cache|compression|batch):", block.values[0], re.M)
    ]


@pytest.mark.parametrize("text", configurations())
def test_configurations_are_valid(text: str) -> None:
    document = yaml.safe_load(text)
    for route in document.get("routes", {}).values():
        route.pop("router", None)  # the reader's own module
    interpret({"model_list": MODELS, **document}, ENVIRON)


@pytest.mark.parametrize("text", blocks("python"))
def test_python_is_python(text: str) -> None:
    ast.parse(text)


def test_the_check_of_a_webhooks_signature_works() -> None:
    [code] = [block.values[0] for block in blocks("python") if "def verify(" in block.values[0]]
    scope: dict[str, Any] = {}
    exec(code, scope)
    secret, now = ENVIRON["JOBS_WEBHOOK_SECRET"], int(time.time())
    headers = {
        "webhook-id": "job_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(key_of(secret), "job_1", now, b"{ }"),
    }
    assert scope["verify"](secret, headers, b"{ }")
    assert not scope["verify"](secret, headers, b"{}")


def commands() -> list[str]:
    said: set[str] = set()
    for page in PAGES:
        for _, text in BLOCK.findall(page.read_text()):
            said |= set(commands_in(text))
    return sorted(said)


@pytest.mark.parametrize("line", commands())
def test_commands_and_their_options_exist(line: str) -> None:
    check_command(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target} is not there"


def test_every_direct_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    wanted += project["dependency-groups"]["dev"]
    page = (ROOT / "docs/dependencies.md").read_text()
    names = {re.split(r"[\[<>=;\s]", requirement)[0] for requirement in wanted}
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", page)] == []
