"""Word lists as they read best: written in lines, used as sets and tuples."""


def words(listed: str) -> frozenset[str]:
    """Words that are separated by white space."""
    return frozenset(listed.split())


def phrases(listed: str) -> tuple[str, ...]:
    """Phrases that are separated by commas."""
    return tuple(text.strip() for text in listed.split(","))
