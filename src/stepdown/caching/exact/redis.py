"""The exact cache's store in Redis, which replicas share: bounded by expiry, and by maxmemory."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from stepdown.caching.exact.store import Record, StoreStats, StoreUnavailable

PREFIX = "stepdown:exact:"
SCHEMES = ("redis", "rediss", "unix")
_BATCH = 500
_GLOB = re.compile(r"([\\*?\[\]^-])")


class RedisStore:
    """Entries under ``prefix``, each with its expiry. ``timeout`` is in seconds, for one call.

    ``most`` is the largest value that is read, in bytes: a longer one comes cut short. Raises
    StoreUnavailable where the extra is missing or the URL is none.
    """

    kind = "redis"
    last = None

    def __init__(
        self, url: str, *, prefix: str = PREFIX, timeout: float = 0.1, most: int = 8_000_000
    ) -> None:
        self.timeout = timeout
        self._prefix = prefix
        self._most = most
        self._where = shown(url)
        self._client = _client(url, timeout, self._where)

    async def get(self, entry_id: str) -> bytes | None:
        value: bytes = await self._told(self._client.getrange(self._key(entry_id), 0, self._most))
        return value or None

    async def put(self, records: Sequence[Record]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for record in records:
            pipeline.set(self._key(record.id), record.value, px=max(1, round(record.ttl * 1000)))
        await self._told(pipeline.execute())

    async def delete(self, entry_id: str) -> bool:
        return bool(await self._told(self._client.unlink(self._key(entry_id))))

    async def clear(self) -> int:
        count = 0
        async for keys in self._batches():
            count += await self._told(self._client.unlink(*keys))
        return count

    async def stats(self) -> StoreStats:
        entries = size = 0
        async for keys in self._batches():
            pipeline = self._client.pipeline(transaction=False)
            for key in keys:
                pipeline.strlen(key)
            entries += len(keys)
            size += sum(await self._told(pipeline.execute()))
        return StoreStats(entries, size)

    async def aclose(self) -> None:
        await self._client.aclose()

    def _key(self, entry_id: str) -> str:
        return self._prefix + entry_id

    async def _batches(self) -> AsyncIterator[list[bytes]]:
        """Every key, once or (Redis says) more often while others come and go."""
        pattern = _GLOB.sub(r"\\\1", self._prefix) + "*"
        cursor = 0
        while True:
            cursor, keys = await self._told(self._client.scan(cursor, pattern, _BATCH))
            if keys:
                yield keys
            if cursor == 0:
                return

    async def _told(self, call: Any) -> Any:
        """What Redis answers. Raises StoreUnavailable, which does not name the password."""
        from redis.exceptions import RedisError

        try:
            return await call
        except (RedisError, OSError) as error:
            said = type(error).__name__
            raise StoreUnavailable(f"Redis at {self._where} cannot be used: {said}") from error


def _client(url: str, timeout: float, where: str) -> Any:
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError as error:
        raise StoreUnavailable(
            "A cache in Redis needs the extra: pip install 'stepdown[redis]'"
        ) from error
    try:
        made: Any = Redis
        return made.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            decode_responses=False,
        )
    except ValueError as error:
        raise StoreUnavailable(f"expected redis://HOST:PORT/NUMBER, got {where}") from error


def shown(url: str) -> str:
    """The URL without user, password and query, for messages."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
