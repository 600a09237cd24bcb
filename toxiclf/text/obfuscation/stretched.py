"""The view `stretched`, which reads syllables stretched by syllables of the same vowel (꺼어져)."""

from __future__ import annotations

import re
from functools import cache

from toxiclf._registry import register
from toxiclf.text.hangul import INITIALS, parts, syllable
from toxiclf.text.obfuscation._form import Edit, Form
from toxiclf.text.obfuscation._view import View
from toxiclf.text.prefilter import Pair
from toxiclf.text.stems import neighbours, stems

_TAILS = {
    "ㅏ": "ㅏㅑㅘ",
    "ㅓ": "ㅓㅕㅝ",
    "ㅗ": "ㅗㅛ",
    "ㅜ": "ㅜㅠ",
    "ㅡ": "ㅡ",
    "ㅣ": "ㅣㅢㅟ",
    "ㅐ": "ㅐㅒㅙ",
    "ㅔ": "ㅔㅖㅞ",
}
TAIL_OF = {head: tail for tail, heads in _TAILS.items() for head in heads}
"""For each vowel, the vowel of the syllable that can stretch it."""
_SURE = 2  # a certain edit has this many stretching syllables or more; one is as often in a plain word (시인, 기어이)


@register("view", summary="Syllables drawn out by others of the same vowel (시이발)", order=60)
class Stretched(View):
    """Reads words with stretched syllables (꺼어져 → 꺼져)."""

    reads_syllables = True

    def trigger(self) -> re.Pattern[str]:
        """Return a pattern for syllables that two others stretch, or that one stretches inside a stem.

        The pattern looks for the stretching syllable first, then looks at the syllable before it, because few syllables
        can stretch another.
        """
        inside, at_end = _heads()
        after = neighbours()[1]
        options = []
        for one, heads in inside.items():
            options.append(f"{one}(?:{one}|(?<=[{heads}]{one})(?:{after}|[^가-힣 ]|[{one}-{chr(ord(one) + 27)}]))")
        options += [f"{last}(?<=[{heads}]{last})" for last, heads in at_end.items()]
        return re.compile("|".join(options))

    def pairs(self) -> list[Pair]:
        """Return the pairs of a syllable and one that stretches it."""
        inside, at_end = _heads()
        return [Pair(heads + one, one) for one, heads in inside.items()] + [
            Pair(heads, last) for last, heads in at_end.items()
        ]

    def edits(self, form: Form) -> list[Edit]:
        """Return edits that shorten stretched syllables (꺼어져 → 꺼져).

        An edit is certain if at least two syllables stretch the first one and the last of them has no final consonant.
        """
        edits = []
        for match in _drawn_out().finditer(form.text):
            initial, medial, _ = parts(match[0][0])
            final = parts(match[0][-1])[2]
            start, end = match.span()
            if final or end - start > _SURE:
                edits.append(Edit(start, end, syllable(initial, medial, final), sure=not final))
            else:  # dropped, so that it counts only inside a stem: 쓰레기이다 is not a stretched 쓰레기
                edits.append(Edit(start + 1, end, ""))
        return edits


@cache
def _heads() -> tuple[dict[str, str], dict[str, str]]:
    """Return the syllables of stems that others stretch, by the stretching one: without, and with a final consonant."""
    inside = {tail: {c for c in neighbours()[0] if _tail_of(c) == tail} for tail in _TAILS}
    at_end: dict[str, set[str]] = {}
    for character in {character for stem in stems() for character in stem if "가" <= character <= "힣"}:
        initial, medial, final = parts(character)
        if final and medial in TAIL_OF:
            tail = TAIL_OF[medial]
            at_end.setdefault(syllable("ㅇ", tail, final), set()).add(syllable(initial, medial))
            inside[tail].add(syllable(initial, medial))
    return (
        {syllable("ㅇ", tail): "".join(sorted(heads)) for tail, heads in inside.items()},
        {last: "".join(sorted(heads)) for last, heads in sorted(at_end.items())},
    )


@cache
def _drawn_out() -> re.Pattern[str]:
    """Return a pattern for a syllable together with the syllables that stretch it (꺼어)."""
    options = []
    for tail, heads in _TAILS.items():
        before = "".join(
            syllable(initial, medial) for initial in INITIALS for medial in heads if initial != "ㅇ" or medial != tail
        )
        first = syllable("ㅇ", tail)
        last = chr(ord(first) + 27)
        options.append(f"[{before}](?:{first}+[{chr(ord(first) + 1)}-{last}]?|[{chr(ord(first) + 1)}-{last}])")
    return re.compile("|".join(options))


def _tail_of(character: str) -> str:
    """Return the vowel of a syllable that can stretch ``character``; empty if none can (after a final consonant)."""
    if not "가" <= character <= "힣":
        return ""
    _, medial, final = parts(character)
    return "" if final else TAIL_OF.get(medial, "")
