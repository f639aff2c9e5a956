"""The simulated upstream behind the real dialect and the real pipeline, healthy and faulty."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any, TypeVar

import pytest
from msgspec import json

from stepdown.errors import (
    ConfigError,
    StepdownError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from stepdown.pipeline import Pipeline
from stepdown.providers.deployment import Deployment
from stepdown.providers.fleet import Fleet
from stepdown.providers.openai import OpenAIDialect
from stepdown.providers.settings import FleetSettings
from stepdown.providers.simulated import SimulatedUpstream
from stepdown.types import Journey, Timeouts
from support.fleets import Clock, request

T = TypeVar("T")
DIALECT = OpenAIDialect()
QUICK = Timeouts(first_byte=0.02, between_chunks=0.02, total=0.06)


def run(task: Awaitable[T]) -> T:
    async def main() -> T:
        return await task

    return asyncio.run(main())


async def ask(
    upstream: SimulatedUpstream, timeouts: Timeouts = QUICK, **fields: Any
) -> tuple[bytes, int]:
    """The reply's bytes, and in how many pieces they came. Raises as the dialect reads it."""
    asked = request(**fields)
    reply = await upstream.send(json.encode(asked.fields), stream=asked.streams, timeouts=timeouts)
    if reply.status != 200:
        raise DIALECT.failure(reply.status, await reply.read(), reply.header(b"retry-after"))
    if not asked.streams:
        body = await reply.read()
        DIALECT.usage(body)
        return body, 1
    tap = DIALECT.tap(asked, reply)
    pieces = [tap.feed(data) async for data in reply]
    return b"".join(pieces), len(pieces)


def test_a_whole_answer_reads_as_the_upstreams() -> None:
    body, _ = run(ask(SimulatedUpstream("sim", {"output_tokens": 9})))
    usage = DIALECT.usage(body)
    assert usage is not None
    assert usage.output == 9
    assert json.decode(body)["model"] == "sim"


def test_a_pattern_answers_for_the_name_it_was_asked_by() -> None:
    body, _ = run(ask(SimulatedUpstream("*", {}), model="gpt-4o"))
    assert json.decode(body)["model"] == "gpt-4o"


def test_without_delays_a_stream_comes_in_one_piece_and_with_them_in_many() -> None:
    data, pieces = run(ask(SimulatedUpstream("sim", {}), stream=True))
    assert data.endswith(b"data: [DONE]\n\n")
    assert pieces == 1
    paced = SimulatedUpstream("sim", {"tokens_per_second": 2000, "output_tokens": 6})
    paced_data, pieces = run(ask(paced, Timeouts(), stream=True))
    assert pieces == 7
    assert b"data: [DONE]" in paced_data


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"error_rate": 1}, UpstreamFailed),
        ({"error_rate": 1, "error_status": 429}, UpstreamRateLimited),
        ({"error_rate": 1, "error_status": 400}, UpstreamRefused),
        ({"malformed_rate": 1}, UpstreamMalformed),
        ({"cut_rate": 1}, UpstreamUnreachable),
        ({"hang_rate": 1}, UpstreamTimedOut),
        ({"latency": 5}, UpstreamTimedOut),
        ({"tokens_per_second": 1}, UpstreamTimedOut),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_each_fault_is_what_the_dialect_makes_of_it(
    options: dict[str, object], error: type[StepdownError], stream: bool
) -> None:
    with pytest.raises(error):
        run(ask(SimulatedUpstream("sim", options), stream=stream))


def test_the_total_is_bounded_even_when_each_chunk_is_in_time() -> None:
    slow = SimulatedUpstream("sim", {"tokens_per_second": 100, "output_tokens": 50})
    with pytest.raises(UpstreamTimedOut):
        run(ask(slow, stream=True))


def test_the_rate_limit_says_when_to_come_back() -> None:
    clock = Clock()
    upstream = SimulatedUpstream("sim", {"rate_limit": 2}, clock=clock)
    for _ in range(2):
        run(ask(upstream))
    with pytest.raises(UpstreamRateLimited) as caught:
        run(ask(upstream))
    assert caught.value.retry_after is not None
    clock.pass_(caught.value.retry_after)
    run(ask(upstream))


