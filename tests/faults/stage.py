"""What attacks start from: comments, and bundles of several kinds, made once for a campaign."""

from __future__ import annotations

import csv
import fcntl
import importlib
import json
import pickle
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tests.faults.processes import command, run

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "corpora" / "sample_comments.csv"
OLD_BUNDLE = ROOT / "tests" / "fixtures" / "0.1" / "bundle"
FAST = ("--set", "model.jamo=3", "--set", "model.syllable=2", "--set", "decision.folds=2")
"""Settings with which the default model trains in a moment."""
WORDS = (
    "--model",
    "logistic",
    "--set",
    "vectors.size=16",
    "--set",
    "vectors.epochs=1",
    "--set",
    "decision.folds=2",
    "--seed",
    "1",
)
TEXTS = ("안녕 이거 뭐야", "", "가" * 3000, "시1발 ㅋㅋ", "가나 " * 500, "좋은 하루 보내세요", "\ud800", "꺼져 병신아")


@dataclass(frozen=True, eq=False)
class Stage:
    """Files that attacks read and never change.

    Attributes
    ----------
    folder : holds everything below.
    comments : some 150 labeled comments, enough to train on.
    many : 6,000 comments without labels.
    bundles : by kind: "ngrams", "words", "classes" (labels that exclude each other) and "0.1".
    run, other_run : runs on ``comments`` with the same test set; in a quick campaign they are one.
    quick : whether the campaign is a short one, and only "ngrams" and "0.1" exist.
    """

    folder: Path
    bundles: Mapping[str, Path]
    quick: bool = False

    @property
    def comments(self) -> Path:
        return self.folder / "comments.csv"

    @property
    def many(self) -> Path:
        return self.folder / "many.csv"

    @property
    def bundle(self) -> Path:
        return self.bundles["ngrams"]

    @property
    def other_run(self) -> Path:
        return self.bundles.get("words", self.bundle).parent

    @property
    def run(self) -> Path:
        return self.folder / "run"


def _noted(act: Callable[[], object]) -> None:
    """Do something, then use what it made, and write down which modules were imported."""
    acts = [act, command("predict", "x", "--bundle", "run"), command("figures", "run", "--out", "figures")]
    for each in acts:
        try:
            each()
        except SystemExit as error:
            if error.code:
                raise
    Path("modules.json").write_text(json.dumps(list(sys.modules)))


def _import(modules: Sequence[str]) -> None:
    """Import modules, so that the process of each attack need not; none that start threads of their own."""
    for name in modules:
        if name.partition(".")[0] not in ("tensorflow", "keras", "__main__", "__mp_main__"):
            with suppress(Exception):
                importlib.import_module(name)


def rows(number: int) -> list[tuple[str, str]]:
    """Comments of the sample corpus with their labels, a third of them toxic."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        known = [(row["comment"], row["label"]) for row in csv.DictReader(file)]
    toxic, others = ([row for row in known if row[1] == label] for label in "10")
    return [pair for i in range(number // 3) for pair in (others[2 * i], toxic[i % len(toxic)], others[2 * i + 1])]


def make(folder: Path, *, quick: bool = False) -> Stage:
    """Train what the attacks need, each in a process of its own; import here what the first one imported."""
    folder.mkdir(parents=True, exist_ok=True)
    labeled = rows(240)
    write(folder / "comments.csv", [("comment", "label"), *labeled])
    write(folder / "many.csv", [("id", "comment"), *((str(i), labeled[i % 240][0]) for i in range(6000))])
    kinds = [(text, "욕" if label == "1" else ("웃음" if "ㅋ" in text else "none")) for text, label in rows(600)]
    write(folder / "classes.csv", [("comment", "label"), *kinds])
    trained: dict[str, Sequence[str]] = {"run": ["comments.csv", *FAST, "--seed", "1"]}
    if not quick:
        trained["words"] = ["comments.csv", *WORDS]
        trained["classes"] = ["classes.csv", *FAST, "--negative", "none"]
    for name, arguments in trained.items():
        act = command("train", *arguments, "--out", name)
        ended = run(partial(_noted, act) if name == "run" else act, folder)
        if ended.code:
            raise RuntimeError(f"{name} cannot be trained: {ended.err}")
        if name == "run":
            _import(json.loads((folder / "modules.json").read_bytes()))
    shutil.copytree(OLD_BUNDLE, folder / "0.1")
    bundles = {"ngrams": folder / "run" / "bundle", "0.1": folder / "0.1"}
    bundles |= {name: folder / name / "bundle" for name in trained if name != "run"}
    return Stage(folder, bundles, quick)


def kept(stage: Stage, name: str, make: Callable[[], T]) -> T:
    """What ``make`` returns, made once for all processes of a campaign."""
    place = stage.folder / f"{name}.pickle"
    with place.with_suffix(".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            place.write_bytes(pickle.dumps(make()))
        found: T = pickle.loads(place.read_bytes())  # noqa: S301 - the campaign's own
        return found


def write(path: Path, table: Sequence[Sequence[str]]) -> None:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(table)


def scores(folder: Path) -> Any:
    """Scores of :data:`TEXTS` by a bundle; raises what loading and scoring raise."""
    import warnings

    import toxiclf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # another version of a library
        return toxiclf.load(folder).score(list(TEXTS))


def seal(folder: Path, manifest: Any, dumped: str | None = None) -> None:
    """Write a manifest, or its text, with sizes, hashes and the seal that it should have."""
    import hashlib

    blank = '"seal": "' + "0" * 64 + '"'
    text = json.dumps(manifest) if dumped is None else dumped
    seal = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    (folder / "manifest.json").write_bytes(text.replace(blank, f'"seal": "{seal}"').encode("utf-8", "surrogatepass"))


def described(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle with sizes and hashes of its present files and a blank seal."""
    import hashlib

    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    for name in manifest["files"]:
        content = (folder / name).read_bytes()
        manifest["files"][name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return manifest | {"seal": "0" * 64}


def equal(first: Any, second: Any) -> bool:
    """Whether scores are the same bits."""
    return first.shape == second.shape and np.asarray(first).tobytes() == np.asarray(second).tobytes()
