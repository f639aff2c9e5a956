"""What the tests of the caches share."""

from support.redis_server import redis_prefix
from support.vector_indexes import pgvector_url

__all__ = ["pgvector_url", "redis_prefix"]
