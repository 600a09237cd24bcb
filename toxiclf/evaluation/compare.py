"""Compare runs on the same comments, and test whether a metric differs significantly."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from toxiclf.errors import UsageError, unknown_name
from toxiclf.evaluation.bootstrap import SUMMARY, Evaluation, evaluate, paired_difference, paired_draws
from toxiclf.evaluation.comparison import ComparedRun, Comparison, Difference, flattened, setting
from toxiclf.evaluation.metrics import Kind, lower_is_better, main_metrics
from toxiclf.evaluation.predictions import Predictions
from toxiclf.evaluation.prevalence import Floats
from toxiclf.evaluation.report import Report
from toxiclf.evaluation.saved import SavedRun, read_run
from toxiclf.evaluation.statistics import holm
from toxiclf.recipe.loading import with_present_keys
from toxiclf.recipe.preprocessing import NORMALIZER_KEYS
from toxiclf.text.given import described

_OF_TEST_SET = ("seed", "split.test", *NORMALIZER_KEYS)
"""Recipe keys that decide which comments are in the test set."""


def compare(runs: Sequence[str | os.PathLike[str]], *, metric: str = "average_precision") -> Comparison:
    """Compare runs on the same comments.

    Parameters
    ----------
    runs : sequence of str or path
        Folders that ``toxiclf train`` or ``toxiclf evaluate --out`` wrote; the first is the reference.
    metric : str
        The primary metric. Only its differences, over all labels, have a verdict, corrected for the number of runs
        (Holm 1979); all others are descriptive. Choose it before you look at the results.

    Returns
    -------
    Comparison
        Metrics of each run, and their differences from the reference with intervals.

    Raises
    ------
    UsageError
        There are fewer than two runs, a run is given twice, a folder is not a run, labels or comments differ, or the
        metric is unknown.
    DataError
        A run's files were truncated or changed.

    Examples
    --------
    >>> import tempfile, toxiclf
    >>> recipes = {name: {"decision": {"objective": name}} for name in ("f1", "f2")}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = [toxiclf.train("corpus:sample", recipes[name]).save(f"{folder}/{name}") for name in recipes]
    ...     comparison = compare(runs)
    >>> comparison.recipe()
    {'decision.objective': {'f1': 'f1', 'f2': 'f2'}}
    >>> [row.verdict for row in comparison.differences if row.metric == "average_precision"]
    ['not significant', 'descriptive']
    """
    if isinstance(runs, str | bytes | os.PathLike) or not isinstance(runs, Sequence):
        raise UsageError(f"runs is {described(runs)}; expected a list of two or more run folders")
    if len(runs) < 2:
        raise UsageError("one run cannot be compared; give two or more run folders")
    saved = [read_run(path) for path in runs]
    folders = [run.folder.resolve() for run in saved]
    for i, folder in enumerate(folders):
        if folder in folders[:i]:
            raise UsageError(f"{runs[i]} is given twice; give each run once")
    names = _names(folders)
    for name, run in zip(names[1:], saved[1:], strict=True):
        _check_same_rows(names[0], saved[0], name, run)
    aligned = _aligned([run.predictions for run in saved])
    seeds = {run.report.seed for run in saved}
    seed = seeds.pop() if len(seeds) == 1 else 0  # if all runs share a seed, intervals equal those in their reports
    kinds = {run.report.kind for run in saved}
    kind: Kind = kinds.pop() if len(kinds) == 1 else "labels"  # exclusive labels, but only some runs by highest score
    if kind == "labels" and metric == "average_precision":
        metric = "average_precision_macro"  # the same number
    if metric not in (known := main_metrics(kind)):
        raise unknown_name("metric", metric, known)
    evaluations = [_evaluated(run, rows, seed, kind) for run, rows in zip(saved, aligned, strict=True)]
    differences = [
        _difference(name, label, row_metric, evaluation, evaluations[0])
        for name, evaluation in zip(names[1:], evaluations[1:], strict=True)
        for label in (SUMMARY, *saved[0].report.labels)
        for row_metric in (evaluation.draws if label == SUMMARY else evaluation.label_draws[label])
    ]
    return Comparison(
        metric=metric,
        kind=kind,
        labels=saved[0].report.labels,
        comments=len(aligned[0]),
        runs=[
            ComparedRun(name, run.report, evaluation.rows, run.report.production_prevalence)
            for name, run, evaluation in zip(names, saved, evaluations, strict=True)
        ],
        differences=_judged(differences, metric),
    )


def _names(folders: Sequence[Path]) -> list[str]:
    """Return a name for each path: the fewest of its last parts that set it apart from the other paths."""
    names = []
    for folder in folders:
        depth = 1
        while sum(other.parts[-depth:] == folder.parts[-depth:] for other in folders) > 1:
            depth += 1
        names.append(Path(*folder.parts[-depth:]).as_posix())
    return names


def _check_same_rows(reference: str, first: SavedRun, name: str, run: SavedRun) -> None:
    """Raise a UsageError unless both runs were evaluated on the same comments with the same labels."""
    if run.report.labels != first.report.labels:
        raise UsageError(
            f"{name} has the labels {', '.join(run.report.labels)}{_options(run)}, {reference} has "
            f"{', '.join(first.report.labels)}{_options(first)}; train both with the same label options"
        )
    ours, theirs = (Counter(_keys(saved.predictions)) for saved in (run, first))
    if ours == theirs:
        return
    common = f"{(ours & theirs).total():,} of {theirs.total():,} and {ours.total():,} are in both"
    raise UsageError(
        f"{reference} and {name} were measured on different comments ({common}): {_why_different(reference, first, name, run)}"
    )


def _why_different(reference: str, first: SavedRun, name: str, run: SavedRun) -> str:
    """Return why two runs were evaluated on different comments, if their files show it, and what the user can do."""
    one, other = first.report, run.report
    sources = first.predictions.source, run.predictions.source
    flat = [dict(flattened(with_present_keys(report.recipe))) for report in (one, other)]
    keys = _OF_TEST_SET if "test" in one.data["sets"] else (*_OF_TEST_SET, "split.validation")
    apart = [key for key in keys if flat[0].get(key) != flat[1].get(key)]
    if Counter(first.predictions.hashes) == Counter(run.predictions.hashes):
        why, same = "the texts are the same, but some labels differ", "file"
        options = [_options(saved) or " (no label options)" for saved in (first, run)]
        if options[0] != options[1]:
            why, same = f"{why}: {reference}{options[0]}, {name}{options[1]}", "label options"
    elif sources[0] != sources[1]:
        why, same = f"{reference} on {sources[0]}, {name} on {sources[1]}", "file"
    elif apart and one.recipe and other.recipe:
        values = (f"{key} is {setting(flat[0].get(key))} and {setting(flat[1].get(key))}" for key in apart)
        why, same = ", ".join(values), " ".join("--seed" if key == "seed" else f"--set {key}=…" for key in apart)
    elif one.evaluated_on != other.evaluated_on:
        why, same = f"{reference} on {one.evaluated_on}, {name} on {other.evaluated_on}", "split"
    elif one.data.get("sha256") != other.data.get("sha256"):
        read = (f"{name} read {_content(report)}" for name, report in ((reference, one), (name, other)))
        why, same = f"{sources[0]} has changed: {', '.join(read)}", "file"
    else:
        by = (report.versions.get("toxiclf", "an unknown version") for report in (one, other))
        why, same = f"{sources[0]} was split differently, by toxiclf {' and '.join(by)}", "version"
    return (
        f"{why}; train both with the same {same}, or score both on comments that neither was trained on: toxiclf "
        "evaluate RUN/bundle COMMENTS --out DIR"
    )


def _options(run: SavedRun) -> str:
    """Return the label options of a run as flags in brackets, with a space before them; "" if its report has none."""
    flags = []
    for key, value in run.report.data.get("label_options", {}).items():
        flag = {"columns": "label", "separator": "label-separator"}.get(key, key.replace("_", "-"))
        for given in [",".join(value)] if key == "columns" else value if isinstance(value, list) else [value]:
            plain = re.fullmatch(r"[\w,.]+", str(given))  # shlex would also quote Korean
            flags.append(f"--{flag} {given if plain else shlex.quote(str(given))}")
    return f" ({' '.join(flags)})" if flags else ""


def _content(report: Report) -> str:
    rows = sum(part["rows"] for part in report.data["sets"].values())
    return f"{rows:,} rows (SHA-256 {str(report.data.get('sha256'))[:8]}…)"


def _evaluated(run: SavedRun, rows: Predictions, seed: int, kind: Kind) -> Evaluation:
    """Compute a run's metrics of a kind from its aligned predictions, and check those in its report."""
    computed = partial(
        evaluate, rows.scores, rows.targets, list(run.report.thresholds.values()), rows.labels, seed=seed,
        arg_max=run.report.arg_max,
    )  # fmt: skip
    evaluation = computed(kind=run.report.kind)
    run.check(evaluation)
    return evaluation if kind == run.report.kind else computed(kind=kind)


