"""Texts as their obfuscated words may be read: every rule in turn, each on top of those before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from toxiclf.text.normalize import Normalizer
from toxiclf.text.obfuscation.composing import composed_of, jamo, loose_finals, single_jamo
from toxiclf.text.obfuscation.endings import may_follow
from toxiclf.text.obfuscation.form import Edit, Form
from toxiclf.text.obfuscation.homoglyphs import homoglyphs, odd_letters
from toxiclf.text.obfuscation.keyboard import keyboard, latin_words
from toxiclf.text.obfuscation.lookalikes import consonants, drawn_vowels, fillers, signs_for_letters, vowels
from toxiclf.text.obfuscation.separating import (
    is_meant,
    is_plain,
    separators,
    signs_inside,
    spaced_beginnings,
    spaced_letters,
    spaced_stems,
)
from toxiclf.text.obfuscation.stems import stem_pattern, stems_in
from toxiclf.text.obfuscation.stretching import drawings, stretched
from toxiclf.text.obfuscation.yamin import yamin, yamin_words


@dataclass(frozen=True, slots=True)
class Reading:
    """``text[start:end]`` of a text may be read as ``text``, by a rule or by several ("separators+jamo")."""

    rule: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One way of writing a word so that it is not found.

    Attributes
    ----------
    name : its name in ``RULES``.
    bit : its bit in the sets of rules that a form keeps.
    trigger : where a text may hold what the rule reads; most texts have no such place, and cost no more than the search.
    reads_syllables : whether it reads words of nothing but syllables.
    """

    name: str
    bit: int
    trigger: Callable[[], re.Pattern[str]]
    reads_syllables: bool = False


RULES: dict[str, Rule] = {
    name: Rule(name, 1 << at, trigger, name in ("stretched", "yamin"))
    for at, (name, trigger) in enumerate(
        (
            ("homoglyphs", odd_letters),
            ("lookalikes", signs_for_letters),
            ("separators", signs_inside),
            ("keyboard", latin_words),
            ("jamo", single_jamo),
            ("stretched", drawings),
            ("yamin", yamin_words),
        )
    )
}
"""The rules by name, in the order in which they are applied on top of each other."""
ALL = tuple(RULES)

# No rule but those of syllables reads a text without such a place: signs at the ends of words are frequent and plain.
_ODD = re.compile(r"[^가-힣 .,!?~]|[.,!?~][가-힣]")
_ADDRESS = re.compile(
    r"(?<![A-Za-z])[A-Za-z]{2,10}://(?:[\w.%+-]*@)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[0-9]+)?(?:[/?#]\S*)?"
    r"|www\.(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?:[/?#]\S*)?)?|(?:(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64})?@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
    r"|(?<![A-Za-z0-9_.-])[A-Za-z0-9_.-]+\.(?:com|net|org|kr|jp|tv|be|me|io)(?![A-Za-z])(?:[/?#]\S*)?"
)
_SYLLABLES = re.compile("[가-힣]+")
_FILLED = re.compile(r"^(?:[0-9]{1,4}|[*^@♡♥★☆#$%&+=]+)$")
_LISTED = frozenset(["일베", "개새"])  # Japan and Vietnam, dogs and birds
_LIST_SIGN = re.compile("[·ㆍ・/,:-]")
_NUMERAL = re.compile(r"(?:[0-9]|[한두세네몇섯곱덟홉열]) ?$")
_SLACK = 32  # characters beyond the length of the text itself that `expanded` may add


def readings(text: str, rules: Sequence[str] = ALL) -> list[Reading]:
    """Read the obfuscated words of a normalized text; nothing for a word that is written plainly.

    Parameters
    ----------
    text : what :class:`~toxiclf.text.normalize.Normalizer` returned; any other string is read as it is.
    rules : names of rules, of ``RULES``.

    Returns
    -------
    list of Reading
        In order of position, apart from each other; ``text[reading.start:reading.end] != reading.text``.

    >>> readings("야 시1발아 꺼어져")
    [Reading(rule='lookalikes', start=2, end=5, text='시발'), Reading(rule='stretched', start=7, end=10, text='꺼져')]
    """
    names = tuple(rules)
    pieces = _suspects(text, names)
    return _found(text, sorted(pieces), _bits(names)) if pieces else []


