"""A real Redis for tests: a namespace of its own, emptied afterwards."""

import os
import uuid
from collections.abc import Iterator

import pytest

REDIS = os.environ.get("STEPDOWN_TEST_REDIS", "redis://127.0.0.1:6379/0")


@pytest.fixture
def redis_prefix() -> Iterator[str]:
    """A prefix under which nothing is stored. Glob's own characters are part of it."""
    redis = pytest.importorskip("redis", reason="the extra redis is not installed")
    client = redis.Redis.from_url(REDIS, socket_timeout=3, socket_connect_timeout=3)
    try:
        client.ping()
    except redis.exceptions.RedisError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Redis at {REDIS.rpartition('@')[2]}: {error}")
    prefix = f"stepdown-test*[{uuid.uuid4().hex}]:"
    yield prefix
    for key in client.scan_iter("stepdown-test*", 1000):
        if key.startswith(prefix.encode()):
            client.unlink(key)
    client.close()
