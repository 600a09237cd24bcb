"""From labelled comments to a trained model and its report: the one way through."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from toxiclf.balance.weights import ClassWeights
from toxiclf.bundle import store
from toxiclf.bundle.manifest import Manifest
from toxiclf.bundle.scorer import Scorer
from toxiclf.corpus import public
from toxiclf.corpus.comments import Comments, check_classes, consistent
from toxiclf.corpus.reading import read_comments
from toxiclf.corpus.split import Split, split
from toxiclf.errors import TrainingError, UsageError
from toxiclf.evaluation import checks
from toxiclf.evaluation.checks import Finding
from toxiclf.evaluation.figures import write_figures
from toxiclf.evaluation.metrics import Evaluation, evaluate
from toxiclf.evaluation.report import Report, model_card, write_text
from toxiclf.learning import DivergedError, Learned, Say, decision_source, learn, recipe_normalizer
from toxiclf.moderator import Moderator
from toxiclf.recipe import NgramLogisticOptions, Recipe
from toxiclf.rows import Rejected, write_rejected
from toxiclf.text.encoder import TokenView

BASELINE = "ngram_logistic"


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with its report.

    Attributes
    ----------
    report : what is known of it.
    history : one row an epoch, of networks; else empty.
    rejected : rows set aside, each with its file.
    """

    report: Report
    history: list[dict[str, float]]
    rejected: tuple[tuple[str, Rejected], ...]
    _recipe: Recipe
    _moderator: Moderator | None
    _files: Mapping[str, bytes]
    _scores: NDArray[np.float32]
    _targets: NDArray[np.uint8]

    @property
    def diverged(self) -> bool:
        """Whether training ended without a usable model."""
        return self._moderator is None

    @property
    def moderator(self) -> Moderator:
        """The model, ready to score, as it is after :meth:`save` and :func:`toxiclf.load`.

        Raises
        ------
        TrainingError : training diverged.
        """
        if self._moderator is None:
            finding = self.report.findings[0]
            raise TrainingError(f"{finding.message} {finding.next_step}")
        return self._moderator

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the run: report, figures, recipe, rows set aside, history and, unless training diverged, ``bundle/``.

        Files of an earlier run in the same folder are replaced; after a diverged run its bundle is called ``bundle.previous``.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name in (
            "report.json",
            "report.md",
            "rejected.csv",
            "history.json",
        ):  # no report stands beside another run's bundle
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / "figures", ignore_errors=True)
        write_text(folder / "recipe.toml", self._recipe.to_toml())
        if self.rejected:
            write_rejected(folder / "rejected.csv", self.rejected)
        if self.history:
            rows = [{k: v if np.isfinite(v) else None for k, v in row.items()} for row in self.history]
            write_text(folder / "history.json", json.dumps(rows, indent=1) + "\n")
        figures: list[str] = []
        if self._moderator is not None:
            store.save(folder / "bundle", self._moderator.manifest, self._files)
            thresholds = self._moderator.manifest.thresholds
            names = write_figures(folder / "figures", self._scores, self._targets, thresholds, self.report.labels)
            figures = [f"figures/{name}" for name in names]
        else:
            store.set_aside(folder / "bundle")
        self.report.write(folder, figures)
        return folder


def train(
    comments: str | os.PathLike[str] | Comments,
    recipe: str | Path | Mapping[str, Any] | Recipe | None = None,
    *,
    test: str | os.PathLike[str] | Comments | None = None,
    say: Say = lambda message: None,
) -> TrainedModel:
    """Train a model on labelled comments.

    Parameters
    ----------
    comments : a file, ``corpus:NAME``, or comments from :func:`toxiclf.read_comments` or :meth:`toxiclf.Comments.of`.
    recipe : a preset's name, a TOML file, a mapping or a recipe; None for the default model.
    test : a test part of its own (the card's, for a corpus that has one); None to hold out a share of the rows.
    say : called with a sentence at each step.

    Raises
    ------
    DataError, UsageError : the data or the recipe do not fit; see :mod:`toxiclf.errors`.

    >>> import toxiclf
    >>> model = toxiclf.train("corpus:sample", {"seed": 1})
    >>> model.moderator.check("오늘도 좋은 하루 되세요").is_toxic
    False
    """
    recipe = Recipe.load(recipe)
    comments, test = read_parts(comments, test)
    normalizer = recipe_normalizer(recipe)
    comments = consistent(comments, normalizer)
    test = None if test is None else consistent(test, normalizer)
    check_classes(comments)
    parts = split(
        comments,
        test=recipe.split.test if test is None else test,
        validation=recipe.split.validation,
        seed=recipe.seed,
        normalizer=normalizer,
    )
    began = time.perf_counter()
    try:
        learned = learn(parts, recipe, say)
    except DivergedError as error:
        return _diverged(error, parts, comments, recipe)
    seconds = time.perf_counter() - began
    evaluated = _evaluated(learned, parts, recipe)
    baseline = _baseline(parts, recipe, evaluated, say)
    report = Report(
        model=recipe.model.name,
        evaluated_on=evaluated.rows,
        labels=comments.labels,
        rows=evaluated.evaluation.rows,
        confusion=evaluated.evaluation.confusion,
        baseline_rows=baseline.evaluation.rows if baseline is not None else [],
        thresholds=dict(zip(comments.labels, learned.thresholds, strict=True)),
        data={
            **_data(comments, parts, learned.fitted.weights, learned.source),
            "decision_average_precision": float(
                average_precision_score(learned.decision_targets, learned.decision_scores)
            ),
        },
        findings=list(_findings(learned, evaluated, baseline, parts, comments, recipe)),
        recipe=recipe.model_dump(mode="json"),
        seed=recipe.seed,
        versions=_versions(),
        timings={"fit_seconds": round(seconds, 2)},
    )
    moderator, files = _bundle(learned, comments, recipe, report)
    history = [dict(row) for row in learned.fitted.model.history_]
    rejected = _rejected(comments, parts)
    return TrainedModel(report, history, rejected, recipe, moderator, files, evaluated.scores, evaluated.targets)


