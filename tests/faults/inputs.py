"""Hostile files, names, recipes, bundles and flags: each ends with the exit code that is stated here, and a sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import zipfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from tests.faults.cases import Case, NotHeldError, check_nothing_aside, check_said, contents, visible
from tests.faults.processes import command, run
from tests.faults.stage import FAST, Stage

Content = bytes | Callable[[Path], object]


@dataclass(frozen=True)
class Input:
    """An attack: a command, the files that it finds, and the exit codes that are promised.

    Attributes
    ----------
    does : "train", "predict" or "evaluate", on the file; else the arguments of a command as they are.
    file : name and content of the file, or what makes it.
    """

    name: str
    does: str | tuple[str, ...]
    codes: Collection[int]
    file: tuple[str, Content] = ("x.csv", b"")
    more: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    stdin: bytes = b""


HEADER = b"comment,label\n"
_DIGITS = "9" * 5000


def _rows(
    comment: Callable[[int], str] = lambda i: f"댓글 {i}", label: Callable[[int], str] = lambda i: str(i % 2)
) -> bytes:
    """A labeled file of forty odd comments."""
    return HEADER + "".join(f"{comment(i)},{label(i)}\n" for i in range(60)).encode("utf-8", "surrogatepass")


def _lines(
    comment: Callable[[int], object] = lambda i: f"댓글 {i}", label: Callable[[int], str] = lambda i: str(i % 2)
) -> bytes:
    return "".join(f'{{"comment": {json.dumps(comment(i))}, "label": {label(i)}}}\n' for i in range(60)).encode()


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _workbook(sheet: bytes, shared: bytes = b"") -> bytes:
    """A workbook of one sheet."""
    start = b'<?xml version="1.0" encoding="UTF-8"?>'
    main = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = b"http://schemas.openxmlformats.org/package/2006/relationships"
    return _zip({
        "[Content_Types].xml": start + b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        b'<Override PartName="/xl/workbook.xml" ContentType='
        b'"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": start + b'<Relationships xmlns="' + package + b'"><Relationship Id="a" Type="' + relations
        + b'/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": start + b"<workbook " + main + b' xmlns:r="' + relations
        + b'"><sheets><sheet name="s" sheetId="1" r:id="a"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": start + b'<Relationships xmlns="' + package + b'"><Relationship Id="a" Type="'
        + relations + b'/worksheet" Target="worksheets/s.xml"/></Relationships>',
        "xl/worksheets/s.xml": sheet.replace(b"MAIN", main),
        **({"xl/sharedStrings.xml": shared} if shared else {}),
    })  # fmt: skip


_LAUGHS = (
    b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(12))
    + b"]><worksheet MAIN><sheetData><row><c t='inlineStr'><is><t>&m;</t></is></c></row></sheetData></worksheet>"
)
_OUTSIDE = (
    b'<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet MAIN><sheetData><row><c t="inlineStr"><is><t>&a;'
    b"</t></is></c></row></sheetData></worksheet>"
)
_ZEROS = b"\0" * (64 * 2**20)


def _unreadable() -> dict[str, tuple[str, Content]]:
    """Files that no command can read."""
    return {
        "empty": ("x.csv", b""),
        "only line ends": ("x.csv", b"\n\r\n\r\n"),
        "UTF-16": ("x.csv", "\ufeffcomment,label\n안녕,1\n".encode("utf-16-le")),
        "UTF-16, other order": ("x.csv", "\ufeffcomment,label\n안녕,1\n".encode("utf-16-be")),
        "UTF-32": ("x.csv", "\ufeffcomment,label\n안녕,1\n".encode("utf-32-le")),
        "a PDF": ("x.csv", b"%PDF-1.7\n" + bytes(range(256))),
        "a web page": ("x.csv", b"<!DOCTYPE html><html><script>alert(1)</script></html>"),
        "an old workbook": ("x.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)),
        "an archive": ("x.csv", _zip({"a": b"b"})),
        "gzip by content only": ("x.csv", gzip.compress(_rows())),
        "a broken gzip": ("x.csv.gz", b"\x1f\x8b\x08\x00 broken"),
        "a cut gzip": ("x.csv.gz", gzip.compress(_rows() * 99)[:-20]),
        "no gzip": ("x.csv.gz", _rows()),
        "a gzip of nothing": ("x.csv.gz", gzip.compress(b"")),
        "a cut bzip2": ("x.csv.bz2", bz2.compress(_rows() * 99)[:-20]),
        "a cut xz": ("x.csv.xz", lzma.compress(_rows() * 99)[:-20]),
        "no workbook": ("x.xlsx", b"PK\x03\x04 broken"),
        "a workbook without a sheet": ("x.xlsx", _zip({"a": b"b"})),
        "a workbook of laughs": ("x.xlsx", _workbook(_LAUGHS)),
        "a workbook of a file outside": ("x.xlsx", _workbook(_OUTSIDE)),
        "a workbook that unpacks to zeros": ("x.xlsx", _workbook(_ZEROS)),
        "a workbook of broken XML": ("x.xlsx", _workbook(b"<worksheet MAIN><sheetData><row><c t='s'><v>9</v>")),
        "a deep JSON array": ("x.json", b"[" * 100_000),
        "deep JSON objects": ("x.json", b'[{"a":' * 50_000),
        "a broken JSON array": ("x.json", b'[{"comment": "a", "label": 1}, {"comment": '),
        "a JSON array of numbers": ("x.json", b"[1, 2, 3]"),
        "JSON Lines of nothing": ("x.jsonl", b"1\n2\n"),
        "a folder": ("x.csv", os.mkdir),
        "a link to itself": ("x.csv", lambda path: path.symlink_to(path.name)),
        "a link to nothing": ("x.csv", lambda path: path.symlink_to("nowhere")),
        "no file": ("x.csv", lambda path: None),
    }


_TRAIN_ONLY: dict[str, tuple[str, Content]] = {
    "a header only": ("x.csv", HEADER),
    "one row": ("x.csv", HEADER + b"a,1\n"),
    "one class": ("x.csv", _rows(label=lambda i: "0")),
    "all toxic": ("x.csv", _rows(label=lambda i: "1")),
    "comments that are all equal": ("x.csv", _rows(comment=lambda i: "같은 말")),
    "empty comments": ("x.csv", _rows(comment=lambda i: "")),
    "NULs": ("x.csv", b"\0" * 5000),
    "random bytes": ("x.csv", Random(0).randbytes(20_000)),
    "a picture": ("x.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20),
    "a program": ("x.csv", b"\x7fELF\x02\x01\x01" + bytes(500)),
    "labels of 5,000 digits": ("x.csv", _rows(label=lambda i: _DIGITS)),
    "labels of 5,000 digits, JSON": ("x.jsonl", _lines(label=lambda i: _DIGITS)),
    "labels of 1e400, JSON": ("x.jsonl", _lines(label=lambda i: "1e400")),
    "labels not finite": ("x.csv", _rows(label=lambda i: ("nan", "inf", "-inf")[i % 3])),
    "each label another": ("x.csv", _rows(label=str)),
    "labels as objects": ("x.jsonl", _lines(label=lambda i: '{"a": [1, {}]}')),
    "a broken Parquet": ("x.parquet", b"PAR1 broken PAR1"),
    "a Parquet of nothing": ("x.parquet", b"PAR1PAR1"),
    "a Parquet with a large footer": ("x.parquet", b"PAR1" + b"\0" * 100 + b"\xff\xff\xff\x7fPAR1"),
    "a million commas": ("x.csv", b"," * 10**6 + b"\n" + b"," * 10**6),
}
"""Files that can be read, but not trained on."""


def _columns(number: int, name: Callable[[int], str]) -> bytes:
    header = ",".join(["comment", "label", *map(name, range(number))])
    row = "," * number
    return (header + "\n" + "".join(f"댓글 {i},{i % 2}{row}\n" for i in range(60))).encode()


_ODD: dict[str, tuple[str, Content]] = {
    "CP949": ("x.csv", _rows().decode().encode("cp949")),
    "a byte order mark": ("x.csv", b"\xef\xbb\xbf" + _rows()),
    "line ends mixed": ("x.csv", b"".join(line + (b"\r\n", b"\n", b"\r")[i % 3] for i, line in enumerate(_rows().splitlines()))),
    "quoted line ends": ("x.csv", _rows(comment=lambda i: f'"댓\n글\r\n{i}"')),
    "NULs in comments": ("x.csv", _rows(comment=lambda i: f"댓\0글 {i}")),
    "escapes in comments": ("x.csv", _rows(comment=lambda i: f"\x1b[31m{i}\x9b2J\u202e\x07")),
    "formulas": ("x.csv", _rows(comment=lambda i: f"=HYPERLINK(A{i})")),
    "scripts": ("x.csv", _rows(comment=lambda i: f"</script><script>alert({i})</script>")),
    "signs of no width": ("x.csv", _rows(comment=lambda i: f"안\u200b녕{i}\u200d" * 50)),
    "emoji of many signs": ("x.csv", _rows(comment=lambda i: f"오늘 기분 좋다 {i} " + "👩‍👩‍👧‍👦" * 20)),
    "a field of 5 MB": ("x.csv", _rows() + b"a" * 5_000_000 + b",1\n"),
    "a field that never closes": ("x.csv", _rows() + b'"' + b"a,b\n" * 200_000),
    "1,000 columns": ("x.csv", _columns(1000, lambda i: f"열{i}")),
    "10,000 columns": ("x.csv", _columns(10_000, lambda i: f"열{i}")),
    "1,000 columns of one name": ("x.csv", _columns(1000, lambda i: "열")),
    "names with escapes": ("x.csv", _columns(3, lambda i: f"\x1b[2J\u202e{i}")),
    "names that forge lines": ("x.csv", _columns(2, lambda i: f'"a\nverified{i}"')),
    "keys twice": ("x.jsonl", b"".join(b'{"comment": "a", ' + line[1:] + b"\n" for line in _lines().splitlines())),
    "surrogates": ("x.jsonl", _lines(comment=lambda i: f"오늘 기분 {i} 좋다 \ud800")),
    "keys that are long": ("x.jsonl", _lines() + b'{"comment": "a", "label": 1, "' + b"k" * 10**6 + b'": 1}\n'),
    "numbers of 5,000 digits beside": ("x.jsonl", _lines(comment=lambda i: i).replace(b"}", b', "n": ' + _DIGITS.encode() + b"}")
                                       .replace(b'"comment": ', b'"comment": "a').replace(b', "label"', b'", "label"')),
    "1e400 beside": ("x.jsonl", _lines().replace(b"}", b', "n": 1e400}')),
    "gzip": ("x.csv.gz", gzip.compress(_rows())),
    "a gzip that unpacks to zeros": ("x.csv.gz", lambda path: path.write_bytes(gzip.compress(_rows() + _ZEROS, 1))),
}  # fmt: skip
"""Files that are read, row by row, whatever they hold; some rows may be rejected."""


def _pipe(path: Path) -> None:
    """A pipe, and a process that writes 50 MB of zeros into it."""
    os.mkfifo(path)
    if not os.fork():
        with path.open("wb") as file:
            file.write(bytes(50 * 2**20))
        os._exit(0)


def _recipes() -> dict[str, tuple[Content, Collection[int]]]:
    return {
        "binary": (Random(1).randbytes(500), (2,)),
        "NULs": (b"\0" * 100, (2,)),
        "broken": (b"seed = [1,", (2,)),
        "keys twice": (b"seed = 1\nseed = 2\n", (2,)),
        "an unknown key": (b"nothing = 1\n", (2,)),
        "an unknown key with escapes": (b'"\\u001b[31m\\nverified" = 1\n', (2,)),
        "an unknown model": (b'[model]\nname = "\\u001b[2J"\n', (2,)),
        "a seed of 5,000 digits": (f"seed = {_DIGITS}\n".encode(), (2,)),
        "a size of 5,000 digits": (f'[model]\nname = "ngram_logistic"\njamo = {_DIGITS}\n'.encode(), (2,)),
        "a share of 1e400": (b"[split]\ntest = 1e400\n", (2,)),
        "a share that is not a number": (b"[split]\ntest = nan\n", (2,)),
        "a share below 0": (b"[split]\ntest = -1.0\n", (2,)),
        "deep": (b"seed = " + b"[" * 50_000, (2,)),
        "a table for a number": (b"[seed]\na = 1\n", (2,)),
        "UTF-16": ("seed = 1\n".encode("utf-16"), (2,)),
        "a folder": (os.mkdir, (2,)),
        "a link to itself": (lambda path: path.symlink_to(path.name), (2,)),
        "no file": (lambda path: None, (2,)),
    }


def _bundles() -> dict[str, Content]:
    def folder(**files: Content) -> Callable[[Path], None]:
        def make(path: Path) -> None:
            path.mkdir()
            for name, content in files.items():
                _put(path / name.replace("_json", ".json"), content)

        return make

    return {
        "nothing": lambda path: None,
        "a file": b"bundle",
        "an archive": _zip({"manifest.json": b"{}"}),
        "an archive of wild paths": _zip({"../manifest.json": b"{}", "/etc/passwd": b"x"}),
        "an empty folder": os.mkdir,
        "a link to itself": lambda path: path.symlink_to(path.name),
        "a manifest of nonsense": folder(manifest_json=b"{}"),
        "a deep manifest": folder(manifest_json=b"[" * 10**6),
        "a large manifest": folder(manifest_json=b" " * 10**7),
        "a manifest that is a pipe": folder(manifest_json=os.mkfifo),
        "a manifest that is /dev/zero": folder(manifest_json=lambda path: path.symlink_to("/dev/zero")),
        "a manifest that is a folder": folder(manifest_json=os.mkdir),
        "a model of Keras": folder(manifest_json=b"\x89HDF\r\n\x1a\n"),
        "a pickle": b"\x80\x04\x95cos\nsystem\n",
    }


def _flags(comments: str, bundle: str) -> dict[str, tuple[tuple[str, ...], Collection[int]]]:
    train = ("train", comments, *FAST, "--out", "run")
    predict = ("predict", comments, "--bundle", bundle, "--out", "out.csv")
    one = ("predict", "안녕", "--bundle", bundle)
    return {
        "--label with a line end": ((*train, "--label", "a\nverified"), (2,)),
        "--label with escapes": ((*train, "--label", "\x1b[31m\u202e"), (2,)),
        "--text with escapes": ((*train, "--text", "\x9b31m"), (2,)),
        "--text with a surrogate": ((*train, "--text", "\udcff"), (2,)),
        "--label empty": ((*train, "--label", ""), (0, 2)),
        "--negative unknown": ((*train, "--negative", "\x1b[2J"), (2, 3)),
        "--delimiter of two signs": ((*train, "--delimiter", "ab"), (2,)),
        "--delimiter of a line end": ((*train, "--delimiter", "\n"), (2,)),
        "--positive-from not a number": ((*train, "--positive-from", "nan"), (2,)),
        "--positive-from 1e400": ((*train, "--positive-from", "1e400"), (2,)),
        "--max-rejected 2": ((*train, "--max-rejected", "2"), (2,)),
        "--max-rejected nan": ((*train, "--max-rejected", "nan"), (2,)),
        "--seed -1": ((*train, "--seed", "-1"), (2,)),
        "--seed of 5,000 digits": ((*train, "--seed", _DIGITS), (2,)),
        "--set of 5,000 digits": ((*train, "--set", f"model.jamo={_DIGITS}"), (2,)),
        "--set without a value": ((*train, "--set", "model.jamo"), (2,)),
        "--set of a deep key": ((*train, "--set", "a." * 5000 + "b=1"), (2,)),
        "--set of deep brackets": ((*train, "--set", "text.views=" + "[" * 50_000), (2,)),
        "--sheet of a CSV file": ((*train, "--sheet", "x"), (2,)),
        "--out below a file": ((*train[:-1], f"{comments}/run"), (2,)),
        "--out in /proc": ((*train[:-1], "/proc/run"), (1, 2)),
        "--out with a NUL's neighbor": ((*train[:-1], "\x01\x1b[31m/run"), (0, 2)),
        "--out of a long name": ((*train[:-1], "x" * 300), (1, 2)),
        "--threshold nan": ((*predict, "--threshold", "nan"), (2,)),
        "--threshold 2": ((*predict, "--threshold", "2"), (2,)),
        "--threshold of an unknown label": ((*predict, "--threshold", "\x1b[2J=0.5"), (2,)),
        "--prior 0": ((*predict, "--prior", "0"), (2,)),
        "--prior nan": ((*predict, "--prior", "nan"), (2,)),
        "--prior 1e400": ((*predict, "--prior", "1e400"), (2,)),
        "--out over the input": (("predict", "x.csv", "--bundle", bundle, "--out", "x.csv"), (2,)),
        "--out without an ending": (("predict", comments, "--bundle", bundle, "--out", "out.\x1b[31m"), (2,)),
        "--out and --rejected alike": ((*predict, "--rejected", "out.csv"), (2,)),
        "--out into a folder that is missing": ((*predict[:-1], "no/such/out.csv"), (2,)),
        "a comment of surrogates": (("predict", "\udc80\udcff", *one[2:]), (0, 2)),
        "a comment of escapes": (("predict", "\x1b[31m\u202e\x9b", *one[2:]), (0,)),
        "a comment of a million signs": (("predict", "가" * 10**6, *one[2:]), (0,)),
        "an empty comment": (("predict", "", *one[2:]), (0, 2)),
        "a file with a name of escapes": (("predict", "\x1b[31m.csv", *one[2:]), (0, 3)),
        "a file with a name that forges a line": (("train", "x\nverified.csv"), (2, 3)),
        "an unknown command with escapes": (("\x1b[31m\nverified",), (2,)),
        "an unknown flag with escapes": (("train", "--\x1b[31m"), (2,)),
        "a corpus outside": (("train", "corpus:../../etc/passwd"), (2, 3)),
        "a corpus with escapes": (("corpora", "fetch", "\x1b[31m\nverified"), (2,)),
        "no corpus": (("corpora", "fetch", "no_such"), (2,)),
        "a figure that is unknown": (("figures", str(Path(bundle).parent), "--out", "f", "--only", "\x1b[31m"), (2,)),
        "seeds backward": (("benchmark", "--corpus", comments, "--model", "majority", "--seeds", "5..1", "--out", "b"), (2,)),
        "a million million seeds": (
            ("benchmark", "--corpus", comments, "--model", "majority", "--seeds", f"0..{10**12}", "--out", "b"), (2,)
        ),
        "no jobs": (("benchmark", "--corpus", comments, "--model", "majority", "--jobs", "0", "--out", "b"), (2,)),
        "a plan of nonsense": (("benchmark", "x.csv", "--out", "b"), (2,)),
        "runs that are none": (("compare", "/etc", "/proc"), (2, 3)),
    }  # fmt: skip


def _corpora() -> list[Input]:
    wrong = ("corpora/curse/curse.csv", b"x")
    return [
        Input("corpora: the cache is a file", ("corpora", "list"), (0,), ("c", b"x"), environment=(("TOXICLF_CACHE", "c"),)),
        Input("corpora: a file as folder", ("corpora", "list"), (0, 2, 3), ("c", b"x"), environment=(("TOXICLF_CORPORA", "c"),)),
        Input("corpora: the folder is missing", ("train", "corpus:curse"), (3,), environment=(("TOXICLF_CORPORA", "no"),)),
        Input("corpora: a wrong file", ("train", "corpus:curse"), (3,), wrong, environment=(("TOXICLF_CORPORA", "corpora"),)),
        Input("corpora: a link to itself", ("train", "corpus:curse"), (3,), ("c", lambda path: path.symlink_to("c")),
              environment=(("TOXICLF_CORPORA", "c"),)),
        Input("corpora: the cache is /dev/null", ("train", "corpus:curse"), (3,), environment=(("TOXICLF_CACHE", "/dev/null"),)),
    ]  # fmt: skip


def _all(stage: Stage) -> list[Input]:
    bundle, comments = str(stage.bundle), str(stage.comments)
    found = []
    for name, file in _unreadable().items():
        found += [Input(f"train: {name}", "train", (3,), file), Input(f"predict: {name}", "predict", (0, 3), file)]
    found += [Input(f"train: {name}", "train", (2, 3), file) for name, file in _TRAIN_ONLY.items()]
    for name, file in _ODD.items():
        codes = (0, 3) if "5,000 digits" in name else (0,)  # rows with such numbers may be rejected
        found.append(Input(f"predict: {name}", "predict", codes, file, ("--text", "comment")))
        if "zeros" not in name and "never closes" not in name:
            found.append(
                Input(f"train: {name}", "train", codes, file, ("--text", "comment", "--label", "label", *FAST))
            )
            found.append(Input(f"evaluate: {name}", "evaluate", codes, file, ("--text", "comment", "--label", "label")))
    zeros = ("x.csv", _pipe)
    found += [
        Input("train: a pipe of zeros", "train", (2, 3), zeros),
        Input("predict: a pipe of zeros", "predict", (0, 3), zeros),
    ]
    for name, (content, codes) in _recipes().items():
        train = ("train", comments, "--out", "run", "--recipe", "r.toml")
        found.append(Input(f"recipe: {name}", train, codes, ("r.toml", content)))
    for name, content in _bundles().items():
        found.append(Input(f"bundle: {name}", ("predict", "안녕", "--bundle", "b"), (4,), ("b", content)))
    for name, (arguments, codes) in _flags(comments, bundle).items():
        found.append(Input(f"flags: {name}", arguments, codes, ("x.csv", _rows())))
    return [*found, *_corpora()]


NUMBER = 250
"""At least so many are tried in a full campaign: all that there are."""


def cases(stage: Stage, seed: int, number: int) -> Iterator[Case]:
    """All inputs; or so many of them, by chance, that are refused quickly."""
    found = _all(stage)
    if number < 100:
        found = Random(f"{seed} some inputs").sample(
            [each for each in found if "train:" not in each.name or 0 not in each.codes], number
        )
    for each in found:
        yield Case(each.name, partial(_try, stage, each))


def _put(path: Path, content: Content) -> None:
    if isinstance(content, bytes):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    else:
        content(path)


def _try(stage: Stage, attack: Input, folder: Path) -> None:
    name, content = attack.file
    _put(folder / name, content)
    before = contents(folder)
    arguments = {
        "train": ("train", name, "--out", "run", *attack.more),
        "predict": ("predict", name, "--bundle", str(stage.bundle), "--out", "out.csv", *attack.more),
        "evaluate": ("evaluate", str(stage.bundle), name, "--out", "run", *attack.more),
    }.get(attack.does if isinstance(attack.does, str) else "", attack.does)
    assert not isinstance(arguments, str)
    ended = run(command(*arguments), folder, 120, environment=dict(attack.environment), stdin=attack.stdin)
    check_said(ended, attack.codes, lines=True)
    after = contents(folder)
    check_nothing_aside(after)
    if changed := [path for path in before if after.get(path) not in (before[path], "special")]:
        raise NotHeldError(f"the input was changed: {changed[:4]}")
    written = [path for path in visible(after) if path not in before]
    if ended.code == 0:
        return
    if results := [path for path in written if "rejected" not in path and not path.endswith("/")]:
        raise NotHeldError(f"exit code {ended.code}, but {results[:4]} were written")
