"""Normalize comments and map positions in the normalized text back to the original text."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from html.entities import html5
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.text.hangul import CONJOINING_TO_COMPATIBILITY
from toxiclf.text.personal import LONGEST, MASKS, PAIRS, found, may_hold
from toxiclf.text.prefilter import Pair, Prefilter

# Characters that only the steps for white space and repeats may change. Most comments hold no others.
_PLAIN_CHARACTERS = (
    " -~가-힣ㄱ-ㅣ一-鿿ぁ-ゖァ-ヺ·×÷°‘’“”…※→←↑↓★☆♡♥♬▶■-○●~☀-☄☹☺✅✊-✍✨❌❗\U0001f300-\U0001f64f\U0001f900-\U0001f9ff"
)
_PLAIN = re.compile(f"[\\t\\n\\r{_PLAIN_CHARACTERS}]*")
VERSION = 1
"""Version of the normalization. It rises when the same text gets another normalized form, so that caches of the old
form are not used."""

_FILLERS = frozenset(
    "\u115f\u1160\u3164\uffa0\u2800"
)  # Hangul fillers and the empty Braille cell, which are not white space but look like it
_INVISIBLE_MARKS = frozenset(  # grapheme joiner, variation selectors: no Unicode category of their own
    map(chr, (0x034F, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_RUN = re.compile(r"(.)\1+", re.DOTALL)
_BLOCK = 1024  # characters that are read before it is checked whether they suffice
_OF_ENTITIES = frozenset("&＆;；\u037e")  # in a run of these, each may belong to another entity
_NUMERIC = re.compile("#(?:([xX])([0-9a-fA-F]+)|([0-9]+))")
_IN_ENTITIES = frozenset("#0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_LONGEST_ENTITY = max(map(len, html5))
_ASCII_AFTER_NFC = {"\u037e": ";", "\u212a": "K"}  # the Greek question mark and the kelvin sign
_LONGEST_CLUSTER = 32  # Unicode's stream-safe text has at most 30 marks in a row; NFC takes quadratic time
_REPLACEMENT = "�"
_UNPLAIN_WIDTH = {
    code: chr(int(parts[1], 16))
    for code in range(0xFF01, 0xFFEF)
    if (parts := unicodedata.decomposition(chr(code)).split()) and parts[0] in ("<wide>", "<narrow>")
}


@dataclass(frozen=True, slots=True)
class Normalized:
    """A normalized text with, for each character, the span of the original text that it came from.

    Attributes
    ----------
    text : the normalized text.
    starts, ends : for each character of ``text``, the start and the end (exclusive) of its span in the original.
    truncated : whether characters beyond ``max_chars`` were cut off.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    truncated: bool

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original text that became ``text[start:end]``.

        >>> Normalizer().with_offsets("와ㅋㅋㅋㅋㅋㅋ 굿").original_span(5, 6)
        (8, 9)
        """
        if not 0 <= start <= end <= len(self.text):
            raise IndexError(f"span ({start}, {end}) is outside the normalized text of {len(self.text)} characters")
        if start == end:
            at = self.starts[start] if start < len(self.text) else (self.ends[-1] if self.ends else 0)
            return at, at
        return self.starts[start], self.ends[end - 1]


@dataclass(frozen=True, slots=True)
class Normalizer:
    """Normalizes comments, so that different encodings of the same text become equal; accepts any string.

    The steps, in order:

    1. Convert half-width and full-width forms to ordinary ones.
    2. Remove control and format characters (NUL, zero-width, bidirectional controls, tags, variation selectors).
    3. Replace lone surrogates by U+FFFD.
    4. Decode HTML entities that end with a semicolon, such as ``&lt;`` and ``&#44060;``, until none is left: ``&amp;lt;``
       becomes ``<``. What they stand for goes through steps 1 to 3, too.
    5. Apply NFC. Keep at most 32 characters of a letter with its marks. Write single conjoining jamo as compatibility
       jamo.
    6. Shorten runs of white space (Hangul fillers count as such) to one space, and strip both ends.
    7. Replace each personal string, such as a telephone number, by a mask, which is a word of its own
       (:data:`toxiclf.text.personal.MASKS`).
    8. Shorten runs of one character to ``repeat_cap``, then the text to ``max_chars`` characters. A personal string
       that appears only now is masked, too.

    Parameters
    ----------
    repeat_cap : longest run of one character that is kept, at least 1.
    max_chars : longest normalized text, in characters, at least 1; the rest is cut off.
    html_entities : whether step 4 is taken; version 0.1 did not have it.
    mask_personal : whether personal strings are masked.

    >>> Normalizer()("ＡＢ ㅋㅋㅋㅋㅋㅋㅋ\\x00  끝 ")
    'AB ㅋㅋㅋ 끝'
    """

    repeat_cap: int = 3
    max_chars: int = 2000
    html_entities: bool = True
    mask_personal: bool = False

    @classmethod
    def of(cls, settings: Any) -> Normalizer:
        """Return the normalizer with these settings: those attributes of an object that are called as the parameters."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})

    def __call__(self, text: str) -> str:
        """Return the normalized text. Normalizing the result again does not change it."""
        return self._cut(text)[0]

    def batch(self, texts: Sequence[str]) -> tuple[list[str], NDArray[np.bool_]]:
        """Return the normalized texts and, for each, whether it was truncated, bool (n,)."""
        normalized, truncated = list(texts), np.zeros(len(texts), dtype=np.bool_)
        for at in _prefilter(self).suspects(normalized):
            normalized[at], truncated[at] = self._cut(normalized[at])
        return normalized, truncated

    def shortened(self, text: str) -> tuple[str, bool]:
        """Cut an already normalized text to ``max_chars`` characters; return the text and whether it was truncated."""
        if len(text) <= self.max_chars:
            return text, False
        text = text[: self.max_chars].rstrip()
        return (_text_of(_masked(_pieces_of(text))) if self.mask_personal else text), True

    def with_offsets(self, text: str) -> Normalized:
        """Return the normalized text with, for each character, its span in the original text.

        The text is read only as far as its first ``max_chars`` normalized characters need.
        """
        entities = self.html_entities and ("&" in text or "＆" in text)
        pieces = _read(text, self.repeat_cap, entities=entities)
        composed = _composed(_decoded(pieces, self.repeat_cap) if entities else pieces)
        kept = self._kept(_masked_blocks(composed) if self.mask_personal else composed)
        if self.mask_personal:
            read = len(kept)
            kept = _masked(kept)
            if len(kept) <= self.max_chars + 1 < read:  # masks made room for more of the text
                wider = replace(self, max_chars=4 * self.max_chars).with_offsets(text)
                kept = list(zip(wider.text, wider.starts, wider.ends, strict=True))
        truncated = len(_stripped(kept)) > self.max_chars
        kept = _stripped(kept[: self.max_chars])
        if truncated and self.mask_personal:
            kept = _masked(kept)
        characters, starts, ends = zip(*kept, strict=True) if kept else ((), (), ())
        return Normalized("".join(characters), tuple(starts), tuple(ends), truncated)

    def _cut(self, text: str) -> tuple[str, bool]:
        if len(text) > (enough := 2 * self.max_chars + _BLOCK):
            begin = text[:enough]
            is_masked = self.mask_personal and may_hold(begin)
            if _PLAIN.fullmatch(begin) and not (self.html_entities and "&" in begin) and not is_masked:
                begin = _shortened_runs(" ".join(begin.split()), self.repeat_cap)
                if len(begin) > self.max_chars + 1:  # one more, as what follows may join the last character
                    return self.shortened(begin)
        if not _PLAIN.fullmatch(text) or (self.html_entities and "&" in text and ";" in text):
            result = self.with_offsets(text)
            return result.text, result.truncated
        folded = " ".join(text.split())
        normalized = _shortened_runs(folded, self.repeat_cap)
        if self.mask_personal and (found(folded) or (normalized != folded and found(normalized))):
            result = self.with_offsets(text)
            return result.text, result.truncated
        return self.shortened(normalized)

    def _kept(self, blocks: Iterable[Iterable[_Piece]]) -> list[_Piece]:
        """Shorten runs of white space and of characters; stop when there are more characters than ``max_chars``."""
        kept: list[_Piece] = []
        last, run = " ", 1  # so that the text does not begin with a space
        for pieces in blocks:
            for character, start, end in pieces:
                if character != last:
                    last, run = character, 1
                elif run < self.repeat_cap and character != " ":
                    run += 1
                else:
                    if kept:  # extend the span of the last kept character over the rest of the run
                        kept[-1] = (character, kept[-1][1], end)
                    continue
                kept.append((character, start, end))
            if len(kept) > self.max_chars + 1:  # one more, as the last may be a space at the end of the text
                break
        return kept


