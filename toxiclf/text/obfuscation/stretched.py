"""View `stretched`: syllables drawn out by syllables of the same vowel."""

from __future__ import annotations

import re
from functools import cache

from toxiclf._registry import register
from toxiclf.text.hangul import FINALS, INITIALS, parts, syllable
from toxiclf.text.obfuscation._form import Edit, Form
from toxiclf.text.obfuscation._stems import neighbours, stems
from toxiclf.text.obfuscation._view import View

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
"""Vowel of the syllable that draws out one with this vowel."""
_SURE = 2  # syllables that draw out another; one alone is as often a plain word (시인, 기어이)


@register("view", summary="Syllables drawn out by others of the same vowel (시이발)", order=60)
class Stretched(View):
    """Reads drawn out syllables short (꺼어져 for 꺼져)."""

    reads_syllables = True

    def trigger(self) -> re.Pattern[str]:
        """Where a syllable may draw out another and the result be of interest: two of them, or one inside a stem.

        Looked for by the syllable that draws out and then at the one before, for few syllables do.
        """
        before, after = neighbours()
        inside = {tail: {c for c in before if _tail_of(c) == tail} for tail in _TAILS}
        heads_of: dict[str, set[str]] = {}  # of a syllable with a final
        for character in {character for stem in stems() for character in stem if "가" <= character <= "힣"}:
            initial, medial, final = parts(character)
            if final and medial in TAIL_OF:
                tail = TAIL_OF[medial]
                heads_of.setdefault(syllable("ㅇ", tail, final), set()).add(syllable(initial, medial))
                inside[tail].add(syllable(initial, medial))
        options = []
        for tail, heads in inside.items():
            one, last = syllable("ㅇ", tail), syllable("ㅇ", tail, FINALS[-1])
            options.append(f"{one}(?:{one}|(?<=[{''.join(sorted(heads))}]{one})(?:{after}|[^가-힣 ]|[{one}-{last}]))")
        options += [f"{last}(?<=[{''.join(sorted(heads))}]{last})" for last, heads in sorted(heads_of.items())]
        return re.compile("|".join(options))

    def edits(self, form: Form) -> list[Edit]:
        """Drawn out syllables, short; sure where two syllables or more draw one out and bring no final with them."""
        edits = []
        for match in _drawn_out().finditer(form.text):
            initial, medial, _ = parts(match[0][0])
            final = parts(match[0][-1])[2]
            start, end = match.span()
            if final or end - start > _SURE:
                edits.append(Edit(start, end, syllable(initial, medial, final), sure=not final))
            else:  # dropped, so that it counts inside a stem alone: 쓰레기이다 is no drawn out 쓰레기
                edits.append(Edit(start + 1, end, ""))
        return edits


@cache
def _drawn_out() -> re.Pattern[str]:
    """A syllable and those that draw it out."""
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
    """Vowel of the syllable that draws out this one; empty if it has a final or is no syllable."""
    if not "가" <= character <= "힣":
        return ""
    _, medial, final = parts(character)
    return "" if final else TAIL_OF.get(medial, "")
