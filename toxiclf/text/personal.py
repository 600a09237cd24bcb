"""Find telephone numbers, e-mail addresses and other personal strings in a text, which are masked before a model sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from toxiclf.text.prefilter import Pair
from toxiclf.text.stems import stem_pattern

MASKS = {
    "phone": "\ufdd0",
    "resident_number": "\ufdd1",
    "card": "\ufdd2",
    "account": "\ufdd3",
    "email": "\ufdd4",
    "url": "\ufdd5",
    "mention": "\ufdd6",
}
"""The character that stands for each kind of personal string. Unicode keeps these for use inside a program, so comments
do not hold them, and every tokenizer makes each a token."""

NAMES = {
    "phone": "⟨전화⟩",
    "resident_number": "⟨주민번호⟩",
    "card": "⟨카드⟩",
    "account": "⟨계좌⟩",
    "email": "⟨이메일⟩",
    "url": "⟨링크⟩",
    "mention": "⟨사용자⟩",
}
"""The name that reports show for each mask."""

_READABLE = {ord(MASKS[kind]): name for kind, name in NAMES.items()}

# Most comments match none of these, so they take no further time. Each looks back from its last or middle character, for
# which a comment is searched three times as fast as for the first character of each.
_MAY_HOLD = re.compile(
    r"[@/.0-9일](?:(?<=@)|(?<=://)|(?<=[wW]{3}\.)|(?<=[0-9]{3})|(?<=[A-Za-z]/)(?=[A-Za-z0-9@])"
    r"|(?<=[0oO공영][1일])(?=[0oO공영]))"
)

PAIRS = (Pair("", "@/"), Pair("0-9", "0-9"), Pair("0oO공영", "1일"), Pair("wW", "wW"))
"""Each personal string holds one of these pairs of characters."""

_DASH = "-‐‑‒–—−ㅡ"
_GAP = rf"[ ]?[{_DASH}.·/)]?[ ]?"  # between the parts of a number
_SEPARATED = rf"(?:[ ]?[{_DASH}.·/)][ ]?|[ ])"
_MOBILE = "(?:[0oO공영][1일](?:[0oO공영]|[16789]))"
_DIGIT = "[0-9공영일이삼사오육륙칠팔구oO]"
_LAND = "(?:0(?:2|[3-6][1-5]|70|80|50[0-9]?))"
_DATE = "[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_WORD = "0-9A-Za-z가-힣_"
_TOP = "com|net|org|kr|jp|tv|be|me|io|gg|ly|us|co|info|shop|xyz"
_MAIL = "naver|daum|hanmail|gmail|nate|kakao|hotmail|outlook|yahoo"
_IN_URL = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]"
_URL_LENGTH = 2000
_URL_END = r"[A-Za-z0-9/=&#%_~-]"

_PATTERNS = {
    "url": rf"(?:[A-Za-z]{{2,10}}://|[wW]{{3}}\.(?=[A-Za-z0-9])){_IN_URL}{{0,{_URL_LENGTH}}}{_URL_END}"
    rf"|(?<![A-Za-z0-9._-])(?:[A-Za-z0-9-]{{1,63}}\.){{1,4}}(?:{_TOP})/{_IN_URL}{{0,{_URL_LENGTH}}}{_URL_END}",
    "email": r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+*-]{1,64}@"
    rf"(?:[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{1,4}}|(?:{_MAIL}))(?![A-Za-z0-9])",
    "mention": rf"(?<![ㄱ-ㅣ@.{_WORD}])@[{_WORD}][{_WORD}.-]{{0,28}}[{_WORD}](?![@{_WORD}])",
    "resident_number": rf"(?<![0-9]){_DATE}(?:[ ]?[{_DASH}][ ]?|[ ]?)[0-9](?:[0-9]{{6}}|[*xX]{{6}})(?![0-9])",
    "card": rf"(?<![0-9])[2-9][0-9]{{3}}(?:[ {_DASH}.]?[0-9]{{4}}){{2}}[ {_DASH}.]?[0-9]{{1,7}}(?![0-9])"
    rf"|(?<![0-9])3[47][0-9]{{2}}[ {_DASH}.]?[0-9]{{6}}[ {_DASH}.]?[0-9]{{5}}(?![0-9])",
    "phone": rf"(?<![0-9]){_MOBILE}{_GAP}{_DIGIT}{{3,4}}{_GAP}{_DIGIT}{{4}}(?![0-9])"
    rf"|\+[ ]?82{_GAP}\(?0?\)?{_GAP}[1-9][0-9]{{0,2}}{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}(?![0-9])"
    rf"|(?<![0-9])82{_SEPARATED}0?1[016789]{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}(?![0-9])"
    rf"|(?<![0-9])\(?{_LAND}{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}(?![0-9])"
    rf"|(?<![0-9{_DASH}])1[568][0-9]{{2}}[ ]?[{_DASH}.][ ]?[0-9]{{4}}(?![0-9{_DASH}])",
    "account": rf"(?<![0-9])[0-9]{{2,6}}(?:[{_DASH}][0-9]{{1,8}}){{2,4}}(?![0-9])",
}
_ACCOUNT = re.compile(_PATTERNS["account"])
_DIGITS = re.compile("[0-9]")
_IS_DATE = re.compile(rf"(?:19|20)[0-9]{{2}}[{_DASH}](?:0?[1-9]|1[0-2])[{_DASH}](?:0?[1-9]|[12][0-9]|3[01])(?![0-9])")


LONGEST = _URL_LENGTH + 100
"""No personal string has more characters."""


@dataclass(frozen=True, slots=True)
class Personal:
    """A personal string in a text: its kind, a key of :data:`MASKS`, and its place; the character at ``end`` is excluded."""

    kind: str
    start: int
    end: int


@cache
def _personal() -> re.Pattern[str]:
    """Return the pattern of all kinds; to compile it takes longer than all else here, and few comments need it."""
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _PATTERNS.items()))


def found(text: str) -> list[Personal]:
    """Return the personal strings in a text, in order and without overlap.

    A number is personal if its separators, its length or its check digits fit a kind; years, prices, dates and scores are not.

    >>> [one.kind for one in found("010-1234-5678 또는 a@b.kr, 18년 12,000원 2024-01-01")]
    ['phone', 'email']
    """
    if not may_hold(text):
        return []
    result: list[Personal] = []
    at = 0
    pattern = _personal()
    while match := pattern.search(text, at):
        kind = _kind(match)
        if kind:
            result.append(Personal(kind, *match.span()))
        at = match.end() if kind else match.start() + 1  # what is not personal may hold what is
    return result


def may_hold(text: str) -> bool:
    """Return whether a text may hold a personal string; a quick look, which says no to most comments."""
    return _MAY_HOLD.search(text) is not None


def readable(text: str) -> str:
    """Return a text with the names of its masks in place of the masks.

    >>> readable("전화 " + MASKS["phone"])
    '전화 ⟨전화⟩'
    """
    return text.translate(_READABLE)


def _kind(match: re.Match[str]) -> str | None:
    kind = str(match.lastgroup)
    if _CHECKS.get(kind, bool)(match[0]):
        return kind
    is_other = kind == "card" and not match[0].isdigit() and _ACCOUNT.fullmatch(match[0])
    return "account" if is_other and _is_account(match[0]) else None


def _is_resident_number(text: str) -> bool:
    digits = _digits(text)
    if len(digits) < 13 or not text.isdigit():
        return True  # written with a separator, or its end is hidden
    weights = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
    rest = 11 - sum(a * b for a, b in zip(digits, weights, strict=False)) % 11
    is_foreign = 5 <= digits[6] <= 8
    return digits[12] == (rest + 2 * is_foreign) % 10


def _is_card(text: str) -> bool:
    digits = _digits(text)
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [d if at % 2 == 0 else (2 * d if d < 5 else 2 * d - 9) for at, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0 or (len(digits) == 16 and not text.isdigit())


def _is_phone(text: str) -> bool:
    """Return whether the number is not two years, such as 1592-1598."""
    years = [int(part) for part in re.findall("[0-9]+", text)]
    return not (len(years) == 2 and years[0] < years[1] <= 2100 and years[0] >= 1500)


def _is_account(text: str) -> bool:
    return 10 <= len(_digits(text)) <= 16 and not _IS_DATE.match(text)


def _is_mention(text: str) -> bool:
    """Return whether the name is no abuse that somebody hid behind an @."""
    return not stem_pattern().search(text)


def _digits(text: str) -> list[int]:
    return [int(digit) for digit in _DIGITS.findall(text)]


_CHECKS = {
    "resident_number": _is_resident_number,
    "card": _is_card,
    "phone": _is_phone,
    "account": _is_account,
    "mention": _is_mention,
}
