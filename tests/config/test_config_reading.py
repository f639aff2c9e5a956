"""Reading as a whole: files start, variables that matter must be set, slips are errors."""

from pathlib import Path

import pytest

from stepdown.config import load
from support.documents import ENVIRON, entry, problems, read, refused


def test_a_small_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "model_list:\n"
        "  - model_name: gpt-4o\n"
        "    litellm_params: {model: gpt-4o, api_key: os.environ/MY_KEY}\n"
        "environment_variables: {MY_KEY: from-the-file}\n"
        "router_settings:\n"
    )
    config = load(path, {})
    assert config.models() == ["gpt-4o"]
    key = config.deployments[0].endpoint.headers["authorization"]
    assert key.get_secret_value() == "Bearer from-the-file"
    assert config.notes == ()


def test_the_processs_environment_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPDOWN_TEST_KEY", "from-the-process")
    path = tmp_path / "config.yaml"
    path.write_text(
        "model_list: [{model_name: a, litellm_params: "
        "{model: openai/a, api_key: os.environ/STEPDOWN_TEST_KEY}}]"
    )
    key = load(path).deployments[0].endpoint.headers["authorization"]
    assert key.get_secret_value() == "Bearer from-the-process"


def test_includes_are_followed(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(
        "model_list: [{model_name: b, litellm_params: {model: simulated/b}}]"
    )
    path = tmp_path / "config.yaml"
    path.write_text(
        "include: [models.yaml]\n"
        "model_list: [{model_name: a, litellm_params: {model: simulated/a}}]"
    )
    assert load(path, {}).models() == ["a", "b"]


def test_a_missing_file() -> None:
    assert "No such file" in refused(lambda: load("/no/such/file.yaml", {}))[0]


def test_an_unset_key_is_noted_and_the_file_starts() -> None:
    config = read(entry(api_key="os.environ/GONE"))
    assert [(note.path, note.what) for note in config.notes] == [
        ("model_list[0].litellm_params.api_key", "unset variable")
    ]
    assert config.deployments[0].endpoint.headers == {}


def test_a_deployment_with_an_unset_base_is_left_out() -> None:
    config = read(entry("a", api_base="os.environ/GONE"), entry("b"))
    assert config.models() == ["b"]
    assert {note.what for note in config.notes} == {"unset variable", "left out"}


@pytest.mark.parametrize("key", ["os.environ/GONE", ""])
def test_a_master_key_that_is_empty_does_not_open_the_gateway(key: str) -> None:
    [problem] = problems(general_settings={"master_key": key})
    assert problem.startswith("general_settings.master_key: expected ")


def test_unset_variables_in_sections_of_ours_are_errors() -> None:
    found = problems(
        ledger={"url": "os.environ/DB"},
        routes={"auto": {"ladder": ["os.environ/MODEL"]}},
    )
    assert (
        "ledger.url: expected a value, got an unset variable: DB is not set in the environment"
        in found
    )
    assert any(line.startswith("routes.auto.ladder[0]: expected a value") for line in found)


@pytest.mark.parametrize("name", ["route", "ruotes", "model_lst", "severs", "ledgers", "routers"])
def test_slips_in_sections(name: str) -> None:
    [problem] = problems(**{name: {}})
    assert "Did you mean" in problem


@pytest.mark.parametrize(
    "name", ["audit_settings", "callback_settings", "mcp_servers", "x-anchors"]
)
def test_other_sections_are_left_to_litellm(name: str) -> None:
    assert [note.path for note in read(entry(), **{name: {"a": 1}}, environ=ENVIRON).notes] == [
        name
    ]


@pytest.mark.parametrize("mode", ["embedding", "image_generation", "audio_transcription"])
def test_other_modes_are_left_out(mode: str) -> None:
    config = read(entry("a"), entry("b", model_info={"mode": mode}))
    assert config.models() == ["a"]
    assert mode in config.notes[0].why


def test_a_password_in_a_url_is_said_not_to_be_sent() -> None:
    config = read(entry(api_base="http://me:pw@gpu/v1", api_key="k"))
    assert config.notes[0].path == "model_list[0].litellm_params.api_base"
    assert "pw" not in config.notes[0].why


def test_a_date_as_api_version_needs_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "model_list: [{model_name: a, litellm_params: {model: azure/a, api_key: k,"
        " api_base: 'https://r.openai.azure.com', api_version: 2024-10-21}}]"
    )
    query = load(path, {}).deployments[0].endpoint.query
    assert query["api-version"].get_secret_value() == "2024-10-21"


def test_numbers_may_come_from_the_environment() -> None:
    config = read(entry(rpm="os.environ/RPM"), environ={"RPM": "7", "OPENAI_API_KEY": "k"})
    assert config.model_list[0].litellm_params.rpm == 7