@lru_cache
def _prefilter(normalizer: Normalizer) -> Prefilter:
    """Return the prefilter of texts that are not yet normalized."""
    pairs = [Pair("", f"^{_PLAIN_CHARACTERS}"), Pair(" ", " ")]
    if normalizer.html_entities:
        pairs.append(Pair("", "&"))
    if normalizer.mask_personal:
        pairs += PAIRS
    return Prefilter.of(pairs, longest_run=normalizer.repeat_cap, longest_text=normalizer.max_chars)


_Piece = tuple[str, int, int]  # a character, and the start and end of its span in the original


def _read(text: str, repeat_cap: int, *, entities: bool) -> Iterator[list[_Piece]]:
    """Take steps 1 to 3 with one block of the text after the other; the middle of a long run of one character is skipped."""
    at = 0
    while at < len(text):
        block = text[at : at + _BLOCK]
        yield _mapped(block, at)
        is_run = block == block[0] * _BLOCK and repeat_cap <= _BLOCK and not (entities and block[0] in _OF_ENTITIES)
        run = _RUN.match(text, at) if is_run else None
        at = max(at + _BLOCK, run.end() - _BLOCK) if run else at + _BLOCK


def _mapped(text: str, offset: int = 0) -> list[_Piece]:
    return [(new, at, at + 1) for at, old in enumerate(text, offset) if (new := _mapped_character(old))]


