"""Read words that were disguised to escape filters.

The text itself never changes. The views read its words in turn, each starting from the readings of the views before. A
view is a subclass of :class:`View` that registers itself; its file has the view's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import compress

from toxiclf._registry import component, components
from toxiclf.text.normalize import Normalizer
from toxiclf.text.obfuscation._endings import may_follow
from toxiclf.text.obfuscation._form import Edit, Form
from toxiclf.text.obfuscation._view import View
from toxiclf.text.prefilter import IS_COMPILED, Prefilter
from toxiclf.text.stems import stem_pattern, stems_in

__all__ = ["Edit", "Form", "Reading", "View", "expanded", "read_raw", "read_words", "readings", "stem_pattern"]


@dataclass(frozen=True, slots=True)
class Reading:
    """A disguised word with its reading: the characters ``start`` to ``end`` (exclusive) may be read as ``text``.

    ``rule`` names the view that reads them, or several views joined by "+" ("separators+jamo").
    """

    rule: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class _Chosen:
    """A view in use: its name, the bit of its edits in a form, and its object."""

    name: str
    bit: int
    view: View

    @property
    def group(self) -> int:
        """The bit of the view's pairs in the prefilter."""
        return min(self.bit, 1 << 7)

    @cached_property
    def search(self) -> Callable[..., re.Match[str] | None]:
        """The search method of the view's trigger, which takes milliseconds to compile and is not always needed."""
        return self.view.trigger().search


@dataclass(frozen=True)
class _Views:
    """The views in use, grouped; each group is in registered order.

    Attributes
    ----------
    all : every view.
    of_syllables : views with ``reads_syllables``.
    others : views without ``reads_syllables``.
    of_spaces : views that also find words with white space inside.
    """

    all: tuple[_Chosen, ...]
    of_syllables: tuple[_Chosen, ...]
    others: tuple[_Chosen, ...]
    of_spaces: tuple[_Chosen, ...]

    @cached_property
    def prefilter(self) -> Prefilter | None:
        """Finds texts with suspects; None if it is not compiled, or a view has no pairs."""
        pairs = [one.view.pairs() for one in self.all if IS_COMPILED]
        return (
            Prefilter.of(*(list(some) for some in pairs if some is not None)) if pairs and None not in pairs else None
        )


# If nothing matches, only the triggers of views with `reads_syllables` are tried. Punctuation that ends a word does
# not match.
_ODD = re.compile(r"[^가-힣 .,!?~]|[.,!?~][가-힣]")
_ADDRESS = re.compile(
    r"(?<![A-Za-z])[A-Za-z]{2,10}://(?:[\w.%+-]*@)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[0-9]+)?(?:[/?#]\S*)?"
    r"|www\.(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?:[/?#]\S*)?)?|(?:(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64})?@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
    r"|(?<![A-Za-z0-9_.-])[A-Za-z0-9_.-]+\.(?:com|net|org|kr|jp|tv|be|me|io)(?![A-Za-z])(?:[/?#]\S*)?"
)
_SYLLABLES = re.compile("[가-힣]+")
_FILLED = re.compile(r"^(?:[0-9]{1,4}|[*^@♡♥★☆#$%&+=]+)$")
_LISTED = frozenset(["일베", "개새"])  # also items of a list: 일·베 (Japan, Vietnam), 개·새 (dogs, birds)
_LIST_SIGN = re.compile("[·ㆍ・/,:-]")
_SLACK = 32  # `expanded` adds at most as many characters as the text has, and this many more


def readings(text: str, views: Sequence[str] | None = None) -> list[Reading]:
    """Return the readings of the disguised words in a normalized text; plainly written words have none.

    Parameters
    ----------
    text : output of :class:`~toxiclf.text.normalize.Normalizer`; any other string is read without normalization.
    views : names of views, in any order; None for all registered views.

    Returns
    -------
    list of Reading
        In order of position, without overlap; ``text[reading.start:reading.end] != reading.text``.

    Raises
    ------
    UsageError : ``views`` contains a name that no registered view has.

    >>> readings("야 시1발아 꺼어져")
    [Reading(rule='lookalikes', start=2, end=5, text='시발'), Reading(rule='stretched', start=7, end=10, text='꺼져')]
    """
    return _readings(text, _chosen(None if views is None else tuple(sorted(set(views)))))


