"""The normalization of whole texts, as it was before texts were read in blocks: slow, simple, and the measure of the other."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from html.entities import html5

from toxiclf.text.hangul import CONJOINING_TO_COMPATIBILITY
from toxiclf.text.normalize import Normalized, Normalizer

_FILLERS = frozenset(
    "\u115f\u1160\u3164\uffa0\u2800"
)  # Hangul fillers and the empty Braille cell, which are not white space but look like it
_INVISIBLE_MARKS = frozenset(  # grapheme joiner, variation selectors: no Unicode category of their own
    map(chr, (0x034F, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_RUN = re.compile(r"(.)\1+", re.DOTALL)
_AMPERSAND = re.compile("[&＆]")
_NUMERIC = re.compile("#(?:([xX])([0-9a-fA-F]+)|([0-9]+))")
_IN_ENTITIES = frozenset("#0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_ASCII_AFTER_NFC = {"\u037e": ";", "\u212a": "K"}  # the Greek question mark and the kelvin sign
_LONGEST_CLUSTER = 32  # Unicode's stream-safe text has at most 30 marks in a row; NFC takes quadratic time
_REPLACEMENT = "�"
_UNPLAIN_WIDTH = {
    code: chr(int(parts[1], 16))
    for code in range(0xFF01, 0xFFEF)
    if (parts := unicodedata.decomposition(chr(code)).split()) and parts[0] in ("<wide>", "<narrow>")
}


def normalized(text: str, settings: Normalizer) -> Normalized:
    """The result of ``settings.with_offsets(text)``."""
    mapped = _mapped(text)
    if settings.html_entities and _AMPERSAND.search(text):
        mapped = _decoded(mapped, settings.repeat_cap)
    pieces = _capped(_space_folded(_composed(mapped)), settings.repeat_cap)
    truncated = len(pieces) > settings.max_chars
    pieces = _stripped(pieces[: settings.max_chars])
    characters, starts, ends = zip(*pieces, strict=True) if pieces else ((), (), ())
    return Normalized("".join(characters), tuple(starts), tuple(ends), truncated)


def _capped(pieces: list[_Piece], repeat_cap: int) -> list[_Piece]:
    capped: list[_Piece] = []
    run = 0
    for character, start, end in pieces:
        run = run + 1 if capped and capped[-1][0] == character else 1
        if run <= repeat_cap:
            capped.append((character, start, end))
        else:
            capped[-1] = (character, capped[-1][1], end)
    return capped


_Piece = tuple[str, int, int]  # a character, and the start and end of its span in the original


def _mapped(text: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    for index, original in enumerate(text):
        character = _UNPLAIN_WIDTH.get(ord(original), original)
        category = unicodedata.category(character)
        if character.isspace() or character in _FILLERS:
            character = " "
        elif category == "Cs":
            character = _REPLACEMENT
        elif category in ("Cc", "Cf") or character in _INVISIBLE_MARKS:
            continue
        pieces.append((character, index, index + 1))
    return pieces


def _decoded(pieces: Sequence[_Piece], repeat_cap: int) -> list[_Piece]:
    """Decode HTML entities, also those that appear by decoding others, in one pass: work grows with the length only."""
    result: list[_Piece] = []
    begins: list[int] = []  # where an "&" is in ``result`` that only characters of entities follow
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
    return result


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


def _shortened_runs(text: str, repeat_cap: int) -> str:
    return _RUN.sub(lambda run: run[0][:repeat_cap], text)


def _composed(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Apply NFC to each cluster: a character with the marks or jamo that may join it. Long clusters are cut."""
    result: list[_Piece] = []
    begin = 0
    while begin < len(pieces):
        end = begin + 1
        while end < len(pieces) and _may_join(pieces[end][0]):
            end += 1
        cluster = pieces[begin:end][:_LONGEST_CLUSTER]
        before = "".join(piece[0] for piece in cluster)
        after = unicodedata.normalize("NFC", before)[:_LONGEST_CLUSTER]
        if after == before:
            result += [(c.translate(CONJOINING_TO_COMPATIBILITY), start, stop) for c, start, stop in cluster]
        else:
            span = cluster[0][1], cluster[-1][2]
            result += [(c, *span) for c in after.translate(CONJOINING_TO_COMPATIBILITY)]
        begin = end
    return result


def _may_join(character: str) -> bool:
    return "ᅠ" <= character <= "ᇿ" or unicodedata.category(character)[0] == "M"


def _space_folded(pieces: list[_Piece]) -> list[_Piece]:
    folded: list[_Piece] = []
    for character, start, end in pieces:
        if character == " " and folded and folded[-1][0] == " ":
            folded[-1] = (" ", folded[-1][1], end)
        else:
            folded.append((character, start, end))
    return _stripped(folded)


def _stripped(pieces: list[_Piece]) -> list[_Piece]:
    if pieces and pieces[0][0] == " ":
        pieces = pieces[1:]
    if pieces and pieces[-1][0] == " ":
        pieces = pieces[:-1]
    return pieces
