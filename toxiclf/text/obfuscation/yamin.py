"""The view `yamin`: restores well-known words whose syllables were replaced by similar-looking ones (yaminjeongeum)."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from toxiclf._registry import register
from toxiclf.text.obfuscation._form import Edit, Form
from toxiclf.text.obfuscation._view import View
from toxiclf.text.prefilter import Pair
from toxiclf.text.stems import any_of


@cache
def yamin_words() -> dict[str, str]:
    """Return the table of well-known words: a dictionary from a word in disguise to the plain word.

    >>> yamin_words()["댕댕이"]
    '멍멍이'
    """
    return {written.lstrip("*"): read for written, read in _lines()}


def _lines() -> list[list[str]]:
    lines = resources.files(__package__).joinpath("yamin.txt").read_text("utf-8").splitlines()
    return [line.split() for line in lines if not line.startswith("#")]


@cache
def _pattern() -> re.Pattern[str]:
    """Return a pattern for the words of the table.

    Words marked with a star match anywhere; others match only at the beginning of a word, or right after a prefix
    (개, 핵, 초 or 갓) that begins the word.
    """
    alone = any_of(yamin_words())
    anywhere = any_of(written[1:] for written, _ in _lines() if written[0] == "*")
    return re.compile(rf"(?:(?<![가-힣])|(?<=(?<![가-힣])[개핵초갓]))(?:{alone})|(?:{anywhere})")


@register("view", summary="Syllables written as others that look like them, in well-known words (댕댕이)", order=70)
class Yamin(View):
    """Reads well-known words written with similar-looking syllables (yaminjeongeum: 댕댕이 → 멍멍이); a table lists them."""

    reads_syllables = True

    def trigger(self) -> re.Pattern[str]:
        """Return a pattern for the first two syllables of the table's words; faster to find than the whole words."""
        return re.compile("|".join(f"[{pair.before}][{pair.after}]" for pair in self.pairs()))

    def pairs(self) -> list[Pair]:
        """Return the first two syllables of the table's words; firsts with the same seconds share a pair."""
        seconds: dict[str, set[str]] = {}
        for written in yamin_words():
            seconds.setdefault(written[0], set()).add(written[1])
        firsts: dict[str, str] = {}
        for first, those in seconds.items():
            after = "".join(sorted(those))
            firsts[after] = firsts.get(after, "") + first
        return [Pair(before, after) for after, before in firsts.items()]

    def edits(self, form: Form) -> list[Edit]:
        """Return edits for the words of the table; all are certain."""
        edits = []
        for match in _pattern().finditer(form.text):
            word, read = match[0], yamin_words()[match[0]]
            if len(word) == len(read):
                edits += [Edit(at, at + 1, new, sure=True) for at, new in enumerate(read, match.start())]
            else:
                edits.append(Edit(*match.span(), read, sure=True))
        return edits
