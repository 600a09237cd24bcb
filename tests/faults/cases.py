"""Cases of the campaign, and what they ask of whatever they did: a sentence, the promised exit code, old or new files, whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults.processes import Ended


class NotHeldError(AssertionError):
    """A promise that was not kept."""


class NotTriedError(Exception):
    """A case that this machine, or this version of toxiclf, does not allow; the message says why."""


@dataclass(frozen=True)
class Case:
    """An attack. ``act`` gets an empty folder, and raises :class:`NotHeldError` if a promise was not kept."""

    name: str
    act: Callable[[Path], None]


Contents = Mapping[str, str]
"""What lies in a folder: SHA-256 of each file, or its kind, by relative path."""

_FORGING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")
"""Characters that control a terminal; a line end is looked for where the text of an attack would bring it."""
_WRITTEN_ASIDE = re.compile(r"(^|/)\.[^/]*|\.part$|\.tmp$")
_LOCK = re.compile(r"(^|/)\.[^/]*lock$")


_TIMED = re.compile(r"(^|/)(report\.(json|html)|table\.[a-z]+|rows/.*\.json)$")
"""Files that say how long something took: two runs write the same only by chance."""


def contents(folder: Path) -> Contents:
    """What lies in the folder, hidden files too, but not locks: an empty file may stay."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif not path.is_dir():
            found[name] = "special"
        elif not any(path.iterdir()):
            found[f"{name}/"] = "folder"
    return {name: content for name, content in found.items() if not _LOCK.search(name)}


def visible(found: Contents) -> Contents:
    """Only what has a name that people see: neither hidden nor a piece of a file."""
    return {name: content for name, content in found.items() if not _WRITTEN_ASIDE.search(name)}


def aside(found: Contents) -> list[str]:
    """Names of hidden files and of pieces of files."""
    return [name for name in found if _WRITTEN_ASIDE.search(name)]


@dataclass(frozen=True)
class Output:
    """What a command leaves when nothing disturbs it: all of its files, and which of them are always the same."""

    files: Contents
    stable: Collection[str]

    @classmethod
    def of(cls, first: Contents, second: Contents) -> Output:
        """The output of a command that ran twice."""
        if first.keys() != second.keys():
            raise NotHeldError(f"the same command writes other files: {sorted(first.keys() ^ second.keys())}")
        same = [name for name in first if first[name] == second[name]]
        return cls(first, [name for name in same if not _TIMED.search(name)])

    def differs(self, found: Contents) -> str:
        """How files differ from this output; empty if they do not."""
        if found.keys() != self.files.keys():
            missing, more = sorted(self.files.keys() - found.keys()), sorted(found.keys() - self.files.keys())
            return f"missing {missing[:4]}, unexpected {more[:4]}"
        wrong = [name for name in self.stable if found[name] != self.files[name]]
        empty = hashlib.sha256(b"").hexdigest()
        wrong += [name for name in found if found[name] == empty != self.files[name]]
        return f"other contents of {wrong[:4]}" if wrong else ""


def check_whole(found: Contents, *outputs: Output) -> Output:
    """Return the output that the visible files are; raise if they are none, so that something is half done."""
    seen = visible(found)
    differences = [output.differs(seen) for output in outputs]
    for output, difference in zip(outputs, differences, strict=True):
        if not difference:
            return output
    raise NotHeldError(f"neither old nor new: {' | '.join(differences)}")


def check_nothing_aside(found: Contents) -> None:
    """Raise if hidden files or pieces of files are left."""
    if left := aside(found):
        raise NotHeldError(f"left behind: {left[:4]}")


def check_said(ended: Ended, codes: Collection[int], *, lines: bool = False) -> None:
    """Raise unless a command ended with one of the codes and, if it failed, a sentence; no traceback, nothing forged.

    With ``lines``, no line of its messages may begin with "verified": what an attack wanted to have printed.
    """
    last = ended.err.strip().rsplit("\n", 1)[-1][-200:]
    if ended.code not in codes:
        raise NotHeldError(f"exit code {ended.code}, expected {' or '.join(map(str, codes))}: {last!r}")
    if "Traceback (most recent call last)" in ended.err or "Exception ignored in" in ended.err:
        raise NotHeldError(f"a traceback: {last!r}")
    if (
        ended.code > 0
        and ended.code not in (130, 141, 143)
        and not re.search(r"[A-Za-z]{2,} .*[A-Za-z]{2,}", ended.err)
    ):
        raise NotHeldError(f"exit code {ended.code} without a sentence: {last!r}")
    if forged := _FORGING.search(ended.err):
        raise NotHeldError(f"U+{ord(forged[0]):04X} reaches the terminal: {last!r}")
    if lines and re.search(r"^verified", ended.err, re.MULTILINE):
        raise NotHeldError(f"a forged line: {ended.err[-200:]!r}")
