"""Split texts into chunks, so that memory stays bounded and arrays fit the CPU cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def chunks(texts: Sequence[str], *, characters: int, comments: int | None = None) -> Iterator[Sequence[str]]:
    """Successive texts, as many as keep within both bounds, and at least one.

    >>> list(chunks(["가나", "다", "라마바사", "아"], characters=3))
    [['가나', '다'], ['라마바사'], ['아']]
    """
    begin = size = 0
    for end, text in enumerate(texts):
        size += len(text)
        if end > begin and (size > characters or end - begin == comments):
            yield texts[begin:end]
            begin, size = end, len(text)
    if begin < len(texts):
        yield texts[begin:]
