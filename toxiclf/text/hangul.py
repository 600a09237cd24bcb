"""Decompose Hangul syllables into jamo, in strings and in arrays of code points, and compose them again.

Source: The Unicode Standard, section 3.12 "Conjoining Jamo Behavior".
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

FIRST_SYLLABLE, LAST_SYLLABLE = 0xAC00, 0xD7A3
INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
MEDIALS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"

KEYBOARD = (("qwertyuiop", "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ"), ("asdfghjkl", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ"), ("zxcvbnm", "ㅋㅌㅊㅍㅠㅜㅡ"))
"""Rows of the Korean two-set keyboard (dubeolsik): Latin keys and the jamo that they type."""
SHIFTED = dict(zip("ㅂㅈㄷㄱㅅㅐㅔ", "ㅃㅉㄸㄲㅆㅒㅖ", strict=True))
"""Jamo that a key types with shift, for keys where it differs."""

COMPOUND_MEDIALS = {"ㅗㅏ": "ㅘ", "ㅗㅐ": "ㅙ", "ㅗㅣ": "ㅚ", "ㅜㅓ": "ㅝ", "ㅜㅔ": "ㅞ", "ㅜㅣ": "ㅟ", "ㅡㅣ": "ㅢ"}
COMPOUND_FINALS = {
    "ㄱㅅ": "ㄳ",
    "ㄴㅈ": "ㄵ",
    "ㄴㅎ": "ㄶ",
    "ㄹㄱ": "ㄺ",
    "ㄹㅁ": "ㄻ",
    "ㄹㅂ": "ㄼ",
    "ㄹㅅ": "ㄽ",
    "ㄹㅌ": "ㄾ",
    "ㄹㅍ": "ㄿ",
    "ㄹㅎ": "ㅀ",
    "ㅂㅅ": "ㅄ",
}
"""Two jamo that are typed one after the other and form one vowel or one final. Doubled letters (ㄲ, ㅆ) are one key."""

_INITIAL_CODES = np.array([ord(c) for c in INITIALS], dtype=np.uint32)
_MEDIAL_CODES = np.array([ord(c) for c in MEDIALS], dtype=np.uint32)
_FINAL_CODES = np.array([0, *(ord(c) for c in FINALS)], dtype=np.uint32)

CONJOINING_TO_COMPATIBILITY = (
    {0x1100 + i: ord(c) for i, c in enumerate(INITIALS)}
    | {0x1161 + i: ord(c) for i, c in enumerate(MEDIALS)}
    | {0x11A8 + i: ord(c) for i, c in enumerate(FINALS)}
)
"""Translation table (for ``str.translate``) of the modern conjoining jamo to compatibility jamo."""


def decompose(text: str) -> str:
    """Replace every Hangul syllable by its compatibility jamo; other characters stay.

    >>> decompose("값 ok")
    'ㄱㅏㅄ ok'
    """
    return decompose_codes(codes_of(text))[0].tobytes().decode("utf-32-le")


def codes_of(text: str) -> NDArray[np.uint32]:
    """Return the code points of a text, uint32 (len(text),). The text must have no lone surrogates."""
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")


def decompose_codes(codes: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Replace every Hangul syllable in an array of code points (n,) by its compatibility jamo.

    Returns
    -------
    jamo : uint32 (m,)
        The code points, with two or three jamo in place of each syllable.
    starts : intp (n + 1,)
        For each input code point, the index of its first jamo in ``jamo``; ``starts[n] == m``.

    >>> decompose_codes(codes_of("가각"))[1].tolist()
    [0, 2, 5]
    """
    offset = codes - np.uint32(FIRST_SYLLABLE)  # codes below the block wrap around, so that one comparison is enough
    is_syllable = offset <= LAST_SYLLABLE - FIRST_SYLLABLE
    offset = np.where(is_syllable, offset, 0)
    finals = _FINAL_CODES[offset % 28]
    has_final = is_syllable & (finals != 0)
    starts = np.zeros(len(codes) + 1, dtype=np.intp)
    np.cumsum(1 + is_syllable.astype(np.intp) + has_final, out=starts[1:])
    jamo = np.empty(starts[-1], dtype=np.uint32)
    first = starts[:-1]
    jamo[first] = np.where(is_syllable, _INITIAL_CODES[offset // 588], codes)
    jamo[first[is_syllable] + 1] = _MEDIAL_CODES[(offset[is_syllable] % 588) // 28]
    jamo[first[has_final] + 2] = finals[has_final]
    return jamo, starts


def syllable(initial: str, medial: str, final: str = "") -> str:
    """Return the Hangul syllable of an initial, a medial and a final jamo; an empty ``final`` stands for none.

    >>> syllable("ㄱ", "ㅏ", "ㅄ")
    '값'
    """
    last = FINALS.index(final) + 1 if final else 0
    return chr(FIRST_SYLLABLE + (INITIALS.index(initial) * 21 + MEDIALS.index(medial)) * 28 + last)


def parts(character: str) -> tuple[str, str, str]:
    """Return the initial, medial and final jamo of one syllable; the final is empty if it has none.

    >>> parts("가")
    ('ㄱ', 'ㅏ', '')
    """
    offset = ord(character) - FIRST_SYLLABLE
    last = offset % 28
    return INITIALS[offset // 588], MEDIALS[offset % 588 // 28], FINALS[last - 1] if last else ""


def compose(text: str) -> str:
    """Join compatibility jamo into syllables, as the two-set keyboard does; other characters stay.

    ``compose(decompose(text)) == text`` if ``text`` consists of syllables only.

    >>> compose("ㄱㅏㅂㅅㅇㅡㅣ ㅋㅋ")
    '값의 ㅋㅋ'
    """
    return "".join(piece for _, _, piece in composed_pieces(text))


def recompose(text: str) -> str:
    """Join compatibility jamo into syllables, so that ``recompose(decompose(text)) == text`` for a text of syllables.

    Unlike :func:`compose`, it never joins two jamo into a compound jamo (ㅗㅏ into ㅘ).

    >>> recompose("ㄱㅏㅄㅇㅣㅆㄷㅏ ㅋㅋ")
    '값있다 ㅋㅋ'
    """
    return _SPELT.sub(lambda match: syllable(match[1], match[2], match[3] or ""), text)


_SPELT = re.compile(f"([{INITIALS}])([{MEDIALS}])(?:([{FINALS}])(?![{MEDIALS}]))?")


def respells(text: str) -> bool:
    """Return whether decomposing and recomposing a text changes it: ``recompose(decompose(text)) != text``.

    This happens if the text has single jamo that join a neighbor. A quick search rules out most texts without
    decomposing them. The text must have no lone surrogates.

    >>> respells("ㅅㅣ발"), respells("다ㅋ"), respells("시발 ㅋㅋ")
    (True, True, False)
    """
    return _MAY_RESPELL.search(text) is not None and recompose(decompose(text)) != text


_MAY_RESPELL = re.compile("[ㄱ-ㅎ][ㅏ-ㅣ]|[가-힣][ㄱ-ㅣ]")


def composed_pieces(text: str) -> list[tuple[int, int, str]]:
    """Return the pieces of the composed text, each as (start, end, piece) with its span in ``text``.

    The pieces together are the result of :func:`compose`.

    >>> composed_pieces("aㅂㅓㄹ")
    [(0, 1, 'a'), (1, 4, '벌')]
    """
    pieces: list[tuple[int, int, str]] = []
    at = 0
    while at < len(text):
        start, at = at, at + 1
        if text[start] not in _INITIAL_SET or text[at : at + 1] not in _MEDIAL_SET:
            pieces.append((start, at, text[start]))
            continue
        medial, at = text[at], at + 1
        if text[at - 1 : at + 1] in COMPOUND_MEDIALS:
            medial, at = COMPOUND_MEDIALS[text[at - 1 : at + 1]], at + 1
        final = ""
        if text[at : at + 1] in _FINAL_SET and not _starts_syllable(text, at):
            final, at = text[at], at + 1
            if text[at - 1 : at + 1] in COMPOUND_FINALS and not _starts_syllable(text, at):
                final, at = COMPOUND_FINALS[text[at - 1 : at + 1]], at + 1
        pieces.append((start, at, syllable(text[start], medial, final)))
    return pieces


_INITIAL_SET, _MEDIAL_SET, _FINAL_SET = frozenset(INITIALS), frozenset(MEDIALS), frozenset(FINALS)


def _starts_syllable(text: str, at: int) -> bool:
    return text[at] in _INITIAL_SET and text[at + 1 : at + 2] in _MEDIAL_SET
