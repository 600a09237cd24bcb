"""Read a saved run: its report and its predictions, after checking that they agree."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toxiclf.bundle import folder as folders
from toxiclf.bundle.verdicts import flags
from toxiclf.errors import DataError, ToxiclfError, UsageError
from toxiclf.evaluation import predictions
from toxiclf.evaluation.bootstrap import Evaluation
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.report import Report
from toxiclf.evaluation.run_folder import run_folder
from toxiclf.evaluation.scored import ScoredRows
from toxiclf.text.given import path_given

_TOLERANCE = 1e-9  # rounding differs with the order of a sum


@dataclass(frozen=True)
class SavedRun:
    """The report and the predictions of a run that ``toxiclf train`` or ``toxiclf evaluate --out`` wrote.

    Attributes
    ----------
    folder : folder of the run as the user gave it; an absolute path if they gave the folder of its bundle.
    report : the run's report.
    predictions : scores and targets of the evaluated rows.
    """

    folder: Path
    report: Report
    predictions: Predictions

    def check(self, evaluation: Evaluation) -> None:
        """Check that metrics in the report equal those computed from the predictions; unknown metrics are not checked.

        Raises
        ------
        DataError : a metric differs by more than 1e-9.
        """
        by_predictions = {(row.label, row.metric): row.value for row in evaluation.rows}
        for row in self.report.rows:
            if (row.label, row.metric) not in by_predictions:
                continue
            value = by_predictions[row.label, row.metric]
            if row.value is None and value is None:
                continue
            if row.value is None or value is None or abs(row.value - value) > _TOLERANCE:
                of_label = f" of label '{row.label}'" if row.label else ""
                values = f"{_shown(row.value)} in report.json, but {_shown(value)} by {predictions.FILE}"
                raise _disagreement(self.folder, f"{row.metric}{of_label} is {values}")


def read_run(path: str | os.PathLike[str]) -> SavedRun:
    """Read the report and the predictions of a run, and check that they agree.

    Parameters
    ----------
    path : folder of the run, or of the bundle in it.

    Raises
    ------
    UsageError : the folder is not that of a run, or the run has no scores.
    DataError : the report or the predictions were truncated or changed.
    """
    folder = run_folder(path_given(path, "run", "the folder of a run"))
    return folders.read([folder], "report.json", lambda place: _read_run(folder, place), ToxiclfError)


def _read_run(folder: Path, place: Path) -> SavedRun:
    """Read the run of ``folder``, whose files are in ``place``."""
    report = Report.read(place)
    if "diverged" in report.codes():
        raise UsageError(f"{folder} diverged in training, so there are no scores to compare; leave it out")
    if "evaluated_sha256" not in report.data:
        raise UsageError(
            f"{folder} was made by an older version, which did not write {predictions.FILE}, so there are no scores to "
            "compare; train the model again, or score its bundle: toxiclf evaluate BUNDLE COMMENTS --out DIR"
        )
    scored = predictions.read(place, report.labels)
    if scored.rows_sha256() != report.data["evaluated_sha256"]:
        raise _disagreement(folder, f"{predictions.FILE} holds other rows than report.json")
    thresholds = [report.thresholds[label] for label in report.labels]
    odd = (flags(scored.scores, thresholds, arg_max=report.arg_max) != scored.flagged).any(axis=1)
    if odd.any():
        line = scored.lines[odd.argmax()]
        decides = "scores" if report.arg_max else "score and the threshold in report.json"
        raise _disagreement(
            folder,
            f"the verdict in line {line} of {predictions.FILE} contradicts its {decides}",
        )
    return SavedRun(folder, report, scored)


def drawable_report(path: str | os.PathLike[str]) -> Report:
    """Read a saved run's report with its scored rows and training history, so that its figures can be drawn.

    Texts of comments are not loaded. The parameter and the errors are those of :func:`read_run`, except that a run
    without scores is no error: its report has the training history, but no scored rows.
    """
    folder = run_folder(path_given(path, "run", "the folder of a run"))
    report = Report.read(folder)
    history = _history(folders.newest(folder) / "history.json")
    if "diverged" in report.codes() or "evaluated_sha256" not in report.data:
        return report.with_rows(None, history)
    run = read_run(folder)
    rows = ScoredRows(
        name=report.evaluated_on,
        predictions=run.predictions,
        thresholds=tuple(report.thresholds[label] for label in report.labels),
        seed=report.seed,
        exclusive=bool(report.data.get("exclusive")) or report.arg_max,
        arg_max=report.arg_max,
    )
    return report.with_rows(rows, history)


def _history(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_text("utf-8"))
        return [dict(row) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} is not a history as toxiclf writes it ({error}); train again") from None


def _disagreement(folder: Path, reason: str) -> DataError:
    return DataError(
        f"{folder}: {reason}; one of the two was cut or changed after it was written: train or evaluate again"
    )


def _shown(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.6f}"
