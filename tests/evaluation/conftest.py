"""Runs made of scores, as `toxiclf evaluate --out` leaves them, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toxiclf._files import write_text
from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.bootstrap import SUMMARY, evaluate
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.report import Report
from toxiclf.evaluation.sections import LabelFigures, estimates


def comments_of(n: int, labels: Sequence[str] = ("toxic",), seed: int = 0) -> Comments:
    """Comments of which about a third have each label."""
    targets = (np.random.default_rng(seed).random((n, len(labels))) < 0.3).astype(np.uint8)
    return Comments([f"댓글 {i}" for i in range(n)], targets, tuple(labels), source="comments.csv")


def scores_of(comments: Comments, noise: float, seed: int = 0) -> np.ndarray:
    """Scores that tell toxic comments apart, the better the less noise."""
    drawn = np.random.default_rng(seed).normal(size=comments.targets.shape)
    return (1 / (1 + np.exp(-(comments.targets * 2.0 - 1 + drawn * noise)))).astype(np.float32)


def save_run(
    folder: Path, comments: Comments, scores: np.ndarray, *, threshold: float = 0.5, seed: int = 0, sha256: str = "",
    arg_max: bool = False, **changes: Any,
) -> Path:  # fmt: skip
    """Write ``report.json`` and the predictions of a run."""
    thresholds = [threshold] * len(comments.labels)
    predictions = Predictions.of(comments, scores, thresholds, arg_max=arg_max)
    evaluation = evaluate(scores, comments.targets, thresholds, comments.labels, seed=seed, arg_max=arg_max)
    fields: dict[str, Any] = {
        "model": "svm",
        "evaluated_on": "the test set",
        "summary": estimates(evaluation, SUMMARY),
        "labels": {label: LabelFigures.of(evaluation, label, threshold) for label in comments.labels},
        "confusion": evaluation.confusion,
        "exclusive_verdict": "arg_max" if arg_max else "thresholds",
        "class_confusion": evaluation.class_confusion
        and {"classes": [comments.negative, *comments.labels], "counts": evaluation.class_confusion},
        "data": {
            "source": comments.source,
            "label_options": comments.label_map.model_dump(mode="json", exclude_defaults=True),
            "sha256": sha256,
            "notes": [],
            "sets": {"test": {"rows": len(comments), "classes": comments.counts()}},
            "class_weights": [],
            "evaluated_sha256": predictions.rows_sha256(),
        },
        "findings": [],
        "recipe": {"seed": seed, "split": {"test": 0.2}, "model": {"name": "svm"}},
        "seed": seed,
        "versions": {},
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "report.json", Report.model_validate(fields | changes).to_json())
    predictions.write(folder)
    return folder
