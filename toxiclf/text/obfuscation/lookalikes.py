"""The view `lookalikes`, which reads digits, Latin letters and symbols used as jamo or as fillers inside a word."""

from __future__ import annotations

import re

from toxiclf._registry import register
from toxiclf.text.hangul import composed_pieces
from toxiclf.text.obfuscation._form import Edit, Form
from toxiclf.text.obfuscation._view import View
from toxiclf.text.prefilter import Pair
from toxiclf.text.stems import neighbours

_CONSONANT_SIGNS = {
    "ㅆ": ["^^", "/\\/\\", "ΛΛ", "∧∧", "人人"],
    "ㅅ": ["^", "/\\", "Λ", "∧", "人", "入"],
    "ㄱ": ["7", "フ"],
    "ㄴ": ["L"],
    "ㄷ": ["C"],
    "ㄹ": ["己", "Z"],
    "ㅁ": ["口", "ロ", "□"],
    "ㅇ": ["0", "O", "o", "○"],
    "ㅈ": ["ス"],
    "ㅌ": ["E"],
}
_VOWEL_SIGNS = {"ㅏ": "rRト卜", "ㅐ": "H", "ㅜ": "T丁", "ㅣ": "lI1i|!丨"}
_CONSONANTS = {sign: letter for letter, signs in _CONSONANT_SIGNS.items() for sign in signs}
_VOWELS = {sign: letter for letter, signs in _VOWEL_SIGNS.items() for sign in signs}
_LATIN_VOWELS = frozenset("rRHl")  # these edits are certain next to Hangul: ㅎr루, 사ㄹr
_DRAWN = {"ㅏㅣ": "ㅐ", "ㅑㅣ": "ㅒ", "ㅓㅣ": "ㅔ", "ㅕㅣ": "ㅖ"}  # two jamo that are written for one: ㄱㅏㅣ for 개
_SIGNS = sorted((sign for sign in _CONSONANTS if not (sign.isascii() and sign.isalnum())), key=len, reverse=True)
_ASCII = "".join(sign for sign in _CONSONANTS if sign.isascii() and sign.isalnum())
_CONSONANT = re.compile(
    rf"(?:{'|'.join(map(re.escape, _SIGNS))})(?=[ㅏ-ㅣ]|[{re.escape(''.join(_VOWELS))}][가-힣ㄱ-ㅎ])"
    rf"|(?<![A-Za-z0-9])[{_ASCII}](?=[ㅏ-ㅣ]|H[가-힣ㄲㅆㅅ])"
)
_VOWEL = re.compile(
    rf"(?P<before>[ㄱ-ㅎ])(?P<vowel>[{re.escape(''.join(_VOWELS))}])(?![A-Za-z0-9])(?=(?P<after>[가-힣ㄱ-ㅎ]?))"
)
_DRAWN_VOWEL = re.compile(r"[ㅏㅑㅓㅕ][ㅣl|](?![A-Za-z0-9])")
_EIGHT = re.compile(
    r"(?:(?<!\w)|(?<=(?<!\w)[이야개아저그니]))(?:(?P<curse>[시씨쉬쒸ㅅㅆ])8(?![\d%℃A-Za-z]|[.:,/~-]\d)|18(?=놈|넘|새끼|쉐끼|쌔끼|롬|럼|련))"
)
_EIGHT_INSIDE = re.compile(r"(?<=[시씨쉬쒸ㅆ])8(?![\d%℃A-Za-z]|[.:,/~-]\d)")
_LATIN_SYLLABLE = re.compile(r"(?<=[시씨쉬])(?P<second>[bv]al)(?![a-z])|(?<!\w)(?P<first>c)(?=발)", re.IGNORECASE)
_RUN = re.compile(r"[ㄱ-ㅎㅏ-ㅣ]{2,}")
_FILLER = re.compile(
    r"(?<=[가-힣])(?:[0-9A-Za-z]{1,4}|[ㄱ-ㅎ]{1,3}|[ㅏ-ㅣ]{1,3})(?=[가-힣])|(?<=[ㄱ-ㅎ])[0-9]{1,2}(?=[ㄱ-ㅎ])"
)


