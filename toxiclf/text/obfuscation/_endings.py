"""Decide whether the rest of a word may follow an abusive stem.

If it may not, a plain word begins inside the stem (홍.어린이).
"""

from __future__ import annotations

import re
from functools import cache

from toxiclf.text.stems import any_of

# Particles and endings, one or several, which must reach the end of the word.
_ENDINGS = """
아 야 이 은 는 을 를 가 도 만 의 로 으로 와 과 랑 이랑 여 이여 요 들 님 네 냐 나 다 니 까지 부터
한테 에게 에 보다 처럼 임 이다 이네 이야 이냐 이고 이지 이며 인 인데 인가 인지 인듯 이라 이라고 이라니 라고
라니 라는 이었 였 었 며 던 든 군 구나 야지 한 함 씩 습니다 입니다 잖아 거든 따위 뿐 밖에 조차 씨
"""
# Endings of stems that are verbs; anything may come after them.
_VERB_ENDINGS = "라 버 서 야 요 고 는 면 자 시 줘 주 줄 줬 도 봐 있 가 네 냐 습"
_VERBS = ("쳐", "져", "처", "저", "닥치", "해", "나와", "겨", "쳤")
# Words that follow without a space; anything may come after them.
_WORDS = """
새끼 새키 쉐끼 쌔끼 색기 놈 넘 년 뇬 롬 럼 련 같 것 짓 들이 들아 들은 들을 들의 들도 진짜 정말 존나 졸라
너무 완전 아니 내가 니가 네가 너는 나는 이런 저런 그런 그냥 이게 이건 이거 저거 어쩌 어쩔 어이 무슨 뭔 뭐
왜 영화 감독 작가 배우 드라마 인생 세상 재미 노잼 오늘 이제 인간 사람 소리 아오 아우 아악 아아 으 하고 하네
하는 하지 하다 하냐 한다 한다고 하며 하면 하게 하구 하니 하나 합니 하기 했 함 해라 해요 해서 해도 했네 할
한테 스럽 스러 떨 발광 부리 거리 대는 대고 거야 거지 거임 거냐 듯 애새 애들 여자 남자 버려 버리 버릴 버린
버렸 주세 줄래 줘 봐 있 싶 가라 그만 녀들 충들 짜증 낚 쩐 쩔 거아 거잖 거같 냄새 좀 씬 맞은 맞게 맞아
긴 겼 겨 김새 이딴 저딴 그딴
"""
_SWEARING = "새끼 새키 쉐끼 쌔끼 놈 넘 년 뇬 롬 럼 련 것 같 진짜 존나 졸라 뭐 왜 아 이네 이야 이냐 이다"
_VERBAL = frozenset("하먹맞겹겨없쳤죽버같")  # last syllables of stems with so many forms that any ending may follow
_OF_YEARS = (
    "도",
    "간",
    "차",
    "생",
    "전",
    "후",
    "동안",
    "째",
    "마다",
)  # after 년, which means year here: 썅8년도, 개~년도


@cache
def _endings() -> tuple[frozenset[str], int]:
    """Return the endings, and the length of the longest."""
    endings = frozenset(_ENDINGS.split())
    return endings, max(map(len, endings))


def _are_endings(rest: str) -> bool:
    """Return whether a text consists of endings. A pattern would try every way to divide it, as 이 다 and 이다."""
    endings, longest = _endings()
    ends = {0}  # places to which endings lead
    for at in range(len(rest)):
        if at in ends:
            ends.remove(at)
            ends |= {at + size for size in range(1, longest + 1) if rest[at : at + size] in endings}
        if not ends:
            return False
    return len(rest) in ends


@cache
def _word_follows() -> re.Pattern[str]:
    return re.compile(rf"(?:들?아|야)?{any_of(_WORDS.split())}")


@cache
def _may_follow_digit() -> re.Pattern[str]:
    return re.compile(any_of(_SWEARING.split()))


@cache
def _verb_goes_on() -> re.Pattern[str]:
    return re.compile(any_of(_VERB_ENDINGS.split()))


def may_follow(stem: str, rest: str, *, numeral: bool = False) -> bool:
    """Return whether ``rest``, the characters after an abusive stem, may follow this stem in the same word.

    ``rest`` must not begin with another stem. ``numeral`` tells whether the stem was written with a digit at its end
    (시8). After such a stem, only swearing may follow, because what looks like a particle is mostly a counter.

    >>> may_follow("홍어", "들아"), may_follow("홍어", "린이"), may_follow("시팔", "개", numeral=True)
    (True, False, False)
    """
    if not rest:
        return True
    if stem[-1] == "년" and rest.startswith(_OF_YEARS):
        return False
    if numeral:
        return bool(_may_follow_digit().match(rest))
    if stem.endswith(_VERBS) and _verb_goes_on().match(rest):
        return True
    return stem[-1] in _VERBAL or bool(_word_follows().match(rest)) or _are_endings(rest)