@lru_cache(maxsize=4096)
def _mapped_character(original: str) -> str:
    """Return the character after steps 1 to 3; empty if it is removed."""
    character = _UNPLAIN_WIDTH.get(ord(original), original)
    if character.isspace() or character in _FILLERS:
        return " "
    category = unicodedata.category(character)
    if category == "Cs":
        return _REPLACEMENT
    return "" if category in ("Cc", "Cf") or character in _INVISIBLE_MARKS else character


def _decoded(blocks: Iterable[Iterable[_Piece]], repeat_cap: int) -> Iterator[list[_Piece]]:
    """Decode HTML entities, also those that appear by decoding others, in one pass: work grows with the length only."""
    result: list[_Piece] = []
    begins: list[int] = []  # where an "&" is in ``result`` that only characters of entities follow
    for pieces in blocks:
        for piece in pieces:
            pending = [piece]
            while pending:
                character, start, end = pending.pop()
                character = _ASCII_AFTER_NFC.get(character, character)
                if character == "&":
                    begins.append(len(result))
                elif character == ";" and begins:
                    begin = begins.pop()
                    meaning = _meaning("".join(c for c, _, _ in result[begin + 1 :]), repeat_cap)
                    if meaning is not None:
                        start = result[begin][1]
                        del result[begin:]
                        pending += [(c, start, end) for c, _, _ in reversed(_mapped(meaning))]
                        continue
                    begins.clear()
                elif character not in _IN_ENTITIES:
                    begins.clear()
                result.append((character, start, end))
        if begins and begins[-1] + 1 < len(result) and result[begins[-1] + 1][0] != "#":
            tail = "".join(c for c, _, _ in result[max(begins[-1] + 1, len(result) - 2 * _LONGEST_ENTITY) :])
            if len(_shortened_runs(tail, repeat_cap)) > _LONGEST_ENTITY:
                begins.clear()  # no entity has so long a name, so neither this nor those around it will end
        if known := begins[0] if begins else len(result):
            yield result[:known]
            del result[:known]
            begins = [begin - known for begin in begins]
    yield result


