"""Save a run: the files of its folder, and the bundle."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from toxiclf._files import write_text
from toxiclf.balance.augmentation import Augmented
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
from toxiclf.pipeline.training_set import write_copies
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_normalizer
from toxiclf.rows import Rejected, write_rejected
from toxiclf.text.encoder import TokenView

_USE = """
## Use

```python
import toxiclf

moderator = toxiclf.load("bundle")
moderator.check("댓글")
```

The files are verified against manifest.json before anything is parsed; nothing in them is code.
"""
"""What every model card ends with."""


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with its report; the result of :func:`toxiclf.train`.

    Attributes
    ----------
    report : Report
        All figures and findings.
    history : list of dict
        One row an epoch, for networks; else empty. In an ensemble each row names its ``member``.
    rejected : tuple of (str, Rejected)
        Rejected rows, each with its file.
    predictions : Predictions or None
        Scores of the rows of the report; None if training diverged.

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

    @property
    def diverged(self) -> bool:
        """Whether training ended without a model."""
        return self.predictions is None

    @property
    def has_bundle(self) -> bool:
        """Whether there is a model to score with; not where training diverged, or where the network has no ONNX form."""
        return self._moderator is not None

    @property
    def has_augmented(self) -> bool:
        """Whether augmentation wrote comments that the model learned from."""
        return self._copies is not None

    @property
    def moderator(self) -> Moderator:
        """The model, ready to score, as it is after :meth:`save` and :func:`toxiclf.load`.

        Raises
        ------
        TrainingError
            Training diverged, or the network has no ONNX form.
        """
        if self._moderator is None:
            finding = next(f for f in self.report.findings if f.code in ("diverged", "no_bundle"))
            raise TrainingError(f"{finding.message} {finding.next_step}")
        return self._moderator

    def save(self, folder: str | os.PathLike[str], *, keep_augmented: bool = False, comments: bool = True) -> Path:
        """Write the run: report, predictions, recipes, rejected rows, history and, where there is one, ``bundle/``.

        Files of an earlier run in the same folder are replaced; after a run without a bundle its bundle is called
        ``bundle.previous``. Checkpoints of the run are deleted. With ``keep_augmented`` the comments that augmentation wrote are in
        ``augmented.csv``, for reading. Without ``comments`` the report leaves out their texts.

        Raises
        ------
        UsageError
            ``keep_augmented`` without augmentation.
        """
        if keep_augmented and self._copies is None:
            raise UsageError("there are no augmented comments to keep; set balance.augment to a method")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.report.to_json()  # what cannot be written must not cost the old report
        remove_report(folder)
        (folder / "history.json").unlink(missing_ok=True)
        write_text(folder / "recipe.toml", self._recipe.to_toml())
        (folder / "best_recipe.toml").unlink(missing_ok=True)
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
        if self._moderator is None:
            store.keep_previous(folder / "bundle")
        else:
            store.save(folder / "bundle", self._moderator.manifest, self._files)
        if self.predictions is not None:
            self.predictions.write(folder)
            learned_parts = {"training": self._parts.train, "validation": self._parts.validation}
            learned_from.write(folder, learned_parts, recipe_normalizer(self._recipe))
        self.report.write(folder, comments=comments)
        if self._checkpoints is not None:
            self._checkpoints.clear()
        return folder


def remove_report(folder: Path) -> None:
    """Remove an earlier report from a folder, with the files that belong to it, before anything new is written.

    So a process that is killed on the way leaves no report, and never one beside another run's predictions or bundle.
    """
    for name in (
        "report.json",
        "report.md",
        "report.html",
        "predictions.csv",
        "learned.csv",
        "rejected.csv",
        "augmented.csv",
    ):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "figures", ignore_errors=True)


def check_writable(folder: Path) -> None:
    """Check before training that a run can be saved in a folder, without changing the folder.

    Raises
    ------
    UsageError, DataError : it cannot be made or written to, or something else stands where the bundle goes.
    """
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UsageError(
            f"{folder} cannot be written: {nearest} is not a folder that you may write to; choose another folder"
        )
    store.check_replaceable(folder / "bundle")


def bundled(model: CalibratedModel, comments: Comments, recipe: Recipe, card: str) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest of a model, and contents by name of the files beside it.

    Parameters
    ----------
    comments : all labeled rows that it came from.
    card : the model card, Markdown.
    """
    assert model.graph is not None  # else there is nothing to bundle
    encoder = model.fitted.encoder
    text, vocabulary = encoder.to_json()
    files = {
        "model.onnx": model.graph,
        "text.json": (json.dumps(text, ensure_ascii=False, indent=1) + "\n").encode(),
        "vocabulary.json": (json.dumps(vocabulary, ensure_ascii=False) + "\n").encode(),
        "README.md": (card + _USE).encode(),
    }
    manifest = Manifest(
        labels=comments.labels,
        thresholds=model.thresholds,
        negative=comments.negative,
        calibration=model.calibration,
        rates=() if model.calibration.method == "none" else model.rates,
        prior=model.prior,
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
    return manifest, files


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of the training libraries that are installed."""
    return dict(_installed())


@cache
def _installed() -> dict[str, str]:
    """Read once: a benchmark asks for each run."""
    names = (
        "toxiclf", "mecab-python3", "python-mecab-ko-dic", "numpy", "scikit-learn", "gensim", "keras", "tensorflow", "onnx",
        "onnxruntime", "imbalanced-learn", "lightgbm", "xgboost-cpu",
    )  # fmt: skip
    installed = {"python": platform.python_version()}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            installed[name] = metadata.version(name)
    return installed