def _keys(rows: Predictions) -> list[tuple[str, bytes]]:
    """Return a key for each row: its text's hash, and its targets; file and line do not matter."""
    return [(text, targets.tobytes()) for text, targets in zip(rows.hashes, rows.targets, strict=True)]


def _aligned(predictions: Sequence[Predictions]) -> list[Predictions]:
    """Return the predictions with their rows in the same order; they must have the same rows.

    If the rows have the same order already, nothing changes; else all are sorted by key (see :func:`_keys`) and line.
    """
    if len({rows.rows_sha256() for rows in predictions}) == 1:
        return list(predictions)
    aligned = []
    for rows in predictions:
        keys, lines = _keys(rows), rows.lines.tolist()
        order = np.array([i for *_, i in sorted(zip(keys, lines, range(len(rows)), strict=True))], dtype=np.intp)
        aligned.append(
            replace(
                rows, lines=rows.lines[order], hashes=tuple(rows.hashes[i] for i in order), targets=rows.targets[order],
                scores=rows.scores[order], flagged=rows.flagged[order],
            )
        )  # fmt: skip
    return aligned


def _difference(name: str, label: str, metric: str, run: Evaluation, reference: Evaluation) -> Difference:
    ours, theirs = run.value(metric, label), reference.value(metric, label)
    interval = paired_difference(run, reference, metric, label)
    if ours is None or theirs is None or interval is None:
        return Difference(name, label, metric, None, None, None, None, None, None, "not defined")
    low, high = interval
    gains = paired_draws(run, reference, metric, label) * (-1 if lower_is_better(metric) else 1)
    p = _p(gains)
    return Difference(name, label, metric, ours - theirs, low, high, float((gains > 0).mean()), p, p, "descriptive")


def _p(gains: Floats) -> float:
    """Return the two-sided bootstrap p value of the hypothesis that the mean gain is 0.

    ``gains`` has the gain in each resample. A gain of exactly 0 counts both as positive and as negative.
    """
    fewest = min((gains <= 0).sum(), (gains >= 0).sum())
    return min(1.0, 2 * (1 + int(fewest)) / (1 + len(gains)))


def _judged(differences: Sequence[Difference], metric: str) -> list[Difference]:
    """Return the differences with ``p_holm`` of each, and with the verdict on ``metric`` over all labels.

    For each label and metric, the p values of all runs are corrected together.
    """
    corrected: dict[int, float] = {}
    families: dict[tuple[str, str], list[Difference]] = {}
    for row in differences:
        families.setdefault((row.label, row.metric), []).append(row)
    for rows in families.values():
        p_values = {id(row): row.p for row in rows if row.p is not None}
        corrected |= zip(p_values, holm(list(p_values.values())), strict=True)
    judged = [replace(row, p_holm=corrected.get(id(row))) for row in differences]
    return [
        replace(row, verdict=row.judged()) if (row.label, row.metric) == (SUMMARY, metric) else row for row in judged
    ]