def read_raw(text: str, normalizer: Normalizer, rules: Sequence[str] = ALL) -> list[Reading]:
    """Read a text as it was written: the same, with spans in ``text`` itself.

    >>> read_raw("이  ㅅㅣ\u200b발", Normalizer())
    [Reading(rule='jamo', start=3, end=7, text='시발')]
    """
    normalized = normalizer.with_offsets(text)
    return [
        Reading(one.rule, *normalized.original_span(one.start, one.end), one.text)
        for one in readings(normalized.text, rules)
    ]


def expanded(text: str, rules: Sequence[str] = ALL) -> str:
    """Add to a normalized text its obfuscated words as they may be read, each once, in order.

    The very same text where no rule reads anything; never more than twice as long, and a few characters.

    >>> expanded("야 시1발아 꺼져")
    '야 시1발아 꺼져 시발아'
    """
    found = readings(text, rules)
    if not found:
        return text
    words: dict[str, None] = {}
    left = len(text) + _SLACK
    for word in _whole_words(text, found):
        if word in words:
            continue
        left -= len(word) + 1
        if left < 0:
            break
        words[word] = None
    return " ".join((text, *words)) if words else text


def _whole_words(text: str, found: Iterable[Reading]) -> Iterator[str]:
    """Words that hold the readings, as read."""
    word: list[str] = []
    at = end = 0  # of the word: how far it is written down, and where it ends
    for one in found:
        if one.start >= end:
            if word:
                yield "".join(word) + text[at:end]
            word, at = [], text.rfind(" ", 0, one.start) + 1
        stop = text.find(" ", one.end)
        end = max(end, len(text) if stop < 0 else stop)
        word += [text[at : one.start], one.text]
        at = one.end
    yield "".join(word) + text[at:end]


@cache
def _triggers(names: tuple[str, ...]) -> tuple[tuple[re.Pattern[str], ...], tuple[re.Pattern[str], ...]]:
    """Triggers of some rules: of those that read syllables, and of the others."""
    for name in names:
        if name not in RULES:
            raise ValueError(f"unknown rule {name!r}; expected some of {', '.join(RULES)}")
    chosen = [RULES[name] for name in names]
    return (
        tuple(rule.trigger() for rule in chosen if rule.reads_syllables),
        tuple(rule.trigger() for rule in chosen if not rule.reads_syllables),
    )


def _bits(names: Iterable[str]) -> int:
    bits = 0
    for name in names:
        bits |= RULES[name].bit
    return bits


def _suspects(text: str, names: tuple[str, ...]) -> set[tuple[int, int]]:
    """Spans of the words that some trigger touches."""
    found: set[tuple[int, int]] = set()
    syllables, others = _triggers(names)
    odd = bool(_ODD.search(text))
    for trigger in (*syllables, *others) if odd else syllables:
        place = trigger.search(text)
        while place:
            end = place.end() - 1
            if trigger is not signs_inside() or not is_plain(place):
                start = text.rfind(" ", 0, place.start() + 1) + 1
                end = text.find(" ", max(end, start))
                end = len(text) if end < 0 else end
                found.add((start, end))
            place = trigger.search(text, end)
    if "separators" in names and (spaced_beginnings().search(text) or (odd and spaced_letters().search(text))):
        for match in spaced_stems().finditer(text):
            if is_meant(match[0]) and not _NUMERAL.search(text[max(0, match.start() - 2) : match.start()]):
                found.add(match.span())
    return found


def _found(text: str, pieces: list[tuple[int, int]], rules: int) -> list[Reading]:
    result: list[Reading] = []
    for start, end in _apart_from_addresses(text, pieces):
        mine: list[Reading] = []
        for form in _forms(Form.of(text, start, end), rules):
            mine = _joined(mine, [one for one in _accepted(form, text) if text[one.start : one.end] != one.text])
        result += mine
    result.sort(key=lambda one: (one.start, -one.end))
    apart: list[Reading] = []
    for one in result:
        if not apart or one.start >= apart[-1].end:
            apart.append(one)
    return apart


