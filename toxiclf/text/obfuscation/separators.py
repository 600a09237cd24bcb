"""The view `separators`, which reads words with symbols or single spaces between their letters (시.발, 병 신)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from toxiclf._registry import register
from toxiclf.text.hangul import composed_pieces
from toxiclf.text.obfuscation._english import ENGLISH
from toxiclf.text.obfuscation._form import Edit, Form
from toxiclf.text.obfuscation._view import View
from toxiclf.text.prefilter import Pair
from toxiclf.text.stems import any_of, neighbour_pairs, neighbours, stems

_SIGNS = r"[^\w\s]|[_ㆍ\u119e]"  # the last two are vowels that look like the middle dot
_BETWEEN = re.compile(
    rf"(?<=[가-힣ㄱ-ㅣA-Za-z])(?:(?:{_SIGNS}){{1,6}}| (?:(?:[.~*/^-]{{1,3}}|[0-9]) )?)(?=[가-힣ㄱ-ㅣA-Za-z])"
)
# As in 멍.청.이; commas, slashes and middle dots are left out, because they separate lists (국/영/수).
_EACH = re.compile(r"(?<![가-힣ㄱ-ㅣ\w])[가-힣](?P<sign>[.*~_^@#-])[가-힣](?:(?P=sign)[가-힣])+(?![가-힣ㄱ-ㅣ])")
_LISTS = re.compile(
    r"[월화수목금토일]+|[한중일미영불독러북남]+|[국영수사과]+|[상중하]+|[동서남북]+|[가나다라마바사아자차카타파하]+"
    r"|[갑을병정무기경신임계]+|[일이삼사오육칠팔구십]+|[초중고대]+|[도레미파솔라시]+|[봄여름가을겨울]+|[남녀노소]+|[춘하추동]+|[의식주]+|[시구군읍면동도리]+"
)
_LETTERS = re.compile(r"(?<![A-Za-z])[A-Za-z](?P<sign>[.*_~^ -])[A-Za-z](?:(?P=sign)[A-Za-z])+(?![A-Za-z])")
# Stems that are read across spaces too; others need four syllables, because 다 시 발 and the like are plain.
_SPACED = """
시발 씨발 씨팔 시팔 병신 븅신 지랄 ㅅㅂ ㅆㅂ ㅂㅅ ㅈㄹ 또라이 멍청이 찌질이 쓰레기 개새끼 미친놈 미친년 시발놈 시발년 씨발놈 씨발년
"""
_NUMERAL = re.compile(r"(?:[0-9]|[한두세네몇섯곱덟홉열]) ?$")
_SPACE = r" (?:(?:[.~*/^-]{1,3}|[0-9]) )?"


@register("view", summary="Symbols or spaces between letters (시.발, 병 신)", order=30)
class Separators(View):
    """Reads words with symbols between their letters (시.발), and abusive words with spaces between them (병 신)."""

    def trigger(self) -> re.Pattern[str]:
        """Return a pattern for places where symbols may separate the letters of a disguised word."""
        before, after = neighbours()
        return re.compile(
            rf"{before}(?:{_SIGNS}){{1,6}}{after}|[ㄱ-ㅣ](?:{_SIGNS}){{1,6}}[ㄱ-ㅣ가-힣]"
            rf"|[가-힣](?P<sign>[.*~_^@#-])[가-힣](?P=sign)[가-힣]"
            rf"|(?<![A-Za-z])[A-Za-z](?P<letter_sign>[.*_~^-])[A-Za-z](?P=letter_sign)[A-Za-z](?![A-Za-z])"
        )

    def pairs(self) -> list[Pair]:
        """Return a pair of characters for each alternative of the trigger, except what :meth:`is_plain` discards."""
        firsts, lasts = (letters[1:-1] for letters in neighbours())
        drawing = "".join(_DRAWING)
        pairs = [Pair(first, seconds, "signs") for first, seconds in _followers(neighbour_pairs()).items()]
        pairs += [
            Pair(firsts, drawing, "signs"),
            Pair(drawing, lasts, "signs"),
            Pair("A-Za-zㄱ-ㅣ", "ㄱ-ㅣ가-힣", "signs"),
        ]
        pairs += [Pair("가-힣", "가-힣", "signs, alone"), Pair("A-Za-z", "A-Za-z", "signs, alone")]
        spaced = _followers(stem[:2] for stem in _spaced())
        pairs += [Pair(first, seconds, "spaces") for first, seconds in spaced.items()]
        pairs.append(Pair("0-9", "".join(spaced.values()), "spaces, alone"))
        return [
            *pairs,
            Pair("ㄱ-ㅎ", "ㅏ-ㅣ"),
            Pair("ㄱ-ㅎ", "ㅏ-ㅣ", "spaces, alone"),
            Pair("A-Za-z", "A-Za-z", "spaces, alone"),
        ]

    def is_plain(self, place: re.Match[str]) -> bool:
        """Return whether symbols need no reading, because the characters beside them are not adjacent in any stem."""
        first, last = place[0][0], place[0][-1]
        if not "가" <= first <= "힣" or place["sign"] or first in _DRAWING or last in _DRAWING:
            return False
        return first + last not in neighbour_pairs()

    def spans(self, text: str, *, odd: bool) -> Iterator[tuple[int, int]]:
        """Yield the spans of abusive words with spaces between their letters, except after a numeral."""
        if _spaced_beginnings().search(text) or (odd and _spaced_letters().search(text)):
            for match in _spaced_stems().finditer(text):
                if is_meant(match[0]) and not _NUMERAL.search(text[max(0, match.start() - 2) : match.start()]):
                    yield match.span()

    def edits(self, form: Form) -> list[Edit]:
        """Return edits that drop the symbols between letters.

        The edits are certain if the same symbol separates the letters of an abusive English word, or three or more
        single syllables, unless these form a list (월.화.수).
        """
        edits = {match.span(): Edit(*match.span(), "") for match in _BETWEEN.finditer(form.text)}
        if not edits:
            return []
        for pattern, meant in ((_EACH, _is_no_list), (_LETTERS, _is_english)):
            for match in pattern.finditer(form.text):
                word = match[0].replace(match["sign"], "")
                if meant(word):
                    for at in range(match.start(), match.end()):
                        if (at - match.start()) % 2:
                            edits[at, at + 1] = Edit(at, at + 1, "")
                        else:  # the letters themselves stay, and become certain
                            edits[at, at + 1] = Edit(at, at + 1, form.text[at], sure=True)
        return [edits[span] for span in sorted(edits)]


def _followers(pairs: Iterable[str]) -> dict[str, str]:
    """Return for each first character of the pairs all second ones."""
    followers: dict[str, str] = {}
    for pair in pairs:
        followers[pair[0]] = followers.get(pair[0], "") + pair[1]
    return followers


def _is_no_list(word: str) -> bool:
    return len(set(word)) > 1 and not _LISTS.fullmatch(word)


def _is_english(word: str) -> bool:
    return word.lower() in ENGLISH


_DRAWING = frozenset("아어오우으이애에")  # syllables that may stretch the one before: 시이.발


@cache
def _spaced_stems() -> re.Pattern[str]:
    """Return a pattern for letters with spaces in between: abusive stems, single jamo, or Latin letters."""
    return re.compile(
        rf"(?<!\S)(?:{any_of(_spaced(), _SPACE)}(?:(?=[^\w\s]|_|ㅋ|ㅎ|ㅠ|ㅜ| |$)|(?:아|이|것|들|같|새끼|놈|년|끼))"
        rf"|[ㄱ-ㅎ] [ㅏ-ㅣ](?: [ㄱ-ㅣ가-힣])+(?!\S))\S*"
        rf"|(?<!\S){_JAMO_SYLLABLE} {_JAMO_SYLLABLE}(?!\S)|(?<!\S)[A-Za-z](?: [A-Za-z]){{3,}}(?!\S)"
    )


_JAMO_SYLLABLE = "[ㄱ-ㅎ][ㅏ-ㅣ]{1,2}[ㄱ-ㅎ]?"


def is_meant(spaced: str) -> bool:
    """Return whether a match of :func:`_spaced_stems` is a disguised word.

    Latin letters must form an abusive English word. Two syllables in jamo must form an abusive stem that is read across
    spaces. Any other match is a disguised word.

    >>> is_meant("ㅂㅕㅇ ㅅㅣㄴ"), is_meant("ㄴㅏ ㄴㅡㄴ"), is_meant("a b c d")
    (True, False, False)
    """
    word = spaced.replace(" ", "")
    if spaced[0].isascii():
        return _is_english(word)
    if spaced[0] > "ㅎ" or spaced[1] == " ":
        return True
    return "".join(piece for half in spaced.split() for _, _, piece in composed_pieces(half)) in _spaced()


@cache
def _spaced_beginnings() -> re.Pattern[str]:
    """Return a fast pattern that matches wherever :func:`_spaced_stems` may match a stem."""
    firsts = "".join(sorted({stem[0] for stem in _spaced()}))
    seconds = "".join(sorted({stem[1] for stem in _spaced()}))
    return re.compile(rf"(?<!\S)[{firsts}]{_SPACE}[{seconds}]")


@cache
def _spaced_letters() -> re.Pattern[str]:
    """Return a fast pattern that matches wherever :func:`_spaced_stems` may match jamo or Latin letters."""
    return re.compile(r"(?<!\S)(?:[ㄱ-ㅎ](?: [ㅏ-ㅣ] |[ㅏ-ㅣ]{1,2}[ㄱ-ㅎ]? [ㄱ-ㅎ])|[A-Za-z] [A-Za-z] [A-Za-z] )")


def _spaced() -> list[str]:
    return [*_SPACED.split(), *(stem for stem in stems() if len(stem) > 3 and stem[0] >= "가")]
