"""Bundles that were damaged: bytes flipped, cut, added, files swapped, removed or replaced by something else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.cases import Case, NotHeldError, contents
from tests.faults.stage import Stage, equal, scores
from toxiclf.errors import BundleError

FILES = ("manifest.json", "model.onnx", "text.json", "vocabulary.json", "README.md")
_scores = lru_cache(scores)


def _bytes(change: Callable[[bytearray, Random], Any]) -> Callable[[Path, Random, Path], None]:
    """A mutation of the bytes of a file."""

    def mutate(path: Path, random: Random, other: Path) -> None:
        content = bytearray(path.read_bytes())
        changed = change(content, random)
        path.write_bytes(content if changed is None else changed)

    return mutate


def _flip(content: bytearray, random: Random) -> None:
    for _ in range(random.choice([1, 1, 2, 16])):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _zero(content: bytearray, random: Random) -> None:
    at = random.randrange(len(content))
    content[at : at + random.randrange(1, 64)] = b"\0" * len(content[at : at + random.randrange(1, 64)])


def _digit(content: bytearray, random: Random) -> None:
    digits = [i for i, byte in enumerate(content) if chr(byte).isdigit()]
    if digits:
        i = random.choice(digits)
        content[i] = ord(str((content[i] - 48 + random.randrange(1, 10)) % 10))


def _insert(content: bytearray, random: Random) -> None:
    at = random.randrange(len(content))
    content[at:at] = random.randbytes(random.randrange(1, 64))


def _special(make: Callable[[Path], object]) -> Callable[[Path, Random, Path], None]:
    """A file replaced by something else."""

    def mutate(path: Path, random: Random, other: Path) -> None:
        path.unlink()
        make(path)

    return mutate


def _swap(path: Path, random: Random, other: Path) -> None:
    second = path.with_name(random.choice([name for name in FILES if name != path.name]))
    first = path.read_bytes()
    path.write_bytes(second.read_bytes())
    second.write_bytes(first)


def _of_another(path: Path, random: Random, other: Path) -> None:
    shutil.copyfile(other / path.name, path)


def _link_to_the_same(path: Path, random: Random, other: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _another_beside(path: Path, random: Random, other: Path) -> None:
    path.with_name(random.choice(["notes.txt", ".hidden", "model.onnx.data", "code.py"])).write_bytes(b"\x80\x04.")


MUTATIONS: dict[str, tuple[int, Callable[[Path, Random, Path], None]]] = {
    "bits flipped": (8, _bytes(_flip)),
    "another digit": (3, _bytes(_digit)),
    "zeros": (2, _bytes(_zero)),
    "cut at the end": (3, _bytes(lambda content, random: content[: random.randrange(len(content))])),
    "cut at the start": (2, _bytes(lambda content, random: content[random.randrange(1, len(content)) :])),
    "bytes added at the end": (2, _bytes(lambda content, random: content + random.randbytes(random.randrange(1, 999)))),
    "bytes inserted": (2, _bytes(_insert)),
    "twice": (1, _bytes(lambda content, random: content * 2)),
    "empty": (1, _bytes(lambda content, random: b"")),
    "line ends of Windows": (1, _bytes(lambda content, random: content.replace(b"\n", b"\r\n"))),
    "a byte order mark": (1, _bytes(lambda content, random: b"\xef\xbb\xbf" + content)),
    "two files swapped": (2, _swap),
    "the file of another bundle": (2, _of_another),
    "removed": (1, _special(lambda path: None)),
    "a folder": (1, _special(os.mkdir)),
    "a pipe": (1, _special(os.mkfifo)),
    "a link to nothing": (1, _special(lambda path: path.symlink_to("nowhere"))),
    "a link to itself": (1, _special(lambda path: path.symlink_to(path.name))),
    "a link to /dev/zero": (1, _special(lambda path: path.symlink_to("/dev/zero"))),
    "a link to a file outside": (1, _special(lambda path: path.symlink_to("/etc/passwd"))),
    "a link to the same file": (1, _link_to_the_same),
    "another file beside": (1, _another_beside),
}
"""Ways to damage a file, each with its weight."""


def cases(stage: Stage, seed: int, number: int) -> Iterator[Case]:
    """So many damaged bundles."""
    for i in range(number):
        random = Random(f"{seed} mutation {i}")
        kinds = sorted(stage.bundles)
        kind, file = kinds[i % len(kinds)], random.choice(FILES)
        (name,) = random.choices(list(MUTATIONS), [weight for weight, _ in MUTATIONS.values()])
        other = stage.bundles[kinds[(i + 1) % len(kinds)]]
        yield Case(f"{i} {kind}/{file}: {name}", partial(_try, stage.bundles[kind], other, file, name, random))


def _try(source: Path, other: Path, file: str, name: str, random: Random, folder: Path) -> None:
    expected = _scores(source)
    copy = Path(shutil.copytree(source, folder / "bundle"))
    before = contents(copy)
    MUTATIONS[name][1](copy / file, random, other)
    after = contents(copy)
    try:
        found = scores(copy)
    except BundleError:
        if before.items() <= after.items():
            raise NotHeldError("an unchanged bundle was refused") from None
        return
    except Exception as error:
        raise NotHeldError(f"{type(error).__name__}: {error}"[:300]) from error
    if not equal(found, expected):
        raise NotHeldError("a changed score")
    changed = {path for path in before if before[path] != after.get(path)}
    if changed - {"README.md"} and name != "a link to the same file":
        raise NotHeldError("a changed file was accepted")
