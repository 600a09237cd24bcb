"""Abusive English words, which are read only if they are disguised (f.u.c.k, sh1t)."""

from __future__ import annotations

_STEMS = (
    *("fuck", "shit", "bitch", "porn", "pussy", "cunt", "whore", "slut", "nigger", "nigga", "faggot"),
    *("asshole", "bastard", "retard", "dickhead", "motherfucker", "motherfuck"),
)
_TAILS = ("", "s", "er", "ing", "y", "ed", "es")
ENGLISH = frozenset(("sex", "sexy", "dick", "cock", *(stem + tail for stem in _STEMS for tail in _TAILS)))
