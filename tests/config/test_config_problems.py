"""Every mistake: its path, what was expected, what came, the nearest name, and no secret."""

import traceback
from typing import Any

import pytest

from stepdown.config import interpret
from stepdown.errors import ConfigError
from support.documents import entry, problems

SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

MESSAGES = [
    (
        {"routes": {"auto": {"laddr": ["gpt-4o"]}}},
        "routes.auto.ladder: expected a value, got nothing",
    ),
    (
        {"routes": {"auto": {"ladder": ["gpt-4o"], "match": "al"}}},
        "routes.auto.match: expected 'all' or 'first', got 'al'. Did you mean 'all'?",
    ),
    ({"routes": {"auto": {"ladder": []}}}, "routes.auto.ladder: expected at least one, got none"),
    ({"routes": {"auto": {"ladder": [4]}}}, "routes.auto.ladder[0]: expected text, got 4"),
    ({"routes": ["auto"]}, "routes: expected a mapping, got a list"),
    ({"routes": {"auto": None}}, "routes.auto: expected a mapping, got nothing"),
    ({"server": {"port": 99_999}}, "server.port: expected a number of at most 65535, got 99999"),
    ({"server": {"port": 1.5}}, "server.port: expected a whole number, got 1.5"),
    (
        {"server": {"max_body": "big"}},
        "server.max_body: expected a size such as '32MB', got 'big'",
    ),
    ({"ledger": {"queue": 0}}, "ledger.queue: expected a number above 0, got 0"),
    ({"ledger": {"store_prompts": 3}}, "ledger.store_prompts: expected true or false, got 3"),
    (
        {"prices": {"x": {"input": 1, "output": -2}}},
        "prices.x.output: expected a number of at least 0, got -2",
    ),
    ({"prices": {"x": {"input": "a", "output": 1}}}, "prices.x.input: expected a number, got 'a'"),
    (
        {"router_settings": {"num_retries": True}},
        "router_settings.num_retries: expected a number, got true",
    ),
    (
        {"router_settings": {"retry_policy": {"TimeoutErrorRetries": "often"}}},
        "router_settings.retry_policy.TimeoutErrorRetries: expected a whole number, got 'often'",
    ),
    (
        {"litellm_settings": {"fallbacks": [{"gpt-4o": "claude"}]}},
        "litellm_settings.fallbacks.gpt-4o: expected a list, got 'claude'",
    ),
    (
        {"jobs": {"retention": "10m", "deadline": "1h"}},
        "jobs: expected a retention no shorter than the deadline, got a mapping",
    ),
    (
        {"jobs": {"webhooks": {"mine": {"url": "ftp://host", "secret": SIGNING}}}},
        "jobs.webhooks.mine.url: expected an http(s) URL, got 'ftp://host'",
    ),
    (
        {"jobs": {"webhooks": {"mine": {"url": "http://host", "secret": "hunter2"}}}},
        "jobs.webhooks.mine.secret: expected 'whsec_' and 24 to 64 bytes in base64,"
        " got a value of type str (not shown)",
    ),
    (
        {"batch": {"max_file": "much"}},
        "batch.max_file: expected a size such as '32MB', got 'much'",
    ),
    (
        {"deferral": {"max_wait": "1h"}},
        "deferral: not available in this version: a section for deferral (the header"
        " x-stepdown-defer puts a call into a batch)",
    ),
    (
        {"routes": {"auto": {"ladder": ["gpt-4o", "b"], "regret": {"budget": 2}}}},
        "routes.auto.regret.budget: expected a number below 1, got 2",
    ),
    (
        {"routes": {"auto": {"ladder": ["gpt-4o", "b"], "regret": {"budgt": 0.02}}}},
        "routes.auto.regret.budgt: expected one of the keys budget, confidence, margin,"
        " auto_promote, probation, probation_requests, got 'budgt'. Did you mean 'budget'?",
    ),
    (
        {
            "routes": {
                "auto": {
                    "ladder": ["gpt-4o", "b"],
                    "regret": {"budget": 0.1, "probation": None, "probation_requests": 9},
                }
            }
        },
        "routes.auto.regret: expected a probation beside probation_requests, got a mapping",
    ),
    (
        {
            "routes": {
                "auto": {
                    "ladder": ["gpt-4o", "b"],
                    "regret": {"budget": 0.1, "probation_requests": 1.5},
                }
            }
        },
        "routes.auto.regret.probation_requests: expected a whole number, got 1.5",
    ),
    (
        {"routes": {"auto": {"ladder": ["gpt-4o", "b"], "shadow": True}}},
        "routes.auto.shadow: expected a mapping, got true",
    ),
    (
        {"routes": {"auto": {"ladder": ["gpt-4o", "b"], "shadow": 1.5}}},
        "routes.auto.shadow.rate: expected a number of at most 1, got 1.5",
    ),
    (
        {"shadow": {"rate": 0.1}},
        "shadow.rate: expected one of the keys enabled, queue, concurrency, rpm, max_cost,"
        " judge_max_cost, pause_in_flight, pause_busy, timeout, scorers, exclude_tags,"
        " exclude_tenants, store_texts, retention, alerts, got 'rate'.",
    ),
    (
        {
            "judge": {
                "model": "gpt-4o",
                "errors": {
                    "false_positives": 2,
                    "negatives": 1,
                    "false_negatives": 0,
                    "positives": 1,
                },
            }
        },
        "judge.errors: expected no more false_positives than negatives, got a mapping",
    ),
    (
        {"environment_variables": ["A"]},
        "environment_variables: expected a mapping, got another kind of value",
    ),
]


