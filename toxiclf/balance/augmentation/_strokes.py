"""The Korean two-set keyboard (dubeolsik): the keystrokes of syllables, and the neighbors of each key."""

from __future__ import annotations

from toxiclf.text.hangul import COMPOUND_FINALS, COMPOUND_MEDIALS, KEYBOARD, SHIFTED, decompose

_OFFSETS = (0.0, 0.25, 0.75)  # horizontal offset of each keyboard row, in key widths
_REACH = 1.26  # largest distance between the centers of two keys that touch, in key widths

UNSHIFTED = {held: plain for plain, held in SHIFTED.items()}
_LATIN = {letter: key for keys, letters in KEYBOARD for key, letter in zip(keys, letters, strict=True)}
LATIN = _LATIN | {held: _LATIN[plain].upper() for plain, held in SHIFTED.items()}
"""By jamo, the Latin letter that the same key types when the keyboard is set to Latin letters."""

_PLACES = {
    letter: (x + offset, float(y))
    for y, ((_, letters), offset) in enumerate(zip(KEYBOARD, _OFFSETS, strict=True))
    for x, letter in enumerate(letters)
}
_BESIDE = {
    one: [other for other, (u, v) in _PLACES.items() if other != one and (x - u) ** 2 + (y - v) ** 2 <= _REACH * _REACH]
    for one, (x, y) in _PLACES.items()
}
BESIDE = _BESIDE | {held: [SHIFTED.get(other, other) for other in _BESIDE[plain]] for plain, held in SHIFTED.items()}
"""By jamo, the jamo on the neighboring keys. If the jamo needs shift, its neighbors are typed with shift too."""

_TWO_KEYS = str.maketrans({joint: pair for pair, joint in (COMPOUND_MEDIALS | COMPOUND_FINALS).items()})


def strokes(text: str) -> str:
    """Return the jamo that are typed to write a text, one for each keystroke.

    >>> strokes("값의"), "".join(LATIN[letter] for letter in strokes("씨발"))
    ('ㄱㅏㅂㅅㅇㅡㅣ', 'Tlqkf')
    """
    return decompose(text).translate(_TWO_KEYS)
