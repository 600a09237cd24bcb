"""The list of abusive stems, and patterns made from the list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources

# What may come before a stem of two syllables in the same word. After anything else, the stem may consist of parts of
# two plain words (다시·발견).
OPENERS = (
    *(
        "아",
        "야",
        "이",
        "그",
        "저",
        "개",
        "씹",
        "좆",
        "존나",
        "졸라",
        "진짜",
        "에이",
        "어휴",
        "하",
        "와",
        "왜",
        "이런",
        "저런",
    ),
    *("그런", "니", "너", "미친", "늙은", "쌍", "썅", "참", "더러운", "한국", "일본", "또", "개같은", "완전"),
)


@cache
def stems() -> dict[str, tuple[str, ...]]:
    """Return every abusive stem with its tails; a stem and a tail together begin a plain word (시발 and 점: 시발점).

    >>> "점" in stems()["시발"]
    True
    """
    tails: dict[str, tuple[str, ...]] = {}
    text = resources.files(__package__).joinpath("stems.txt").read_text("utf-8")
    for line in text.splitlines():
        words = [] if line.startswith("#") else line.split()
        if len(words) > 1 and words[1].startswith("-"):
            tails[words[0]] = (words[1][1:], *words[2:])
        else:
            tails |= {word: tails.get(word, ()) for word in words}
    return tails


class _Node(dict[str, "_Node"]):
    """A node in a tree of characters: a dictionary from the next character to its node; the key "" ends a word."""


def any_of(words: Iterable[str], joint: str = "") -> str:
    """Return a regular expression, written as a tree, that matches any of the words, the longest first.

    The regular expression ``joint`` is put between the characters of each word.

    >>> any_of(["가나", "가다", "가"])
    '가(?:(?:나|다))?'
    """
    tree = _Node()
    for word in words:
        node = tree
        for character in word:
            node = node.setdefault(character, _Node())
        node[""] = _Node()
    return _pattern(tree, "", joint)


def _pattern(node: _Node, before: str, joint: str) -> str:
    options = [re.escape(character) + _pattern(child, joint, joint) for character, child in node.items() if character]
    if not options:
        return ""
    body = before + (options[0] if len(options) == 1 else f"(?:{'|'.join(options)})")
    return f"(?:{body})?" if "" in node else body


@cache
def stem_pattern() -> re.Pattern[str]:
    """Return a pattern that matches any abusive stem."""
    return re.compile(any_of(stems()))


@cache
def neighbours() -> tuple[str, str]:
    """Return two character classes for regular expressions.

    The first holds every character that stands before another one in a stem; the second holds every character that
    stands after another one in a stem.
    """
    before = {character for stem in stems() for character in stem[:-1]}
    after = {character for stem in stems() for character in stem[1:]}
    return f"[{''.join(sorted(before))}]", f"[{''.join(sorted(after))}]"


@cache
def neighbour_pairs() -> frozenset[str]:
    """Return all pairs of adjacent characters in the stems."""
    return frozenset(stem[at : at + 2] for stem in stems() for at in range(len(stem) - 1))


@cache
def _opening() -> re.Pattern[str]:
    return re.compile(f"(?:^|[^0-9A-Za-z가-힣])(?:{any_of(OPENERS)})?$")


_FAR = max(map(len, OPENERS)) + 1


@cache
def _clause() -> re.Pattern[str]:
    """Return a pattern for the end of a clause, after which a stem with a filler inside (시1발) is a word of its own."""
    return re.compile("(?!열네)[가-힣][나야니데까마해라서는도만게걸지래어냐네가고면와죠짜음임]$")


def stems_in(text: str, dropped: Sequence[int] = (), filled: Sequence[bool] = ()) -> list[tuple[int, int]]:
    """Return the spans of the abusive stems in a text.

    A stem does not count if the characters before or after it make it part of another word.

    Parameters
    ----------
    text : one word, or several.
    dropped : for each character, not 0 if anything was dropped just before it; a word may begin there.
    filled : for each character, whether digits or symbols used as a filler were dropped just before it.

    >>> stems_in("아시발아"), stems_in("다시발견"), stems_in("시발점")
    ([(1, 3)], [], [])
    """
    stem_spans: list[tuple[int, int]] = []
    for match in stem_pattern().finditer(text):
        start, end = match.span()
        if text.startswith(stems()[match[0]], end):
            continue
        if end - start > 2 or (stem_spans and stem_spans[-1][1] == start) or (dropped and dropped[start]):
            stem_spans.append((start, end))
        elif match[0][0] < "가":  # a stem of consonants: no other consonants beside it
            if not _CONSONANT.match(text, start - 1 if start else len(text)) and not _CONSONANT.match(text, end):
                stem_spans.append((start, end))
        elif _opening().search(text[max(0, start - _FAR) : start]) or (
            filled
            and filled[end - 1]
            and match[0][-1] not in _COUNTED
            and _clause().search(text[max(0, start - 2) : start])
        ):
            stem_spans.append((start, end))
    return stem_spans


_COUNTED = frozenset("년위남녀")  # these are counters after a digit: 투자2위, 한개1년
_CONSONANT = re.compile("[ㄱ-ㅊㅌㅍ]")  # without ㅋ and ㅎ, which are laughter
