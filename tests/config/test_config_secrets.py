"""No way of printing a configuration, or what is built of it, shows a secret."""

import copy
import pprint
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec
import pydantic_core
import pytest

from stepdown.config import Config
from stepdown.config.live import Live
from stepdown.config.summary import summarize
from support.documents import entry, read

NAMES = "base key header query proxy master env ledger token hook"
SECRETS = [f"s3cret-{name}" for name in NAMES.split()]
BASE, KEY, HEADER, QUERY, PROXY, MASTER, ENV, LEDGER, TOKEN, HOOK = SECRETS
SIGNING = f"whsec_{b64encode(HOOK.encode() * 3).decode()}"
SECRETS.append(SIGNING)
JOBS = {"webhooks": {"mine": {"url": f"https://u:{HOOK}@host/?t={HOOK}", "secret": SIGNING}}}

ENTRIES = [
    entry(
        "one",
        api_base=f"https://u:{BASE}@host/v1?sig={BASE}",
        api_key=KEY,
        extra_headers={"x-team": HEADER},
        extra_query={"q": QUERY},
        proxy=f"http://u:{PROXY}@proxy:3128",
    ),
    entry("two", api_key="os.environ/ENV_KEY"),
    entry("three", "azure/x", api_base="https://r.openai.azure.com", azure_ad_token=TOKEN),
]


@pytest.fixture
def config() -> Config:
    return read(
        *ENTRIES,
        environ={"ENV_KEY": ENV},
        general_settings={"master_key": MASTER},
        jobs=JOBS,
        ledger={"url": f"postgresql://u:{LEDGER}@host/db"},
    )


def assert_hidden(text: str) -> None:
    assert [secret for secret in SECRETS if secret in text] == []


def test_the_secrets_are_there_to_be_shown(config: Config) -> None:
    headers = config.deployments[0].endpoint.headers
    assert headers["authorization"].get_secret_value() == f"Bearer {KEY}"
    assert ENV in config.deployments[1].endpoint.headers["authorization"].get_secret_value()


def parts(config: Config) -> list[Any]:
    return [
        config,
        *config.deployments,
        *config.model_list,
        config.ledger,
        config.jobs,
        config.notes,
        config.general_settings,
        *(d.endpoint for d in config.deployments),
    ]


def test_text(config: Config) -> None:
    for part in parts(config):
        for text in (repr(part), str(part), f"{part}", pprint.pformat(part), f"{part!a}"):
            assert_hidden(text)


def test_json(config: Config) -> None:
    assert_hidden(config.model_dump_json())
    assert_hidden(pydantic_core.to_json(config).decode())
    assert_hidden(str(config.model_dump(mode="json")))
    for placed in config.deployments:
        assert_hidden(placed.endpoint.model_dump_json())
    with pytest.raises(TypeError):
        msgspec.json.encode(config)


def test_copies(config: Config) -> None:
    assert_hidden(repr(copy.deepcopy(config)))


def test_what_is_frozen_stays_so(config: Config) -> None:
    with pytest.raises(ValueError, match="frozen"):
        config.server = config.server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    document = {"model_list": ENTRIES, "general_settings": {"master_key": MASTER}, "jobs": JOBS}
    path.write_bytes(msgspec.yaml.encode({**document, "ledger": {"url": str(tmp_path / "l.db")}}))
    return path


def test_what_is_built(file: Path) -> None:
    live = Live(file, {"ENV_KEY": ENV})
    assert_hidden(
        repr(live)
        + str(live.status())
        + str(live.notes)
        + repr(live._built)
        + repr(live.jobs.terms)
    )


def test_a_masked_key_shows_its_end_at_most(file: Path) -> None:
    document = read(entry(api_key="sk-abcdefghijklmnop"), entry("short", api_key="abcdef"))
    summary = summarize(file, {"ENV_KEY": ENV})
    keys = [d["key"] for model in summary["models"] for d in model["deployments"]]
    assert keys == ["…", "…", "…"]
    assert_hidden(str(summary))
    assert document.models() == ["gpt-4o", "short"]