def _apart_from_addresses(text: str, pieces: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for start, end in pieces:
        at = start
        for address in _ADDRESS.finditer(text, start, end):
            if at < address.start():
                yield at, address.start()
            at = address.end()
        if at < end:
            yield at, end


def _joined(old: list[Reading], new: list[Reading]) -> list[Reading]:
    """New readings, and of the old ones those that no new one touches; a wider old one stays."""
    both = sorted([*old, *new], key=lambda one: (one.start, -one.end))
    kept: list[Reading] = []
    newer = set(new)
    for one in both:
        if kept and one.start < kept[-1].end:
            before = kept[-1]
            wider = one.end - one.start > before.end - before.start
            same = one.end - one.start == before.end - before.start
            if wider or (same and one in newer):
                kept[-1] = one
        else:
            kept.append(one)
    return kept


def _forms(form: Form, rules: int) -> Iterator[Form]:
    """Readings of one piece, each rule on top of those before; every form that differs."""

    def step(form: Form, name: str, edits: Callable[[Form], list[Edit]]) -> Form:
        bit = RULES[name].bit
        made = edits(form) if rules & bit else []
        return form.edited(made, bit) if made else form

    if _SYLLABLES.fullmatch(form.text):
        yield from _longer(form, step)
        return
    seen = form
    form = step(form, "homoglyphs", homoglyphs)
    latin = form
    for edits in (drawn_vowels, consonants, vowels):
        form = step(form, "lookalikes", edits)
    if form is not latin:
        form = step(form, "lookalikes", lambda form: composed_of(form, RULES["lookalikes"].bit))
    form = step(form, "separators", separators)
    form = step(form, "keyboard", keyboard)
    form = step(form, "jamo", jamo)
    if form is not seen:
        yield form
    # two ways on: what is left of single jamo belongs to the syllable before, or fills the word
    tips = [form]
    for name, edits in (("jamo", loose_finals), ("lookalikes", fillers)):
        tip = step(form, name, edits)
        if tip is not form:
            yield tip
            tips.append(tip)
    for tip in reversed(tips):
        yield from _longer(tip, step)


def _gap(form: Form, at: int, text: str) -> str:
    """What was left out just before a character of a form."""
    return text[form.ends[at - 1] : form.starts[at]] if at else ""


def _holds(form: Form, start: int, end: int, text: str) -> bool:
    """Whether a stem of which a single sign or digit is all the evidence is no plain word after all.

    A list, or two words of which the second begins inside the stem: 중·일·베트남, 홍.어린이, 시8구역.
    """
    if form.text[start] < "가":
        return True
    gaps = [gap for at in range(start + 1, end) if form.dropped[at] and (gap := _gap(form, at, text))]
    signs = [gap for gap in gaps if not _SYLLABLES.fullmatch(gap)]
    eights = [bool(form.changed[at]) and text[form.ends[at] - 1] == "8" for at in range(start, end)]
    if len(signs) != 1 and True not in eights and text[form.starts[start]] not in "cC":
        return True
    stem = form.text[start:end]
    if stem in _LISTED and len(gaps) == 1 and _LIST_SIGN.fullmatch(gaps[0]):
        return False
    rest = end
    while rest < len(form.text) and "가" <= form.text[rest] <= "힣" and not form.dropped[rest]:
        rest += 1
    if stem_pattern().match(form.text, end):
        return True
    return may_follow(stem, form.text[end:rest], numeral=eights[-1])


_Step = Callable[[Form, str, Callable[[Form], list[Edit]]], Form]


def _longer(form: Form, step: _Step) -> Iterator[Form]:
    """The rules that read syllables as others, on top of all."""
    for name, edits in (("stretched", stretched), ("yamin", yamin)):
        longer = step(form, name, edits)
        if longer is not form:
            yield longer
            form = longer


def _accepted(form: Form, text: str) -> list[Reading]:
    """Readings that a form bears out: by a stem that a rule brought about, or by characters that are sure."""
    taken = list(form.sure)
    filled = [bool(rules and _FILLED.search(_gap(form, at, text))) for at, rules in enumerate(form.dropped)]
    for start, end in stems_in(form.text, form.dropped, filled if True in filled else ()):
        if form.rules_in(start, end) and _holds(form, start, end, text):
            taken[start:end] = [True] * (end - start)
    result: list[Reading] = []
    end = 0
    while True:
        try:
            start = taken.index(True, end)
        except ValueError:
            return result
        end = start + 1
        while end < len(taken) and taken[end]:
            end += 1
        bits = form.rules_in(start, end)
        names = "+".join(name for name, rule in RULES.items() if bits & rule.bit)
        result.append(Reading(names, form.starts[start], form.ends[end - 1], form.text[start:end]))
