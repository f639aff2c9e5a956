"""Text as every database takes it: what models and users write may hold what PostgreSQL refuses."""


def to_text(text: str) -> str:
    """The text with NUL and halves of surrogate pairs replaced by U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
