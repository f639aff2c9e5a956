"""What the tests of the caches share."""

from support.redis_server import redis_prefix
from support.vector_indexes import own_server, pgvector_url

__all__ = ["own_server", "pgvector_url", "redis_prefix"]
