"""Save a run to a folder: report, predictions and other files, and the model as a bundle."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from toxiclf._files import is_writable, write_text
from toxiclf.balance.augmentation import Augmented
from toxiclf.bundle import folder as folders
from toxiclf.bundle import store
from toxiclf.bundle.manifest import Manifest
from toxiclf.datasets.comments import Comments
from toxiclf.datasets.splitting import Split
from toxiclf.errors import TrainingError, UsageError
from toxiclf.evaluation import learned_from
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.report import Report
from toxiclf.moderator import Moderator
from toxiclf.pipeline.calibrate import CalibratedModel, Checkpoints, learned_rows
from toxiclf.pipeline.earlier_run import RunData, check_earlier_run
from toxiclf.pipeline.training_set import write_copies
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_normalizer
from toxiclf.rows import Rejected, write_rejected
from toxiclf.text.encoder import TokenView
from toxiclf.text.given import path_given

_USE = """
## Use

```python
import toxiclf

moderator = toxiclf.load("bundle")
moderator.check("댓글")
```

The files are verified against manifest.json before anything is parsed; nothing in them is code.
"""
"""Last section of every model card."""


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with its report, as :func:`toxiclf.train` returns it.

    Attributes
    ----------
    report : Report
        Metrics, findings and run details.
    history : list of dict
        One row per epoch for networks, else empty. In an ensemble each row names its ``member``.
    rejected : tuple of (str, Rejected)
        Rejected rows, each with its file.
    predictions : Predictions or None
        Scores of the rows that the report evaluates; None if training diverged.

    Examples
    --------
    >>> import toxiclf
    >>> model = toxiclf.train("corpus:sample")
    >>> model.diverged, model.has_bundle, model.moderator.labels
    (False, True, ('toxic',))
    """

    report: Report
    history: list[dict[str, Any]]
    rejected: tuple[tuple[str, Rejected], ...]
    predictions: Predictions | None
    _recipe: Recipe
    _best_recipe: Recipe | None
    _parts: Split
    _copies: Augmented | None = None
    _moderator: Moderator | None = None
    _files: Mapping[str, bytes] = field(default_factory=dict)
    _checkpoints: Checkpoints | None = None

    def __repr__(self) -> str:
        lacks = "" if self.has_bundle else "\nno bundle: see the findings"
        return repr(self.report).replace("Report of", "TrainedModel:", 1) + lacks

    def _repr_html_(self) -> str:
        """Return the HTML that a notebook displays."""
        return self.report._repr_html_()

    @property
    def diverged(self) -> bool:
        """Whether training diverged, so that there is no model."""
        return self.predictions is None

    @property
    def has_bundle(self) -> bool:
        """Whether there is a model to score with; False if training diverged or the network has no ONNX form."""
        return self._moderator is not None

    @property
    def has_augmented(self) -> bool:
        """Whether the model learned from augmented copies of comments."""
        return self._copies is not None

    @property
    def moderator(self) -> Moderator:
        """The model, ready to score; the same model as :func:`toxiclf.load` returns after :meth:`save`.

        Raises
        ------
        TrainingError
            Training diverged, or the network has no ONNX form.
        """
        if self._moderator is None:
            finding = next(f for f in self.report.findings if f.code in ("diverged", "no_bundle"))
            raise TrainingError(f"{finding.message} {finding.next_step}")
        return self._moderator

    def save(
        self, folder: str | os.PathLike[str], *, keep_augmented: bool = False, comments: bool = True,
        overwrite: bool = False,
    ) -> Path:  # fmt: skip
        """Write report, predictions, recipes, rejected rows, history, and the bundle if it exists; return the folder.

        Files of an earlier run on the same data are replaced; with ``overwrite``, those of any run. If this run has no
        bundle, the bundle of the earlier run is renamed to ``bundle.previous``. Checkpoints of this run are deleted.
        With ``keep_augmented``, the augmented copies are written to ``augmented.csv``. With ``comments=False``, the
        report has no texts of comments.

        Raises
        ------
        UsageError
            ``keep_augmented`` is set, but the run has no augmented copies; the folder holds a run on other data and
            ``overwrite`` is not set; or its name ends in ``.zip``.
        """
        if keep_augmented and self._copies is None:
            raise UsageError("there are no augmented comments to keep; set balance.augment to a method")
        folder = path_given(folder, "folder", "a folder to write to")
        if not overwrite:
            check_earlier_run(folder, RunData.of_facts(self.report.data), self.report.recipe, "overwrite=True")
        if self._moderator is not None:
            store.check_replaceable(folder / "bundle")
        save_run(folder, partial(self._write, keep_augmented=keep_augmented, comments=comments))
        if self._checkpoints is not None:
            self._checkpoints.clear()
        return folder

    def _write(self, folder: Path, *, keep_augmented: bool, comments: bool) -> None:
        """Write the run into an empty folder; its folder ``bundle`` stays empty if there is no bundle."""
        write_text(folder / "recipe.toml", self._recipe.to_toml())
        if self._best_recipe is not None:
            write_text(folder / "best_recipe.toml", self._best_recipe.to_toml())
        if self.rejected:
            write_rejected(folder / "rejected.csv", self.rejected)
        if keep_augmented and self._copies is not None:
            learned = learned_rows(self._parts, self._best_recipe or self._recipe)
            write_copies(folder / "augmented.csv", self._copies, learned)
        if self.history:
            rows = [
                {key: None if isinstance(v, float) and not np.isfinite(v) else v for key, v in row.items()}
                for row in self.history
            ]
            write_text(folder / "history.json", json.dumps(rows, indent=1) + "\n")
        (folder / "bundle").mkdir()
        if self._moderator is not None:
            store.content(self._moderator.manifest, self._files)(folder / "bundle")
        if self.predictions is not None:
            self.predictions.write(folder)
            learned_parts = {"training": self._parts.train, "validation": self._parts.validation}
            learned_from.write(folder, learned_parts, recipe_normalizer(self._recipe))
        self.report.write(folder, comments=comments)


