"""What the tests of the caches share."""

from support.redis_server import redis_prefix

__all__ = ["redis_prefix"]
