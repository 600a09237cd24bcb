"""The view `keyboard`, which reads Hangul typed while the keyboard was set to Latin letters."""

from __future__ import annotations

import re

from toxiclf._registry import register
from toxiclf.text.hangul import KEYBOARD, SHIFTED, composed_pieces
from toxiclf.text.obfuscation._form import Edit, Form
from toxiclf.text.obfuscation._view import View
from toxiclf.text.prefilter import Pair
from toxiclf.text.stems import stem_pattern, stems_in

_KEYS = {key: letter for keys, letters in KEYBOARD for key, letter in zip(keys, letters, strict=True)}
_LAYOUT = str.maketrans(_KEYS | {key.upper(): SHIFTED.get(letter, letter) for key, letter in _KEYS.items()})
# Frequent plain words, because a word typed this way by mistake is plain as often as it is toxic. Each takes four keys
# or more.
_PLAIN_WORDS = """
안녕 감사 사랑 고마 재밌 재미 최고 진짜 영화 정말 대박 그냥 너무 하하 아니 이거 추천 평점 연기 감동 좋아 좋은 미안 죄송 축하 화이팅
파이팅 오늘 내일 우리 나는 너는 이건 그래 그런 하지만 뭐야 뭐냐 보고 싶다 배우 한국 사람 생각 무슨 어떻 언제
다시 완전 쓸데 노잼 꿀잼 별로
"""
_PLAIN = tuple(_PLAIN_WORDS.split())
_WORD = re.compile(r"(?<![A-Za-z0-9@_./#&'-])[A-Za-z]{4,}(?![A-Za-z0-9@_/#&'])")
_FIRST_KEYS, _SECOND_KEYS = "qwertasdfgzxcvA-Z", "yuiophjklbnmA-Z"  # of consonants, of vowels
_WEAK = frozenset(["개새", "쪼다"])  # stems inside plain words: Rotoworld, Whekau
_LONG = 8
_LAST = frozenset("은는이가을를요다네지서고면에도만나라야아어까게음데든듯")  # last syllables of words and sentences
_UNENGLISH = re.compile(r"[^aeiouy]{5}", re.IGNORECASE)  # the word christians types whole syllables, but is English


@register("view", summary="Hangul typed with the keyboard set to Latin letters (tlqkf)", order=40)
class Keyboard(View):
    """Reads words in Latin letters whose keys type whole syllables on the two-set Hangul keyboard (tlqkf → 시발)."""

    def trigger(self) -> re.Pattern[str]:
        """Return a pattern for Latin words of four letters or more whose first keys type a consonant and a vowel."""
        return re.compile(rf"(?<![A-Za-z0-9@_./#&'-])[{_FIRST_KEYS}][{_SECOND_KEYS}][A-Za-z]{{2,}}")

    def pairs(self) -> list[Pair]:
        """Return the pair of keys that each match of the trigger begins with."""
        return [Pair(_FIRST_KEYS, _SECOND_KEYS)]

    def edits(self, form: Form) -> list[Edit]:
        """Return edits for Latin words whose keys type whole Hangul syllables; all edits are certain.

        The syllables must contain a stem, begin with a frequent word, or form a long word of common syllables whose
        Latin letters do not look like English.
        """
        edits = []
        for match in _WORD.finditer(form.text):
            word = match[0]
            spellings = (word, word.lower()) if word.isupper() or word.istitle() else (word,)
            for spelling in spellings:
                pieces = as_hangul(spelling)
                if pieces and _is_meant("".join(piece for _, _, piece in pieces), word):
                    edits += [Edit(match.start() + a, match.start() + b, piece, sure=True) for a, b, piece in pieces]
                    break
        return edits


def as_hangul(word: str) -> list[tuple[int, int, str]]:
    """Return the syllables that a Latin word types on the two-set keyboard, as (start, end, syllable).

    The list is empty if the word does not type whole syllables.

    >>> "".join(syllable for _, _, syllable in as_hangul("dkssud"))
    '안녕'
    >>> as_hangul("hello")
    []
    """
    pieces = composed_pieces(word.translate(_LAYOUT))
    return pieces if all("가" <= piece <= "힣" for _, _, piece in pieces) else []


def _is_meant(read: str, word: str) -> bool:
    if any(end - start > 1 and read[start:end] not in _WEAK for start, end in stems_in(read)) or read.startswith(
        _PLAIN
    ):
        return True
    ends_well = read[-1] in _LAST or stem_pattern().search(read)
    return (
        len(word) >= _LONG
        and bool(_UNENGLISH.search(word) and ends_well)
        and all(_is_common(syllable) for syllable in read)
    )


def _is_common(syllable: str) -> bool:
    """Return whether a syllable is one of the 2,350 in the standard KS X 1001. Others are in foreign words or typos."""
    return len(syllable.encode("euc_kr")) == 2