_OF_REPORT = (
    "report.json", "report.md", "report.html", "predictions.csv", "learned.csv", "rejected.csv", "augmented.csv", "figures",
)  # fmt: skip
"""The report and what belongs to it; the report comes first, so that it is never beside the bundle of another run."""
_OF_TRAINING = (*_OF_REPORT, "history.json", "best_recipe.toml", "recipe.toml")


def save_run(folder: Path, write: Callable[[Path], None]) -> None:
    """Replace the run in a folder: readers find the old run until the new one is complete; other files stay.

    Parameters
    ----------
    folder : folder of the run; created with its parents.
    write : called with an empty folder, into which it writes the run. An evaluation has no ``bundle`` and leaves that of the
        folder as it is; a training run without a bundle has an empty ``bundle``.
    """
    _check_name(folder)
    folders.replace(folder, write, _replaced)


def _replaced(new: Path) -> tuple[str, ...]:
    """Return the paths of the files that a new run replaces."""
    if (new / "bundle").is_dir():
        return (*_OF_TRAINING, *(f"bundle/{name}" for name in store.OURS))
    return _OF_REPORT


def check_writable(folder: Path, *, bundle: bool = True) -> None:
    """Check before training that a run can be saved in a folder, without changing the folder.

    Parameters
    ----------
    bundle : whether the run has a bundle; otherwise a ``bundle`` in the folder stays as it is.

    Raises
    ------
    UsageError, DataError : the folder cannot be made or written to, or its ``bundle`` is something other than a bundle.
    """
    _check_name(folder)
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.access(path, os.F_OK))
    if not is_writable(nearest):
        raise UsageError(
            f"{folder} cannot be written: {nearest} is not a folder that you may write to; choose another folder"
        )
    if bundle:
        store.check_replaceable(folder / "bundle")


def _check_name(folder: Path) -> None:
    if store.is_packed_name(folder):
        raise UsageError(
            f"a run is a folder, so {folder} cannot end in .zip; choose another name, and write the bundle as one file with "
            "toxiclf pack"
        )


def bundled(model: CalibratedModel, comments: Comments, recipe: Recipe, card: str) -> tuple[Manifest, dict[str, bytes]]:
    """Return the manifest of a model's bundle, and the contents of its other files by file name.

    Parameters
    ----------
    comments : all labeled rows of the run.
    card : text of the model card, in Markdown.
    """
    assert model.graph is not None  # callers check this: a model without ONNX form has no bundle
    encoder = model.fitted.encoder
    text, vocabulary = encoder.to_json()
    files = {
        "model.onnx": model.graph,
        "text.json": (json.dumps(text, ensure_ascii=False, indent=1) + "\n").encode(),
        "vocabulary.json": (json.dumps(vocabulary, ensure_ascii=False) + "\n").encode(),
        "README.md": (card + _USE).encode(),
    }
    try:
        manifest = Manifest(
            labels=comments.labels,
            thresholds=model.thresholds,
            negative=comments.negative,
            exclusive_verdict="arg_max" if model.arg_max else "thresholds",
            calibration=model.calibration,
            rates=() if model.calibration.method == "none" else model.rates,
            prior=model.prior,
            score_counts=model.score_counts,
            objective=recipe.decision.objective,
            model=recipe.model.name,
            text_column=comments.text_column,
            label_map=comments.label_map,
            tokenizer_versions={
                view.tokenizer.name: view.tokenizer.version
                for view in encoder.views.values()
                if isinstance(view, TokenView)
            },
            word_vectors=dict(model.fitted.origin),
            recipe_sha256=recipe.sha256(),
            data_sha256=comments.sha256(),
            versions=versions(),
            files=store.entries(files),
        )
    except ValidationError as error:
        reason = error.errors()[0]
        where = ".".join(map(str, reason["loc"]))
        raise TrainingError(
            f"a bundle cannot hold this model ({where}: {reason['msg']}); raise model.min_comments, or choose a smaller model"
        ) from error
    return manifest, files


def today() -> str:
    """Return the date for a report: the day of ``SOURCE_DATE_EPOCH`` if this variable is set, else the present day."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return (datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now()).date().isoformat()


def versions() -> dict[str, str]:
    """Return the versions of Python, toxiclf and the installed libraries that toxiclf uses, by name."""
    return dict(_installed())


@cache
def _installed() -> dict[str, str]:
    """Read the installed versions; cached, because a benchmark needs them for every run."""
    names = (
        "toxiclf", "mecab-python3", "python-mecab-ko-dic", "numpy", "scikit-learn", "gensim", "keras", "tensorflow", "onnx",
        "onnxruntime", "imbalanced-learn", "lightgbm", "xgboost-cpu",
    )  # fmt: skip
    installed = {"python": platform.python_version()}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            installed[name] = metadata.version(name)
    return installed
