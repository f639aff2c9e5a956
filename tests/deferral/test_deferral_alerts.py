"""Alerts: every target is told of every message, signed, and what has been told is forgotten."""

import asyncio
from collections.abc import Callable

import pytest

from stepdown.deferral import webhooks
from stepdown.deferral.alerts import Alerts
from stepdown.deferral.webhooks import Target, key_of
from support.hooks import SECRET, Hook

BODY = b'{"type":"guard.tripped"}'


@pytest.fixture(autouse=True)
def swift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSES", (0.0, 0.01, 0.01))


def targets(**hooks: Hook) -> dict[str, Target]:
    return {name: Target(hook.url, key_of(SECRET)) for name, hook in hooks.items()}


def under_way(alerts: Alerts) -> bool:
    return any(post.bodies for post in alerts._posts.values())


def told(
    made: dict[str, Target],
    tell: Callable[[Alerts], None],
    took: Callable[[str, str], None] = lambda name, target: None,
) -> Alerts:
    async def main() -> Alerts:
        alerts = Alerts(made, took)
        tell(alerts)
        async with asyncio.timeout(10):
            while alerts.status()["waiting"]:  # noqa: ASYNC110  nothing announces the last try
                await asyncio.sleep(0.005)
        await alerts.aclose()
        return alerts

    return asyncio.run(main())


def test_every_target_is_told_of_every_message() -> None:
    with Hook() as one, Hook(500) as other:

        def tell(alerts: Alerts) -> None:
            alerts.send("guard_a_1", BODY)
            alerts.send("guard_b_1", b"{}")

        alerts = told(targets(one=one, other=other), tell)
        for hook, deliveries in ((one, 2), (other, 3)):
            assert len(hook.received) == deliveries
            names = {each.headers["webhook-id"] for each in hook.received}
            assert names == {"guard_a_1", "guard_b_1"}
        assert {"type": "guard.tripped"} in [delivery.job for delivery in one.received]
    status = alerts.status()
    assert (status["delivered"], status["failed"], status["dropped"]) == (4, 0, 0)
    assert not under_way(alerts)


def test_whoever_takes_a_message_is_named() -> None:
    took: list[tuple[str, str]] = []
    with Hook() as one, Hook(*[500] * 9) as other:

        def tell(alerts: Alerts) -> None:
            alerts.send("guard_a_1", BODY)
            alerts.send("guard_b_1", BODY, "one")

        told(targets(one=one, other=other), tell, lambda *each: took.append(each))
    assert sorted(took) == [("guard_a_1", "one"), ("guard_b_1", "one")]


def test_a_message_that_is_under_way_is_not_sent_twice() -> None:
    with Hook() as hook:

        def tell(alerts: Alerts) -> None:
            for _ in range(3):
                alerts.send("guard_a_1", BODY)

        alerts = told(targets(one=hook), tell)
        assert len(hook.received) == 1
    assert alerts.status()["delivered"] == 1


def test_after_the_end_nothing_is_sent() -> None:
    async def main() -> None:
        alerts = Alerts(targets(one=hook))
        await alerts.aclose()
        alerts.send("guard_a_1", BODY)
        assert alerts.status()["waiting"] == 0

    with Hook() as hook:
        asyncio.run(main())
        assert hook.received == []


def test_a_target_that_never_takes_it() -> None:
    with Hook(*[500] * 9) as hook:
        alerts = told(targets(one=hook), lambda alerts: alerts.send("guard_a_1", BODY))
        assert len(hook.received) == len(webhooks.PAUSES)
    assert alerts.status()["failed"] == 1
    assert not under_way(alerts)


def test_where_nobody_is_to_be_told() -> None:
    alerts = told({}, lambda alerts: alerts.send("guard_a_1", BODY))
    assert set(alerts.status().values()) == {0}
    assert not under_way(alerts)


def test_a_target_that_the_configuration_has_no_more() -> None:
    with Hook() as hook:

        def tell(alerts: Alerts) -> None:
            alerts.send("guard_a_1", BODY)
            alerts.targets = {}

        alerts = told(targets(one=hook), tell)
        assert hook.received == []
    assert alerts.status()["failed"] == 1


def test_too_many_at_once_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MOST", 1)
    with Hook() as hook:

        def tell(alerts: Alerts) -> None:
            for number in range(3):
                alerts.send(f"guard_a_{number}", BODY)

        alerts = told(targets(one=hook), tell)
        assert len(hook.received) == 1
    assert alerts.status()["dropped"] == 2
    assert not under_way(alerts)