def check_writable(folder: Path) -> None:
    """Find out before hours of training whether a run can be saved in a folder, and leave the folder as it is.

    Raises
    ------
    UsageError, DataError : it cannot be made or written to, or something else stands where the bundle goes.
    """
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UsageError(
            f"{folder} cannot be written: {nearest} is not a folder with leave to write; choose another folder"
        )
    store.check_replaceable(folder / "bundle")


def read_parts(
    comments: str | os.PathLike[str] | Comments, test: str | os.PathLike[str] | Comments | None, **columns: Any
) -> tuple[Comments, Comments | None]:
    """Read training rows and the test part; a corpus brings its own test part.

    Parameters
    ----------
    columns : text, label, negative and positive, as in :func:`toxiclf.corpus.reading.read_comments`.

    Raises
    ------
    UsageError : the two have different labels.
    """
    source = str(comments)
    if not isinstance(comments, Comments):
        comments = read_comments(comments, **columns)
        if test is None and source.startswith(public.PREFIX):
            card, part = public.parse(source)
            test = f"corpus:{card.name}/test" if part is None and card.part("test") is not None else None
    if test is not None and not isinstance(test, Comments):
        test = read_comments(test, part="test", like=comments, **columns)
    if test is not None and (test.labels, test.negative) != (comments.labels, comments.negative):
        raise UsageError(
            f"the test part has the labels {test.labels}, the training rows {comments.labels}; make them equal"
        )
    return comments, test


@dataclass(frozen=True)
class _Evaluated:
    """Scores of the rows that the report speaks of."""

    rows: str
    scores: NDArray[np.float32]
    targets: NDArray[np.uint8]
    truncated: int
    unknown: int
    evaluation: Evaluation


def _evaluated(learned: Learned, parts: Split, recipe: Recipe) -> _Evaluated:
    """Score the test part, once, by the graph that goes into the bundle; without one, take the decision's scores."""
    labels = parts.train.labels
    if parts.test is None:
        words = {"out_of_fold": "out-of-fold scores of all rows", "validation": "the validation part"}[learned.source]
        rows = f"{words} (no test part; calibration and thresholds were fitted to the same scores, so figures flatter)"
        scores, targets = learned.decision_scores, learned.decision_targets
        truncated = unknown = 0
    else:
        encoded = learned.fitted.encoder.encode(parts.test.texts)
        rows = "the test part"
        scores, targets = learned.calibration.apply(Scorer(learned.graph).run(encoded)), parts.test.targets
        truncated, unknown = int(encoded.truncated.sum()), int((~encoded.known).sum())
    evaluation = evaluate(scores, targets, learned.thresholds, labels, seed=recipe.seed)
    return _Evaluated(rows, scores, targets, truncated, unknown, evaluation)


def _baseline(parts: Split, recipe: Recipe, model: _Evaluated, say: Say) -> _Evaluated | None:
    """The ngram_logistic model on the same rows; None where it is the model itself."""
    if recipe.model == NgramLogisticOptions():
        return None
    say(f"{BASELINE}: fitting the baseline that every model is judged against")
    source = decision_source(recipe) if parts.test is None else "auto"
    decision = recipe.decision.model_copy(update={"source": source})
    plain = recipe.model_copy(update={"model": NgramLogisticOptions(), "decision": decision})
    learned = learn(parts, plain, lambda message: None)
    n = len(
        model.targets
    )  # without a test part, out-of-fold rows of a network are those of its training part, which come first
    first = replace(learned, decision_scores=learned.decision_scores[:n], decision_targets=learned.decision_targets[:n])
    return _evaluated(first, parts, recipe)


