"""The view `jamo`, which reads syllables written as single jamo."""

from __future__ import annotations

import re
from functools import cache

from toxiclf._registry import register
from toxiclf.text.hangul import composed_pieces, parts, syllable
from toxiclf.text.obfuscation._form import Edit, Form
from toxiclf.text.obfuscation._view import View
from toxiclf.text.prefilter import Pair
from toxiclf.text.stems import any_of, stems

_RUN = re.compile(r"[ㄱ-ㅎㅏ-ㅣ]{2,}")
_CRYING = frozenset("ㅠㅜㅡㅗㅛ")  # vowels that stand for eyes and mouths: ㅋㅠ, ㅎㅡㅎ, ㅇㅗㅇ


@register("view", summary="Syllables written as single jamo (ㅅㅣ발)", order=50)
class Jamo(View):
    """Reads syllables written as single jamo (ㅅㅣ발) and final consonants written apart (시바ㄹ).

    Jamo that may be a face or laughter are read only inside an abusive stem.
    """

    def trigger(self) -> re.Pattern[str]:
        """Return a pattern for jamo that may form a syllable; it matches more than :func:`_loose` and is faster."""
        heads, finals = _heads_and_finals()
        return re.compile(f"[ㄱ-ㅎ][ㅏ-ㅣ]|[{heads}][{finals}](?![ㅏ-ㅣ])")

    def pairs(self) -> list[Pair]:
        """Return a pair of characters for each alternative of the trigger."""
        return [Pair("ㄱ-ㅎ", "ㅏ-ㅣ"), Pair(*_heads_and_finals())]

    def edits(self, form: Form) -> list[Edit]:
        """Return edits that join jamo into syllables (ㅅㅣ → 시); edits of a possible face or laughter are not certain."""
        edits = []
        for run in _RUN.finditer(form.text):
            letters = run[0]
            whole = "".join(piece for _, _, piece in composed_pieces(letters))
            clean = all("가" <= piece <= "힣" for piece in whole) and not _is_face(letters)
            for start, end, piece in composed_pieces(letters):
                if end - start < 2:
                    continue
                sure = clean or not (_is_face(letters[start:end]) or _stutters(letters, start))
                last = parts(piece)[2]
                if (
                    last and last in "ㅋㅎ" and letters[end : end + 1] in ("", last)
                ):  # laughter after an open syllable: ㄴㅔㅎㅎ
                    end, piece = end - 1, syllable(*parts(piece)[:2])
                edits.append(Edit(run.start() + start, run.start() + end, piece, sure))
        return edits

    def last_edits(self, form: Form) -> list[Edit]:
        """Return edits that join final consonants to their syllables (시바ㄹ → 시발); none is certain."""
        edits = []
        for match in _loose().finditer(form.text):
            initial, medial, _ = parts(match[0][0])
            edits.append(Edit(*match.span(), syllable(initial, medial, match[0][1])))
        return edits


def _is_face(letters: str) -> bool:
    """Return whether the jamo of a syllable may as well be a face or crying (ㅋㅠ, ㅇㅅㅡ, ㅇㅗㅇ)."""
    drawn = all(letter in _CRYING for letter in letters if letter >= "ㅏ")
    return len(letters) < 4 and (drawn or letters[0] == letters[-1])


def _stutters(letters: str, start: int) -> bool:
    """Return whether the first or second jamo of the syllable at ``start`` is doubled, as in laughter (ㅋㅋㅏ, ㅋㅠㅠ)."""
    return (
        letters[start - 1 : start] == letters[start] or letters[start + 1 : start + 2] == letters[start + 2 : start + 3]
    )


@cache
def _heads_and_finals() -> tuple[str, str]:
    """Return the syllables of stems without their final consonants, and these consonants."""
    whole = [parts(character) for stem in stems() for character in stem if "가" <= character <= "힣"]
    heads = {syllable(a, b) for a, b, c in whole if c}
    return "".join(sorted(heads)), "".join(sorted({c for _, _, c in whole if c and c not in "ㅋㅎ"}))


@cache
def _loose() -> re.Pattern[str]:
    """Return a pattern for syllables of stems, each with its final consonant written apart (바ㄹ)."""
    pieces = (parts(character) for stem in stems() for character in stem if "가" <= character <= "힣")
    return re.compile(f"(?:{any_of({syllable(a, b) + c for a, b, c in pieces if c and c not in 'ㅋㅎ'})})(?![ㅏ-ㅣ])")
