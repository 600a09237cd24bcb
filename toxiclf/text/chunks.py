"""Split a sequence of texts into chunks, which limits memory use and keeps arrays within the CPU cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def chunks(texts: Sequence[str], *, characters: int, comments: int | None = None) -> Iterator[Sequence[str]]:
    """Yield successive slices of ``texts``, each as long as both limits allow.

    A slice holds at most ``characters`` characters in total and at most ``comments`` texts (None: any number). A
    text of more than ``characters`` characters forms a slice of its own.

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