def read_raw(text: str, normalizer: Normalizer, views: Sequence[str] | None = None) -> list[Reading]:
    """Return the readings of the disguised words in a text that is not normalized; the spans are those in ``text``.

    >>> read_raw("이  ㅅㅣ\u200b발", Normalizer())
    [Reading(rule='jamo', start=3, end=7, text='시발')]
    """
    normalized = normalizer.with_offsets(text)
    return [
        Reading(one.rule, *normalized.original_span(one.start, one.end), one.text)
        for one in readings(normalized.text, views)
    ]


def expanded(text: str, views: Sequence[str] | None = None) -> str:
    """Append to a normalized text its disguised words as the views read them, each once, in order of position.

    A word is appended whole, even if only a part of it is disguised. If no view reads anything, return ``text`` itself.
    The result has at most ``2 * len(text) + 32`` characters.

    >>> expanded("야 시1발아 꺼져")
    '야 시1발아 꺼져 시발아'
    """
    words = read_words([text], views)
    return f"{text} {words[0]}" if words else text


def read_words(texts: Sequence[str], views: Sequence[str] | None = None) -> dict[int, str]:
    """Return the words that :func:`expanded` appends to each text, by the index of the text; most texts have none.

    >>> read_words(["안녕", "야 시1발아 꺼어져"])
    {1: '시발아 꺼져'}
    """
    chosen = _chosen(None if views is None else tuple(sorted(set(views))))
    prefilter = chosen.prefilter
    suspected = dict.fromkeys(range(len(texts)), -1) if prefilter is None else prefilter.suspects(texts)
    read = {at: _words(texts[at], _readings(texts[at], chosen, groups)) for at, groups in suspected.items()}
    return {at: " ".join(words) for at, words in read.items() if words}


def _words(text: str, all_readings: list[Reading]) -> dict[str, None]:
    words: dict[str, None] = {}
    if not all_readings:
        return words
    left = len(text) + _SLACK
    for word in _whole_words(text, all_readings):
        if word in words:
            continue
        left -= len(word) + 1
        if left < 0:
            break
        words[word] = None
    return words


def _whole_words(text: str, all_readings: Iterable[Reading]) -> Iterator[str]:
    """Yield each word of the text that contains readings, with the readings in place of the disguised characters."""
    word: list[str] = []
    at = end = 0  # of the current word: the end of its copied part, and its own end
    for one in all_readings:
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
def _made(name: str) -> View:
    view: View = component("view", name).target()
    return view


@cache
def _chosen(names: tuple[str, ...] | None) -> _Views:
    known = components("view") if names is None else {name: component("view", name) for name in names}
    in_order = sorted(known.values(), key=lambda entry: (entry.order, entry.name))
    chosen = tuple(_Chosen(entry.name, 1 << at, _made(entry.name)) for at, entry in enumerate(in_order))
    return _Views(
        chosen,
        tuple(one for one in chosen if one.view.reads_syllables),
        tuple(one for one in chosen if not one.view.reads_syllables),
        tuple(one for one in chosen if type(one.view).spans is not View.spans),  # a call for each text is slow
    )


def _readings(text: str, views: _Views, groups: int = -1) -> list[Reading]:
    """Return the readings of a text; ``groups`` has a bit for each view that may find a word in it."""
    pieces = _suspects(text, views, groups)
    return _disjoint_readings(text, sorted(pieces), views) if pieces else []