def _findings(
    learned: Learned,
    evaluated: _Evaluated,
    baseline: _Evaluated | None,
    parts: Split,
    comments: Comments,
    recipe: Recipe,
) -> Iterator[Finding]:
    labels = comments.labels
    yield from checks.check_scores(evaluated.scores, learned.thresholds, labels)
    if baseline is not None:
        yield from checks.check_baseline(evaluated.evaluation, baseline.evaluation)
    yield from checks.check_objective(learned.reached, labels, recipe.decision.objective)
    yield from checks.check_decision_rows(learned.decision_targets, labels, learned.source)
    if parts.test is not None:
        yield from checks.check_prevalence(parts.train.targets, parts.test.targets, labels)
    yield from checks.check_calibration(evaluated.scores, evaluated.targets, labels, recipe.decision.calibrate)
    rejected = len(_rejected(comments, parts))
    total = len(comments) + (len(parts.test) if parts.test is not None else 0) + rejected
    yield from checks.check_rows(
        rejected, total, parts.leaked, evaluated.truncated, evaluated.unknown, len(evaluated.scores)
    )


def _rejected(comments: Comments, parts: Split) -> tuple[tuple[str, Rejected], ...]:
    return comments.rejected + (parts.test.rejected if parts.test is not None else ())


def _data(comments: Comments, parts: Split, weights: Sequence[ClassWeights], source: str) -> dict[str, Any]:
    pieces = {"training": parts.train, "validation": parts.validation, "test": parts.test}
    return {
        "source": comments.source,
        "exclusive": comments.exclusive,
        "notes": [*comments.notes, *(parts.test.notes if parts.test is not None else ())],
        "rejected": len(_rejected(comments, parts)),
        "leaked": parts.leaked,
        "decision_source": source,
        "parts": {
            name: {"rows": len(piece), "classes": piece.counts()} for name, piece in pieces.items() if piece is not None
        },
        "class_weights": [
            {
                "class": name,
                "problem": entry.names[-1] if len(entry.names) == 2 else "all",
                "rows": rows,
                "weight": weight,
            }
            for entry in weights
            for name, rows, weight in zip(entry.names, entry.counts, entry.weights, strict=True)
        ],
        "sha256": comments.sha256(),
    }


def _diverged(error: DivergedError, parts: Split, comments: Comments, recipe: Recipe) -> TrainedModel:
    """The report of a run without a model."""
    history = [dict(row) for row in error.fitted.model.history_]
    finding = Finding(
        "diverged", "error", f"training diverged: the loss was no number any more in epoch {len(history)}; no bundle was made.",
        "Lower model.learning_rate, set model.clip_norm, or use a bounded activation (tanh).",
    )  # fmt: skip
    report = Report(
        recipe.model.name, "nothing: training diverged", comments.labels, [], {}, [], {},
        _data(comments, parts, error.fitted.weights, decision_source(recipe)), [finding],
        recipe.model_dump(mode="json"), recipe.seed, _versions(),
    )  # fmt: skip
    empty = np.zeros((0, len(comments.labels)))
    return TrainedModel(
        report, history, _rejected(comments, parts), recipe, None, {}, empty.astype(np.float32), empty.astype(np.uint8)
    )


def _bundle(learned: Learned, comments: Comments, recipe: Recipe, report: Report) -> tuple[Moderator, dict[str, bytes]]:
    """The model as it is saved, and the same thing loaded."""
    encoder = learned.fitted.encoder
    text, vocabulary = encoder.to_json()
    files = {
        "model.onnx": learned.graph,
        "text.json": (json.dumps(text, ensure_ascii=False, indent=1) + "\n").encode(),
        "vocabulary.json": (json.dumps(vocabulary, ensure_ascii=False) + "\n").encode(),
        "README.md": model_card(report).encode(),
    }
    manifest = Manifest(
        labels=comments.labels,
        thresholds=learned.thresholds,
        negative=comments.negative,
        calibration=learned.calibration,
        model=recipe.model.name,
        text_column=comments.text_column,
        label_map=comments.label_map,
        tokenizer_versions={
            view.tokenizer.name: view.tokenizer.version
            for view in encoder.views.values()
            if isinstance(view, TokenView)
        },
        recipe_sha256=recipe.sha256(),
        data_sha256=report.data["sha256"],
        versions=report.versions,
        files=store.entries(files),
    )
    return Moderator(manifest, encoder, Scorer(learned.graph)), files


def _versions() -> dict[str, str]:
    names = ("toxiclf", "numpy", "scikit-learn", "gensim", "keras", "tensorflow", "onnx", "onnxruntime", "skl2onnx")
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
