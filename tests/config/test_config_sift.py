"""LiteLLM's sections: what is honoured is kept, what is not is said, and the file starts."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from stepdown.config.known_litellm import _KNOWN, note_on
from stepdown.config.notes import IGNORED, UNENFORCED, UNKNOWN
from stepdown.config.schema_litellm import (
    GeneralSettings,
    LitellmParams,
    LitellmSettings,
    ModelInfo,
    RouterSettings,
)
from stepdown.config.sift import Sieve
from support.documents import entry, read

HONOURED: dict[str, type[BaseModel]] = {
    "router_settings": RouterSettings,
    "litellm_settings": LitellmSettings,
    "general_settings": GeneralSettings,
    "litellm_params": LitellmParams,
    "model_info": ModelInfo,
}


def kinds(**sections: Any) -> dict[str, str]:
    return {note.path: note.what for note in read(entry(api_key="k"), **sections).notes}


def test_keys_that_litellm_knows_are_ignored_with_a_reason() -> None:
    assert kinds(
        litellm_settings={"success_callback": ["langfuse"]},
        router_settings={"redis_host": "r"},
        general_settings={"database_url": "postgresql://x"},
        callback_settings={},
    ) == {
        "litellm_settings.success_callback": IGNORED,
        "router_settings.redis_host": IGNORED,
        "general_settings.database_url": IGNORED,
        "callback_settings": IGNORED,
    }


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("general_settings", "custom_auth"),
        ("general_settings", "max_parallel_requests"),
        ("litellm_settings", "max_budget"),
        ("litellm_settings", "guardrails"),
    ],
)
def test_keys_that_restrict_are_said_not_to_be_enforced(section: str, key: str) -> None:
    assert kinds(**{section: {key: 1}}) == {f"{section}.{key}": UNENFORCED}


def test_keys_that_nobody_knows_name_the_nearest() -> None:
    config = read(entry(api_key="k", rmp=5), router_settings={"num_retrys": 3})
    assert [note.what for note in config.notes] == [UNKNOWN, UNKNOWN]
    assert "Did you mean 'rpm'" in config.notes[0].why
    assert "Did you mean 'num_retries'" in config.notes[1].why
    assert config.router_settings.num_retries == 2


def test_entries_have_keys_in_the_wrong_place() -> None:
    config = read({**entry(api_key="k"), "rpm": 3})
    assert [(n.path, n.what) for n in config.notes] == [("model_list[0].rpm", IGNORED)]


def test_an_unset_variable_of_an_ignored_key_is_not_told_twice() -> None:
    notes = kinds(general_settings={"alerting_args": {"url": "os.environ/GONE"}})
    assert notes == {"general_settings.alerting_args": IGNORED}


@pytest.mark.parametrize("key", ["aws_region_name", "vertex_project", "temperature", "max_budget"])
def test_parameters_of_deployments(key: str) -> None:
    note = note_on("litellm_params", "p", key, [])
    assert note.what in (IGNORED, UNENFORCED)


@pytest.mark.parametrize(
    "key", ["input_cost_per_token_above_200k_tokens", "output_cost_per_image", "cost_per_second"]
)
def test_prices_that_are_not_applied(key: str) -> None:
    assert "not applied" in note_on("litellm_params", "p", key, []).why


@pytest.mark.parametrize("section", sorted(HONOURED))
def test_no_key_is_both_honoured_and_ignored(section: str) -> None:
    assert not set(_KNOWN[section]) & set(HONOURED[section].model_fields)


def test_keys_without_a_value_are_not_given() -> None:
    config = read(entry(api_key="k", rpm=None), router_settings={"timeout": None}, ledger=None)
    assert config.router_settings.timeout == 60
    assert config.notes == ()


keys = st.text(st.sampled_from("abcdef_"), min_size=1, max_size=12)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, trees, max_size=5))
def test_every_key_is_kept_or_noted(section: dict[str, Any]) -> None:
    sieve = Sieve()
    kept = sieve.settings("litellm_settings", section)
    noted = {note.path.removeprefix("litellm_settings.") for note in sieve.notes}
    given_nothing = {key for key in LitellmSettings.model_fields if section.get(key) is None}
    assert set(section) == set(kept) | noted | (given_nothing & set(section))
    assert not set(kept) & noted


@settings(max_examples=25)
@given(st.dictionaries(keys, trees, max_size=5))
def test_unknown_keys_never_keep_a_file_from_starting(extra: dict[str, Any]) -> None:
    unknown = {f"zz_{key}": value for key, value in extra.items()}
    config = read(
        {**entry(api_key="k", **unknown), **unknown},
        router_settings=unknown,
        litellm_settings=unknown,
        general_settings=unknown,
    )
    assert len(config.notes) >= 5 * len(unknown)