@register(
    "view", summary="Digits, Latin letters and symbols in the place of jamo, or between syllables (시1발)", order=20
)
class Lookalikes(View):
    """Reads digits, Latin letters and symbols that replace jamo or syllables (ㅅl발, 씨8).

    The view also drops digits, letters and jamo that are fillers inside a word (시1발).
    """

    def trigger(self) -> re.Pattern[str]:
        """Return a pattern for characters that may stand for a jamo or a syllable, or be fillers inside a word."""
        before, after = neighbours()
        consonants = re.escape("".join({sign[-1] for sign in _CONSONANTS}))
        vowels = re.escape("".join(_VOWELS))
        return re.compile(
            rf"[c{consonants}](?:[ㅏ-ㅣ발]|[{vowels}][가-힣ㄱ-ㅎ])|[ㄱ-ㅎ][{vowels}](?![A-Za-z0-9])|[ㅏㅑㅓㅕ][ㅣl|]"
            rf"|[시씨쉬쒸ㅅㅆ](?:8|[bvBV][aA][lL])|18[놈넘새쉐쌔롬럼련]|{before}(?:[0-9A-Za-z]{{1,4}}|[ㄱ-ㅎ]{{1,3}}|[ㅏ-ㅣ]{{1,3}}){after}|ㅅ[0-9]{{1,2}}[ㄱ-ㅎ]"
        )

    def pairs(self) -> list[Pair]:
        """Return a pair of characters for each alternative of the trigger."""
        vowels = "".join(_VOWELS)
        firsts, lasts = (letters[1:-1] for letters in neighbours())
        return [
            Pair("c" + "".join({sign[-1] for sign in _CONSONANTS}), f"ㅏ-ㅣ발{vowels}"),
            Pair("ㄱ-ㅎ", vowels),
            Pair("ㅏㅑㅓㅕ", "ㅣl|"),
            Pair("시씨쉬쒸ㅅㅆ", "8bvBV"),
            Pair("1", "8"),
            Pair(firsts, lasts, "fillers"),
            Pair("ㅅ", "0-9"),
        ]

    def read(self, form: Form, bit: int) -> Form:
        """Return the form with characters that stand for jamo replaced by the jamo, and these joined into syllables."""
        latin = form
        for edits in (_drawn_vowels, _consonants, _vowels):
            form = form.edited(edits(form), bit)
        return form if form is latin else form.edited(_composed_of(form, bit), bit)

    def last_edits(self, form: Form) -> list[Edit]:
        """Return edits that drop fillers; none is certain.

        Fillers are digits, Latin letters or single jamo between syllables (시1발), and digits between consonants (ㅅ1ㅂ).
        """
        return [Edit(*match.span(), "") for match in _FILLER.finditer(form.text)]


def _consonants(form: Form) -> list[Edit]:
    """Return edits for characters used as consonants, for 8 (씨8) and Latin syllables (씨bal, c발); none is certain."""
    edits = {match.start(): Edit(*match.span(), _CONSONANTS[match[0]]) for match in _CONSONANT.finditer(form.text)}
    for match in _EIGHT.finditer(form.text):
        start, end = match.span()
        if match["curse"] is None:
            edits[start] = Edit(start, start + 1, "씨")
        elif match["curse"] in "ㅅㅆ":
            edits[start] = Edit(start, start + 1, "시" if match["curse"] == "ㅅ" else "씨")
        edits[end - 1] = Edit(end - 1, end, "팔")
    for match in _EIGHT_INSIDE.finditer(form.text):
        edits.setdefault(match.start(), Edit(*match.span(), "팔"))
    for match in _LATIN_SYLLABLE.finditer(form.text):
        edits[match.start()] = Edit(*match.span(), "발" if match["second"] else "씨")
    return [edits[start] for start in sorted(edits)]


def _vowels(form: Form) -> list[Edit]:
    """Return edits for characters used as vowels after a consonant; only those of r, R, H and l can be certain."""
    edits = []
    text = form.text
    for match in _VOWEL.finditer(text):
        at = match.start("vowel")
        sign = match["vowel"]
        if sign in "1!|" and not _needs_vowel(text, at):
            continue
        earlier = text[at - 2] if at > 1 else ""
        beside_hangul = "가" <= match["after"] <= "힣" or "가" <= earlier <= "힣" or text[at + 2 : at + 3] > "ㅎ"
        sure = sign in _LATIN_VOWELS and earlier != match["before"] and match["before"] != "ㅋ" and beside_hangul
        edits.append(Edit(at, at + 1, _VOWELS[sign], sure))
    return edits


def _needs_vowel(text: str, at: int) -> bool:
    """Return whether the character at ``at`` is used as a vowel rather than as a filler.

    The 1 is a vowel in ㅅ1발. It is a filler in ㅅ1ㅂ, which is written without vowels, and in ㅂㅕㅇ1신, where the syllable
    before it is complete.
    """
    earlier, before, after, later = (text[i : i + 1] for i in (at - 2, at - 1, at + 1, at + 2))
    if at < 2:
        earlier = ""
    if "ㅏ" <= earlier <= "ㅣ" and "가" <= after <= "힣":
        return before in "ㄲㅆ"  # seldom final consonants
    return not ("ㄱ" <= after <= "ㅎ" and not "ㅏ" <= later <= "ㅣ" and not "가" <= earlier <= "힣")


def _drawn_vowels(form: Form) -> list[Edit]:
    """Return edits that join the two parts of a vowel into one jamo (ㅏㅣ → ㅐ); none is certain."""
    return [Edit(*match.span(), _DRAWN[match[0][0] + "ㅣ"]) for match in _DRAWN_VOWEL.finditer(form.text)]


def _composed_of(form: Form, bit: int) -> list[Edit]:
    """Return edits that join jamo into syllables; the view with this ``bit`` made at least one jamo of each."""
    edits = []
    for run in _RUN.finditer(form.text):
        for start, end, piece in composed_pieces(run[0]):
            a, b = run.start() + start, run.start() + end
            if b - a > 1 and any(form.changed[at] & bit for at in range(a, b)):
                sure = any(form.sure[a:b])
                edits.append(Edit(a, b, piece, sure))
    return edits
