"""The view `homoglyphs`, which reads letters of other scripts and digits as the Latin letters that they look like."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from toxiclf._registry import register
from toxiclf.text.obfuscation._english import ENGLISH
from toxiclf.text.obfuscation._form import Edit, Form
from toxiclf.text.obfuscation._view import View
from toxiclf.text.prefilter import Pair

# From Unicode's confusables.txt (UTS 39): letters that look alike in many fonts.
_ALIKE = dict(
    zip(
        "аесоріјѕхуԁһԛԝкАВЕКМНОРСТУХІЈЅ" + "αορνικυγΑΒΕΖΗΙΚΜΝΟΡΤΥΧϲ" + "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢɑɡı",
        "aecopijsxydhqwkABEKMHOPCTYXIJS" + "aopvikuyABEZHIKMNOPTYXc" + "abcdefghijklmnoprstuvwyzagi",
        strict=True,
    )
)
_STYLED = "ℂℊℋℌℍℎℐℑℒℕℙℚℛℜℝℤℨℬℭℯℰℱℳℴⒶ-ⓩ⒜-⒵🄰-🅉🅐-🅩🅰-🆉𝐀-𝚥𝟎-𝟿"
_OTHER = "Ͱ-ϿЀ-ԯ" + "".join(c for c in _ALIKE if not "Ͱ" <= c <= "ԯ")
_WORD = re.compile(f"[A-Za-z{_OTHER}{_STYLED}]{{2,}}")
_LEET = str.maketrans("013457@$!", "oieastasi")
_LEET_WORD = re.compile(r"(?<![\w@$!])(?=[A-Za-z]*[0-9@$!]{1,3}[A-Za-z])[A-Za-z0-9@$!]{3,16}(?![\w@$])")


@register("view", summary="Letters of other scripts, and digits, in the place of Latin letters (ѕеx, sh1t)", order=10)
class Homoglyphs(View):
    """Reads letters that look Latin (ѕеx) and abusive English words with digits (sh1t).

    Unicode's UTS 39 lists letters that look alike.
    """

    def trigger(self) -> re.Pattern[str]:
        """Return a pattern for letters that may look Latin, and for digits and symbols inside a Latin word."""
        return re.compile(f"[{_OTHER}{_STYLED}]|[A-Za-z][013457@$!]{{1,3}}[A-Za-z]")

    def pairs(self) -> list[Pair]:
        """Return a pair of characters for each alternative of the trigger."""
        return [
            Pair("", _OTHER + _STYLED),
            Pair("A-Za-z", "013457@$!"),
        ]

    def edits(self, form: Form) -> list[Edit]:
        """Return edits for words whose letters all look Latin, although some are not.

        If there are no such words, return edits for abusive English words with digits or symbols used as letters. All
        edits are certain.
        """
        edits = []
        for match in _WORD.finditer(form.text):
            word = match[0]
            letters = [latin(character) for character in word]
            if not word.isascii() and len(set(word)) > 1 and all(letters):  # ΟΟΟ stands for a name that is left out
                edits += [Edit(at, at + 1, new, sure=True) for at, new in enumerate(letters, match.start())]
        if not edits:
            for match in _LEET_WORD.finditer(form.text):
                read = match[0].rstrip("!").lower().translate(_LEET)
                if read in ENGLISH:
                    edits += [Edit(at, at + 1, new, sure=True) for at, new in enumerate(read, match.start())]
        return edits


@cache
def latin(character: str) -> str:
    """Return the Latin letter or digit that a character looks like, or an empty string; ASCII is returned unchanged.

    >>> latin("ѕ"), latin("𝒃"), latin("ж")
    ('s', 'b', '')
    """
    if character.isascii():
        return character
    if "🅐" <= character <= "🅩":
        return chr(ord(character) - ord("🅐") + ord("A"))
    if "🅰" <= character <= "🆉":
        return chr(ord(character) - ord("🅰") + ord("A"))
    if character in _ALIKE:
        return _ALIKE[character]
    plain = unicodedata.normalize("NFKC", character).strip("()")
    return plain if plain.isascii() and plain.isalnum() else ""
