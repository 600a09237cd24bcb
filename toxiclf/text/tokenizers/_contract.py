"""The base class of tokenizers, and functions that several tokenizers use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from math import ceil
from typing import ClassVar, TypeVar

from toxiclf._registry import components
from toxiclf.errors import UsageError, unknown_name

Span = tuple[int, int]
Tagged = tuple[str, str]
"""A token and its tag; the tag is "" if the engine gives none."""
Located = tuple[str, str, int, int]
"""A token, its tag, and its half-open span."""

T = TypeVar("T")
_PART = 64  # minimum number of texts that a thread takes at once


class Tokenizer(ABC):
    """Base class of tokenizers, which split normalized texts into tokens.

    If the engine fails on a text or finds no tokens, the text is split at white space. These words have no tag and
    are kept whatever ``part_of_speech`` says, so that no comment is lost.

    Parameters
    ----------
    part_of_speech : beginnings of the engine's tags; only tokens with such a tag are kept. Empty keeps all tokens.
    typo_correction : whether misspelled words are read as if they were spelled correctly.

    Attributes
    ----------
    name : name in recipes and bundles.
    version : version of the engine and its dictionary. Bundles record it, since another dictionary gives other tokens.
    tags : the engine's part-of-speech tags; empty if it has none.
    corrects_typos : whether the engine can correct typos.
    threads_help : whether several Python threads tokenize faster than one.

    Raises
    ------
    UsageError : the engine does not support an option.
    MissingExtraError : the engine is not installed.
    """

    name: ClassVar[str]
    tags: ClassVar[tuple[str, ...]] = ()
    corrects_typos: ClassVar[bool] = False
    threads_help: ClassVar[bool] = False
    version: str = "1"

    def __init__(self, part_of_speech: Sequence[str] = (), typo_correction: bool = False) -> None:
        self.check_options(part_of_speech, typo_correction)
        self.part_of_speech = tuple(part_of_speech)
        self.typo_correction = typo_correction

    @classmethod
    def check_options(cls, part_of_speech: Sequence[str], typo_correction: bool) -> None:
        """Raise a ``UsageError`` if the engine does not support these options; the engine need not be installed."""
        if part_of_speech and not cls.tags:
            raise UsageError(
                f"tokenizer '{cls.name}' has no parts of speech; leave out part_of_speech, or use "
                f"{_any_of(lambda other: bool(other.tags))}"
            )
        for prefix in part_of_speech:
            if not prefix:
                raise UsageError(
                    f"an entry of part_of_speech is empty, but {cls.name} expects the beginning of a tag; to keep all "
                    "tokens, leave out part_of_speech"
                )
            if not any(tag.startswith(prefix) for tag in cls.tags):
                raise unknown_name(f"part of speech of {cls.name}", prefix, cls.tags)
        if typo_correction and not cls.corrects_typos:
            raise UsageError(
                f"tokenizer '{cls.name}' does not correct typos; leave out typo_correction, or use "
                f"{_any_of(lambda other: other.corrects_typos)}"
            )

    @abstractmethod
    def tokenize(self, texts: Sequence[str], workers: int = 1) -> list[list[str]]:
        """Return the tokens of each text, in order; white space is never part of a token.

        Parameters
        ----------
        texts : any strings.
        workers : number of CPU cores that a large batch may use.
        """

    def tokenize_part(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the tokens of one part of a large batch, while other threads tokenize the other parts."""
        return self.tokenize(texts)

    @abstractmethod
    def spans(self, text: str) -> list[Span]:
        """Return the half-open spans of the tokens of one text, in the order of :meth:`tokenize`.

        The starts never decrease, and no span is empty. If an engine changes forms ('갔' to '가', '았'), a span covers
        the characters that the token came from.
        """

    def tagged(self, text: str) -> list[Tagged]:
        """Return the tokens of one text, each with the engine's tag.

        Raises
        ------
        UsageError : the engine has no tags.
        """
        raise UsageError(
            f"tokenizer '{self.name}' has no parts of speech; use {_any_of(lambda other: bool(other.tags))}"
        )

    def keeps(self, tag: str) -> bool:
        """Return whether ``part_of_speech`` keeps a token with this tag; an empty tag is always kept."""
        return not self.part_of_speech or not tag or tag.startswith(self.part_of_speech)


def _any_of(able: Callable[[type[Tokenizer]], bool]) -> str:
    """Return the names of the registered tokenizers for which ``able`` is true, as "a, b or c"."""
    *first, last = [name for name, entry in components("tokenizer").items() if able(entry.target)]
    return f"{', '.join(first)} or {last}" if first else last


def in_threads(work: Callable[[Sequence[str]], T], texts: Sequence[str], workers: int) -> list[T]:
    """Call ``work`` on parts of the texts in up to ``workers`` threads; return the results in order of the parts."""
    size = max(_PART, ceil(len(texts) / (workers * 8))) if workers > 1 else len(texts)
    parts = [texts[at : at + size] for at in range(0, len(texts), max(1, size))]
    if len(parts) < 2:
        return [work(part) for part in parts]
    from concurrent.futures import ThreadPoolExecutor

    done: dict[int, T] = {}
    left = iter(range(len(parts)))  # next() is atomic: no two threads get the same part

    def turns() -> None:
        for i in left:
            done[i] = work(parts[i])

    with ThreadPoolExecutor(min(workers, len(parts))) as pool:
        running = [pool.submit(turns) for _ in range(min(workers, len(parts)))]
        try:
            for thread in running:
                thread.result()
        finally:
            for _ in left:  # after an error or Ctrl-C, skip the parts that no thread has begun
                pass
    return [done[i] for i in range(len(parts))]


def without_surrogates(text: str) -> str:
    """Replace each lone surrogate by U+FFFD, so that the text can be encoded."""
    return text.encode("utf-32", "surrogatepass").decode("utf-32", "replace")


def found_in_order(text: str, tokens: Iterable[str]) -> list[Span]:
    """Return the spans of tokens that occur in the text unchanged and in this order.

    Raises
    ------
    ValueError : a token does not occur in the text after the end of the token before it.
    """
    spans: list[Span] = []
    at = 0
    for token in tokens:
        at = text.index(token, at)
        spans.append((at, at + len(token)))
        at += len(token)
    return spans


def words_of(text: str) -> list[Located]:
    """Split a text at white space into words, each with an empty tag and its span."""
    words = text.split()
    return [(word, "", *span) for word, span in zip(words, found_in_order(text, words), strict=True)]


def ascending(tokens: Iterable[Located], length: int) -> list[Located]:
    """Adjust spans so that starts never decrease, none is empty, and none goes beyond the text (``length`` characters).

    Engines give each part of a contraction a start of its own, sometimes before the start of the part to its left.
    """
    result: list[Located] = []
    before = (0, 0)
    for token, tag, start, end in tokens:
        start = min(max(start, before[0]), length - 1)
        end = min(max(end, start + 1), length)
        if start == before[0]:
            end = max(end, before[1])
        before = start, end
        result.append((token, tag, start, end))
    return result
