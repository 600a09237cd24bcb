"""Protects an earlier run in the folder of a new run: a run of other data is replaced only if the user says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toxiclf.bundle.folder import newest
from toxiclf.bundle.manifest import Manifest
from toxiclf.datasets.comments import Comments, consistent
from toxiclf.errors import ToxiclfError, UsageError
from toxiclf.evaluation.comparison import flattened
from toxiclf.evaluation.report import Report
from toxiclf.evaluation.sections import DataFacts
from toxiclf.recipe import Recipe
from toxiclf.recipe.loading import with_present_keys
from toxiclf.recipe.preprocessing import recipe_normalizer

_MOST_NAMED = 3  # labels and recipe keys that messages name


@dataclass(frozen=True)
class RunData:
    """The labeled comments of a run, as far as they are needed to tell whether two runs have the same data.

    Attributes
    ----------
    source, n_rows, classes : their file, their number, and the number of comments with each label.
    read_sha256 : hashes of the comments and, if it is separate, of the test set, as read; empty in older reports.
    sha256 : hash of the comments without contradictory ones.
    """

    source: str
    n_rows: int
    classes: Mapping[str, int]
    read_sha256: list[str]
    sha256: str | None

    @classmethod
    def of(cls, comments: Comments, test: Comments | None, recipe: Recipe) -> RunData:
        """Describe comments that were read, and a separate test set or None."""
        usable = consistent(comments, recipe_normalizer(recipe))
        return cls(comments.source, len(comments), comments.counts(), read_hashes(comments, test), usable.sha256())

    @classmethod
    def of_facts(cls, facts: DataFacts) -> RunData:
        """Describe the data of a report."""
        sets = [part for name, part in facts["sets"].items() if name != "test" or len(facts.get("read_sha256", ())) < 2]
        classes = {label: sum(part["classes"][label] for part in sets) for label in sets[0]["classes"]} if sets else {}
        rows = sum(part["rows"] for part in sets)
        return cls(facts["source"], rows, classes, facts.get("read_sha256", []), facts.get("sha256"))

    def equals(self, other: RunData) -> bool:
        """Return whether both are the same comments with the same labels."""
        if self.read_sha256 and other.read_sha256:
            return self.read_sha256 == other.read_sha256
        return self.sha256 is not None and self.sha256 == other.sha256

    def __str__(self) -> str:
        if not self.n_rows:
            return self.source
        counts = [f"{label} {count:,}" for label, count in self.classes.items()]
        counts = [*counts[:_MOST_NAMED], *(["…"] if len(counts) > _MOST_NAMED else [])]
        return f"{self.source} ({self.n_rows:,} comments: {', '.join(counts)})"


def read_hashes(comments: Comments, test: Comments | None) -> list[str]:
    """Return the hash of the comments as read and, if there is a separate test set, its hash."""
    return [part.sha256() for part in (comments, test) if part is not None]


def check_earlier_run(folder: Path, data: RunData | None, recipe: Mapping[str, Any], overwrite: str) -> str:
    """Check that a folder holds no run of other data; return a note about the run that will be replaced, or "".

    Parameters
    ----------
    data, recipe : data and recipe of the new training run; None and an empty recipe for an evaluation, which replaces
        every evaluation, because a bundle is soon evaluated again.
    overwrite : what the user adds to replace the run nevertheless, for the message.

    Raises
    ------
    UsageError : the folder holds a run of other data, a run that cannot be read, or an evaluation where a training run
        will be saved, and the reverse.
    """
    choice = f"choose another folder, or add {overwrite} to replace it"
    try:
        earlier, earlier_recipe = _earlier(folder)
    except (ToxiclfError, OSError) as error:
        raise UsageError(f"{folder} holds a run that cannot be read ({error}); {choice}") from None
    if earlier is None:
        return ""
    kinds = ["a training run" if kind else "an evaluation" for kind in (earlier_recipe, recipe)]
    if earlier_recipe is not None and kinds[0] != kinds[1]:
        raise UsageError(f"{folder} holds {kinds[0]} on {earlier}, not {kinds[1]}; {choice}")
    if data is not None and not earlier.equals(data):
        raise UsageError(f"{folder} holds a run on other data: {earlier}; the new data are {data}; {choice}")
    flat = [dict(flattened(with_present_keys(dict(each or {})))) for each in (earlier_recipe, recipe)]
    changed = sorted(key for key in flat[0].keys() | flat[1].keys() if flat[0].get(key) != flat[1].get(key))
    if not earlier_recipe or not changed:
        return ""
    keys = ", ".join([*changed[:_MOST_NAMED], *(["…"] if len(changed) > _MOST_NAMED else [])])
    return f"{folder} holds a run on the same data with another recipe ({keys}); the new run replaces it"


def _earlier(folder: Path) -> tuple[RunData | None, Mapping[str, Any] | None]:
    """Return data and recipe of the run in a folder; the recipe is None if only its bundle is there."""
    folder = newest(folder)
    if (folder / "report.json").is_file():
        report = Report.read(folder)
        return RunData.of_facts(report.data), report.recipe
    manifest = folder / "bundle" / "manifest.json"
    if not manifest.is_file():
        return None, None
    sha256 = Manifest.from_bytes(manifest.read_bytes()).data_sha256
    return RunData("the comments of its bundle", 0, {}, [], sha256), None