def _meaning(entity: str, repeat_cap: int) -> str | None:
    """Return what an entity, given without "&" and ";", stands for; None if there is no such entity.

    An entity that appears only when runs are shortened counts, too; else normalizing a second time would decode it.
    """
    for name in (entity, _shortened_runs(entity, repeat_cap)):
        if number := _NUMERIC.fullmatch(name):
            x, hexadecimal, decimal = number.groups()
            digits = (hexadecimal or decimal).lstrip("0")[:8] or "0"  # more digits are out of range, too
            return html.unescape(f"&#{x or ''}{digits};")
        if name + ";" in html5:
            return html5[name + ";"]
    return None


def _masked_blocks(blocks: Iterable[Iterable[_Piece]]) -> Iterator[list[_Piece]]:
    """Mask personal strings, also those that two blocks share."""
    held: list[_Piece] = []
    for pieces in blocks:
        for piece in pieces:
            if piece[0] == " " and held and held[-1][0] == " ":
                held[-1] = (" ", held[-1][1], piece[2])
            else:
                held.append(piece)
        text = _text_of(held)
        if len(held) > 2 * LONGEST:
            cut = len(held) - LONGEST
            cut = space if (space := text.rfind(" ", 0, cut)) > 0 else cut
            cut = next((one.start for one in found(text) if one.start < cut < one.end), cut)
            yield _masked(held[:cut])
            del held[:cut]
    yield _masked(held)


def _masked(pieces: list[_Piece]) -> list[_Piece]:
    """Put a mask in the place of each personal string, with spaces around it; all have the span of the string."""
    while personal := found(text := _text_of(pieces)):
        masked: list[_Piece] = []
        at = 0
        for one in personal:
            span = pieces[one.start][1], pieces[one.end - 1][2]
            masked += pieces[at : one.start]
            if masked and masked[-1][0] != " ":
                masked.append((" ", *span))
            masked.append((MASKS[one.kind], *span))
            if text[one.end : one.end + 1].strip():
                masked.append((" ", *span))
            at = one.end
        pieces = masked + pieces[at:]
    return pieces


def _pieces_of(text: str) -> list[_Piece]:
    return [(character, at, at + 1) for at, character in enumerate(text)]


def _text_of(pieces: Sequence[_Piece]) -> str:
    return "".join([character for character, _, _ in pieces])


def _shortened_runs(text: str, repeat_cap: int) -> str:
    return _RUN.sub(lambda run: run[0][:repeat_cap], text)


def _composed(blocks: Iterable[Iterable[_Piece]]) -> Iterator[list[_Piece]]:
    """Apply NFC to each cluster: a character with the marks or jamo that may join it. Long clusters are cut."""
    cluster: list[_Piece] = []
    for pieces in blocks:
        result: list[_Piece] = []
        for piece in pieces:
            if not cluster or not _may_join(piece[0]):
                result += _joined(cluster)
                cluster = [piece]
            elif len(cluster) < _LONGEST_CLUSTER:
                cluster.append(piece)
        yield result
    yield _joined(cluster)


def _joined(cluster: list[_Piece]) -> list[_Piece]:
    before = "".join([character for character, _, _ in cluster])
    after, changed = _in_nfc(before)
    if after == before:
        return cluster
    if changed:
        return [(character, cluster[0][1], cluster[-1][2]) for character in after]
    return [(character, start, end) for character, (_, start, end) in zip(after, cluster, strict=True)]


@lru_cache(maxsize=4096)
def _in_nfc(cluster: str) -> tuple[str, bool]:
    """Return a cluster in NFC, with single conjoining jamo as compatibility jamo, and whether NFC changed it."""
    composed = unicodedata.normalize("NFC", cluster)[:_LONGEST_CLUSTER]
    return composed.translate(CONJOINING_TO_COMPATIBILITY), composed != cluster


@lru_cache(maxsize=4096)
def _may_join(character: str) -> bool:
    return "ᅠ" <= character <= "ᇿ" or unicodedata.category(character)[0] == "M"


def _stripped(pieces: list[_Piece]) -> list[_Piece]:
    return pieces[:-1] if pieces and pieces[-1][0] == " " else pieces
