"""Webhooks: signed, tried again, bounded, and never sent anywhere but to a configured target."""

import asyncio
import time

import pytest

from stepdown.deferral import webhooks
from stepdown.deferral.webhooks import Notice, Target, Webhooks, key_of, sign
from stepdown.errors import JobsUnavailable
from support.hooks import SECRET, Hook

NOTICE = Notice("job_1", "red", "mine")
BODY = b'{"id":"job_1","response":{ "odd" : 1.10 }}'


@pytest.fixture(autouse=True)
def swift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSES", (0.0, 0.01, 0.01))


class Keeper:
    """Stands for the jobs."""

    def __init__(self, url: str) -> None:
        self.targets = {"mine": Target(url, key_of(SECRET))}
        self.body: bytes | None = BODY
        self.away = False
        self.notes: list[tuple[str, int, str]] = []

    def target(self, name: str) -> Target | None:
        return self.targets.get(name)

    async def shown(self, job: str, tenant: str) -> bytes | None:
        assert (job, tenant) == ("job_1", "red")
        if self.away:
            raise JobsUnavailable("The database is away.")
        return self.body

    async def note(self, job: str, state: str, tries: int, error: str) -> None:
        self.notes.append((state, tries, error))


def send(keeper: Keeper) -> Webhooks:
    async def main() -> Webhooks:
        sender = Webhooks(keeper)
        sender.offer(NOTICE)
        async with asyncio.timeout(10):
            while sender.waiting:  # noqa: ASYNC110  nothing announces the last try
                await asyncio.sleep(0.005)
        await sender.aclose()
        return sender

    return asyncio.run(main())


def test_the_published_example() -> None:
    name, at, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    assert sign(key_of(SECRET), name, at, body) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "secret", ["", "x", "whsec_", "whsec_*", "whsec_c2hvcnQ=", SECRET[6:], f"whsec_{'A' * 88}"]
)
def test_secrets_that_are_none(secret: str) -> None:
    with pytest.raises(ValueError, match="expected 'whsec_' and 24 to 64 bytes in base64"):
        key_of(secret)


def test_a_message_arrives_signed() -> None:
    with Hook() as hook:
        keeper = Keeper(hook.url)
        sender = send(keeper)
    [delivery] = hook.received
    assert delivery.body == BODY
    assert delivery.job["id"] == delivery.headers["webhook-id"] == "job_1"
    assert abs(time.time() - int(delivery.headers["webhook-timestamp"])) < 10
    assert delivery.headers["content-type"] == "application/json"
    assert keeper.notes == [("delivered", 1, "")]
    assert (sender.delivered, sender.failed) == (1, 0)


def test_a_target_that_recovers() -> None:
    with Hook(500, 429) as hook:
        keeper = Keeper(hook.url)
        sender = send(keeper)
    assert keeper.notes == [
        ("pending", 1, "status 500"),
        ("pending", 2, "status 429"),
        ("delivered", 3, ""),
    ]
    assert len({delivery.headers["webhook-id"] for delivery in hook.received}) == 1
    assert (sender.delivered, sender.failed) == (1, 0)


def test_a_target_that_is_down() -> None:
    with Hook() as hook:
        url = hook.url
    keeper = Keeper(url)
    sender = send(keeper)
    assert keeper.notes[-1] == ("failed", 3, "ConnectError")
    assert (sender.delivered, sender.failed) == (0, 1)


def test_a_redirection_is_not_followed() -> None:
    with Hook(307, 302, 308) as hook:
        keeper = Keeper(hook.url)
        send(keeper)
    assert len(hook.received) == 3
    assert keeper.notes[-1] == ("failed", 3, "status 308")


def test_a_target_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PATIENCE", 0.1)

    async def main() -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        keeper = Keeper(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        sender = Webhooks(keeper)
        sender.offer(NOTICE)
        while sender.waiting:  # noqa: ASYNC110  nothing announces the last try
            await asyncio.sleep(0.01)
        await sender.aclose()
        server.close()
        await server.wait_closed()
        assert [state for state, _, _ in keeper.notes] == ["pending", "pending", "failed"]

    asyncio.run(main())


@pytest.mark.parametrize("wrong", ["target", "job", "database"])
def test_what_is_gone(wrong: str) -> None:
    with Hook() as hook:
        keeper = Keeper(hook.url)
        if wrong == "target":
            keeper.targets = {}
        elif wrong == "job":
            keeper.body = None
        else:
            keeper.away = True
        send(keeper)
    assert hook.received == []
    state, _, error = keeper.notes[-1]
    assert state == "failed"
    assert error


def test_what_is_too_much_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MOST", 0)
    keeper = Keeper("http://127.0.0.1:9/")
    assert send(keeper).dropped == 1
    assert keeper.notes == [("failed", 0, "too many webhooks are waiting")]


def test_stopping_leaves_what_waits() -> None:
    async def main() -> None:
        keeper = Keeper("http://127.0.0.1:9/")
        sender = Webhooks(keeper)
        sender.offer(NOTICE)
        await sender.aclose()
        assert keeper.notes == []

    asyncio.run(main())


def test_a_target_shows_no_secret() -> None:
    target = Target("http://user:password@host", key_of(SECRET))
    assert "password" not in repr(target)
    assert str(target.key) not in repr(target)