def _suspects(text: str, views: _Views, groups: int = -1) -> set[tuple[int, int]]:
    """Return the spans of words to read: those with a match of a trigger, and those that a view's ``spans`` finds."""
    suspects: set[tuple[int, int]] = set()
    odd = bool(_ODD.search(text))
    for one in views.all if odd else views.of_syllables:
        if not groups & one.group:
            continue
        place = one.search(text)
        while place:
            end = place.end() - 1
            if not one.view.is_plain(place):
                start = text.rfind(" ", 0, place.start() + 1) + 1
                end = text.find(" ", max(end, start))
                end = len(text) if end < 0 else end
                suspects.add((start, end))
            place = one.search(text, end)
    for one in views.of_spaces:
        if groups & one.group:
            suspects.update(one.view.spans(text, odd=odd))
    return suspects


def _disjoint_readings(text: str, pieces: list[tuple[int, int]], views: _Views) -> list[Reading]:
    result: list[Reading] = []
    for start, end in _apart_from_addresses(text, pieces):
        mine: list[Reading] = []
        for form in _forms(Form.of(text, start, end), views):
            mine = _joined(mine, [one for one in _accepted(form, text, views) if text[one.start : one.end] != one.text])
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
    """Merge readings so that none overlap: the widest stays, or the one from ``new`` if two are equally wide."""
    both = sorted([*old, *new], key=lambda one: (one.start, -one.end))
    joined: list[Reading] = []
    newer = set(new)
    for one in both:
        if joined and one.start < joined[-1].end:
            before = joined[-1]
            wider = one.end - one.start > before.end - before.start
            same = one.end - one.start == before.end - before.start
            if wider or (same and one in newer):
                joined[-1] = one
        else:
            joined.append(one)
    return joined


def _forms(form: Form, views: _Views) -> Iterator[Form]:
    """Yield the forms that the views make of an unedited form; each view starts from the result of the view before."""
    if _SYLLABLES.fullmatch(form.text):
        yield from _longer(form, views)
        return
    seen = form
    for one in views.others:
        form = one.view.read(form, one.bit)
    if form is not seen:
        yield form
    # alternatives to this form: the single jamo in it may belong to the syllable before, or be fillers
    tips = [form]
    for one in reversed(views.others):
        tip = form.edited(one.view.last_edits(form), one.bit)
        if tip is not form:
            yield tip
            tips.append(tip)
    for tip in reversed(tips):
        yield from _longer(tip, views)


def _longer(form: Form, views: _Views) -> Iterator[Form]:
    """Yield each form that a view with ``reads_syllables`` makes of ``form``; these views come after all others."""
    for one in views.of_syllables:
        longer = one.view.read(form, one.bit)
        if longer is not form:
            yield longer
            form = longer


def _gap(form: Form, at: int, text: str) -> str:
    """Return the characters of the text that were dropped just before character ``at`` of a form."""
    return text[form.ends[at - 1] : form.starts[at]] if at else ""


def _holds(form: Form, start: int, end: int, text: str) -> bool:
    """Return whether the characters ``start`` to ``end`` of a form, which spell an abusive stem, are meant as one.

    They are not if they are items of a list (일·베 in 중·일·베트남) or parts of two plain words (홍.어린이, 시8구역). Only
    stems with a single group of symbols inside, an 8 or a c are checked; for all others, return True.
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
    run = _SYLLABLES.match(form.text, end)
    rest = run.end() if run else end
    rest = next(compress(range(end, rest), form.dropped[end:rest]), rest)
    if stem_pattern().match(form.text, end):
        return True
    return may_follow(stem, form.text[end:rest], numeral=eights[-1])


def _accepted(form: Form, text: str, views: _Views) -> list[Reading]:
    """Return the readings that count: characters of certain edits, and abusive stems that a view revealed."""
    taken = list(form.sure)
    filled = [bool(bits and _FILLED.search(_gap(form, at, text))) for at, bits in enumerate(form.dropped)]
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
        names = "+".join(one.name for one in views.all if bits & one.bit)
        result.append(Reading(names, form.starts[start], form.ends[end - 1], form.text[start:end]))
