"""Text into vectors: what a request means, as numbers that can be compared."""
