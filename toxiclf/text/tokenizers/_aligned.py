"""Find the spans of tokens whose spelling differs from the text, by a minimum edit distance between their jamo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toxiclf.text.hangul import decompose
from toxiclf.text.tokenizers._contract import Located, Tagged

_FAR = 8  # maximum number of characters between two words of an engine
_LARGEST = 400_000  # maximum number of cells in the table of edit distances


def located(text: str, groups: Iterable[tuple[str, Sequence[Tagged]]]) -> list[Located]:
    """Return the tokens of all words, each token with its tag and its span in ``text``.

    ``groups`` holds the words in order, each with its tagged tokens. Words and tokens may be spelled differently from
    the text.
    """
    result: list[Located] = []
    waiting: list[Tagged] = []  # tokens of the last words that were not found; `length` is how long these words are
    length = at = 0
    for word, tokens in groups:
        start = text.find(word, at, at + length + len(word) + _FAR) if word else -1
        if start < 0:
            waiting += tokens
            length += len(word) + 1
            continue
        result += _aligned(text, at, start, waiting)
        result += _aligned(text, start, start + len(word), tokens)
        waiting, length, at = [], 0, start + len(word)
    return result + _aligned(text, at, len(text), waiting)


def _aligned(text: str, begin: int, end: int, tokens: Sequence[Tagged]) -> list[Located]:
    """Return tokens with their spans in ``text``, from ``begin`` to ``end``.

    A token that is not found gets the span of the last character of the token before it.
    """
    exact: list[Located] = []
    at = begin
    for token, tag in tokens:
        start = text.find(token, at, end)
        if start < 0 or text[at:start].strip():
            break
        at = start + len(token)
        exact.append((token, tag, start, at))
    if len(exact) == len(tokens):
        return exact
    characters = [(jamo, i) for i in range(begin, end) if not text[i].isspace() for jamo in decompose(text[i])]
    letters = [(jamo, i) for i, (token, _) in enumerate(tokens) for jamo in decompose(token)]
    if len(characters) * len(letters) > _LARGEST:  # too large a table: pair them proportionally
        pairs = [(i, i * len(characters) // len(letters)) for i in range(len(letters))]
    else:
        pairs = _paired([jamo for jamo, _ in characters], [jamo for jamo, _ in letters])
    places: list[list[int]] = [[] for _ in tokens]
    for theirs, ours in pairs:
        places[letters[theirs][1]].append(characters[ours][1])
    result: list[Located] = []
    last = min(begin, len(text) - 1)
    for (token, tag), place in zip(tokens, places, strict=True):
        start, stop = (place[0], place[-1] + 1) if place else (last, last + 1)
        last = stop - 1
        result.append((token, tag, start, stop))
    return result


def _paired(text: Sequence[str], tokens: Sequence[str]) -> list[tuple[int, int]]:
    """Align the jamo of the tokens with the jamo of the text; return pairs (index in ``tokens``, index in ``text``).

    The alignment has the lowest edit distance: an insertion or a deletion costs 1, a replacement 1.5.
    """
    rows: list[list[float]] = [[float(j) for j in range(len(text) + 1)]]
    for i, letter in enumerate(tokens, start=1):
        above = rows[-1]
        row: list[float] = [float(i)]
        for j, other in enumerate(text, start=1):
            row.append(min(above[j - 1] + (0 if letter == other else 1.5), above[j] + 1, row[-1] + 1))
        rows.append(row)
    pairs: list[tuple[int, int]] = []
    i, j = len(tokens), len(text)
    while i and j:
        same = 0 if tokens[i - 1] == text[j - 1] else 1.5
        if rows[i][j] == rows[i - 1][j - 1] + same:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]