def test_faults_come_at_their_rates_and_the_same_for_the_same_seed() -> None:
    options = {"error_rate": 0.2, "malformed_rate": 0.1, "cut_rate": 0.1, "seed": 3}

    async def outcomes(upstream: SimulatedUpstream) -> list[str]:
        seen = []
        for _ in range(1000):
            try:
                await ask(upstream)
                seen.append("answer")
            except StepdownError as error:
                seen.append(error.code)
        return seen

    first = run(outcomes(SimulatedUpstream("sim", options)))
    assert first == run(outcomes(SimulatedUpstream("sim", options)))
    counted = Counter(first)
    assert counted["answer"] == pytest.approx(600, abs=60)
    assert counted["upstream_failed"] == pytest.approx(200, abs=40)
    assert counted["upstream_malformed"] == pytest.approx(100, abs=30)
    assert counted["upstream_unreachable"] == pytest.approx(100, abs=30)


def test_what_cannot_be_read_is_refused() -> None:
    async def send() -> int:
        reply = await SimulatedUpstream("sim", {}).send(b"{}", stream=False, timeouts=QUICK)
        return reply.status

    assert run(send()) == 400


def test_wrong_options_are_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'cut_rate'"):
        SimulatedUpstream("sim", {"cut_rat": 1})


# ── behind the pipeline ──────────────────────────────────────────────────────────────────────


class Kept:
    """Keeps what the pipeline hands over: a client and a ledger."""

    def __init__(self) -> None:
        self.data = b""
        self.journeys: list[Journey] = []

    async def answer(self, journey: Journey, body: bytes) -> None:
        self.data = body

    async def open_stream(self, journey: Journey) -> None:
        """Nothing to do before the first byte."""

    async def write(self, data: bytes) -> None:
        self.data += data

    async def close_stream(self) -> None:
        """Nothing to do after the last one."""

    def record(self, journey: Journey) -> None:
        self.journeys.append(journey)


def pipeline(kept: Kept, *options: dict[str, object], **settings: Any) -> Pipeline:
    deployments = [
        Deployment(
            f"d{i}", "m", f"u{i}", SimulatedUpstream(f"u{i}", one), DIALECT, timeouts=QUICK, order=i
        )
        for i, one in enumerate(options)
    ]
    return Pipeline({}, Fleet(deployments, FleetSettings(**settings)), kept)


@pytest.mark.parametrize("fault", ["error_rate", "malformed_rate", "hang_rate"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_pipeline_answers_from_another_deployment(fault: str, stream: bool) -> None:
    kept = Kept()
    journey = run(pipeline(kept, {fault: 1}, {}).handle(request(stream=stream), kept))
    assert [a.deployment for a in journey.attempts] == ["d0", "d1"]
    assert journey.outcome == "answered"
    assert b"simulated" in kept.data
    assert journey.usage is not None
    assert journey.usage.output == 24


def test_a_cut_before_the_end_of_a_whole_answer_is_retried_but_not_within_a_stream() -> None:
    kept = Kept()
    journey = run(pipeline(kept, {"cut_rate": 1}, {}).handle(request(), kept))
    assert len(journey.attempts) == 2
    with pytest.raises(UpstreamUnreachable):
        run(pipeline(kept, {"cut_rate": 1}, {}).handle(request(stream=True), kept))
    broken = kept.journeys[-1]
    assert (len(broken.attempts), broken.outcome) == (1, "failed")


def test_under_load_the_limits_of_every_deployment_hold() -> None:
    """300 requests at once over upstreams that refuse what is beyond their limit."""
    kept = Kept()
    limits = (100, 150, 50)
    deployments = [
        Deployment(
            f"d{i}", "m", "u", SimulatedUpstream("u", {"rate_limit": limit}), DIALECT, rpm=limit
        )
        for i, limit in enumerate(limits)
    ]
    built = Pipeline({}, Fleet(deployments, FleetSettings()), kept)

    async def load() -> list[Journey]:
        return await asyncio.gather(*(built.handle(request(), kept) for _ in range(300)))

    journeys = run(load())
    assert all(len(journey.attempts) == 1 for journey in journeys), "none met a 429"
    assert Counter(j.attempts[0].deployment for j in journeys) == {"d0": 100, "d1": 150, "d2": 50}