@pytest.mark.parametrize(("sections", "message"), MESSAGES, ids=[m for _, m in MESSAGES])
def test_messages(sections: dict[str, Any], message: str) -> None:
    assert message in problems(**sections)


def test_unknown_keys_at_depth_name_the_nearest() -> None:
    [problem] = problems(ledger={"flush_intervall": 1})
    assert problem.startswith(
        "ledger.flush_intervall: expected one of the keys url, flush_interval"
    )
    assert problem.endswith("got 'flush_intervall'. Did you mean 'flush_interval'?")
    [problem] = problems(entry(timeouts={"conect": 1}))
    assert problem.startswith("model_list[0].litellm_params.timeouts.conect: expected one of")
    assert "Did you mean 'connect'?" in problem
    [problem] = problems(prices={"x": {"input": 1, "output": 2, "cached": 1}})
    assert "Did you mean 'cached_input'" in problem


def test_a_slip_in_a_sections_name_is_an_error() -> None:
    [problem] = problems(ruotes={})
    assert "Did you mean 'routes'" in problem


def test_all_mistakes_are_told_at_once() -> None:
    found = problems(
        entry(rpm="many", timeout=-1),
        {"litellm_params": {"model": 4}},
        server={"prot": 1},
        deferral={},
    )
    paths = [line.split(":")[0] for line in found]
    assert sorted(paths) == [
        "deferral",
        "model_list[0].litellm_params.rpm",
        "model_list[0].litellm_params.timeout",
        "model_list[1].litellm_params.model",
        "model_list[1].model_name",
        "server.prot",
    ]


def test_a_unions_branches_are_told_once() -> None:
    found = problems(routes={"auto": {"ladder": ["gpt-4o"], "sessions": "often"}})
    assert len(found) == 1
    assert found[0].startswith("routes.auto.sessions: expected ")


SECRET = "hunter2-very-secret"


@pytest.mark.parametrize(
    "params",
    [
        {"api_key": [SECRET]},
        {"api_key": {"value": SECRET}},
        {"extra_headers": {"x-key": [SECRET]}},
        {"extra_headers": SECRET},
        {"api_base": f"ftp://user:{SECRET}@host/"},
        {"api_base": f"nonsense://host/?key={SECRET}"},
        {"rpm": f"sk-{SECRET}"},
        {"rpm": "os.environ/SECRET"},
        {"timeout": "os.environ/SECRET"},
        {"proxy": f"socks9://me:{SECRET}@host"},
    ],
)
def test_no_error_quotes_a_secret(params: dict[str, Any]) -> None:
    found = problems(entry(**params), environ={"SECRET": SECRET})
    assert found
    assert SECRET not in " ".join(found)


def test_errors_from_the_environment_name_the_variable() -> None:
    [problem] = problems(entry(rpm="os.environ/LIMIT"), environ={"LIMIT": "abc"})
    assert problem.endswith("expected a whole number, got <the value of os.environ/LIMIT>")


def test_the_chain_of_errors_holds_no_secret() -> None:
    with pytest.raises(ConfigError) as caught:
        interpret({"model_list": [entry(api_key=[SECRET])]}, {})
    assert caught.value.__context__ is None
    assert SECRET not in "".join(traceback.format_exception(caught.value))
