"""Particles whose form depends on the sound before them (은/는, 이/가, 으로/로)."""

from __future__ import annotations

from toxiclf.text.hangul import parts

_PAIRS = ("은 는", "이 가", "을 를", "과 와", "으로 로", "이나 나", "이랑 랑", "아 야", "으로서 로서", "으로써 로써")
_FORMS = {form: tuple(pair.split()) for pair in _PAIRS for form in pair.split()}

PARTICLES = frozenset(_FORMS)
"""Both forms of all particles that have two forms."""


def final(word: str) -> str:
    """Return the final consonant of a word that ends in a Hangul syllable, or an empty string if it ends in a vowel.

    >>> final("작품"), final("영화")
    ('ㅁ', '')
    """
    return parts(word[-1])[2]


def particle_after(word: str, particle: str) -> str:
    """Return the form that a particle takes after ``word``; ``particle`` may be either of its two forms.

    >>> particle_after("작품", "를"), particle_after("서울", "으로"), particle_after("영화", "은")
    ('을', '로', '는')
    """
    closed, open_ = _FORMS[particle]
    sound = final(word)
    return open_ if not sound or (sound == "ㄹ" and closed.startswith("으로")) else closed
