"""The result of comparing runs: their metrics, the differences, and notes for reading them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from toxiclf._registry import component
from toxiclf.bundle.prevalence import in_words
from toxiclf.evaluation.bootstrap import RESAMPLES, SUMMARY, MetricRow
from toxiclf.evaluation.metrics import Kind, lower_is_better
from toxiclf.evaluation.report import Report, estimate
from toxiclf.recipe.loading import with_present_keys

Verdict = Literal["better", "worse", "not significant", "not defined", "descriptive"]


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of a metric between a run and the reference on the same comments.

    Attributes
    ----------
    run : name of the run.
    label : name of the label; :data:`toxiclf.evaluation.bootstrap.SUMMARY` for all labels.
    metric : name of the metric.
    value : metric of the run minus that of the reference; if either is undefined, all numbers here are None.
    low, high : 95 % interval of the difference: percentiles over bootstrap resamples of the same comments.
    better : share of the resamples in which the run is better than the reference.
    p : two-sided bootstrap p value: 2 (1 + k) / (1 + n) for n resamples, at most 1, where k is the smaller of two
        counts: resamples in which the run is not better, and those in which it is not worse (after Davison and Hinkley
        1997, chapter 4).
    p_holm : ``p`` corrected for the number of runs that are compared with the reference (Holm 1979).
    verdict : "not defined" without an interval. For the primary metric over all labels "better", "worse" or "not
        significant", see :meth:`judged`; "descriptive" for every other metric and label.
    """

    run: str
    label: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    better: float | None
    p: float | None
    p_holm: float | None
    verdict: Verdict

    def judged(self) -> Verdict:
        """Return the verdict of the primary metric.

        The difference is not significant if its interval includes 0, or if Holm's correction lifts p above .05.
        """
        if self.low is None or self.high is None:
            return "not defined"
        if self.low <= 0 <= self.high or self.only_uncorrected():
            return "not significant"
        return "better" if (self.low > 0) != lower_is_better(self.metric) else "worse"

    def only_uncorrected(self) -> bool:
        """Return whether the interval excludes 0, but Holm's correction for several runs lifts p above .05."""
        if self.low is None or self.high is None or self.p is None or self.p_holm is None:
            return False
        return not self.low <= 0 <= self.high and self.p_holm > max(0.05, self.p)


@dataclass(frozen=True)
class ComparedRun:
    """A run in a comparison.

    Attributes
    ----------
    name : name of its folder, preceded by parent folders if runs would have the same name otherwise.
    report : the run's report.
    rows : all metrics, with intervals over the resamples of the comparison.
    production_prevalence : production prevalence of each label, to which scores are corrected; empty if none is set.
    """

    name: str
    report: Report
    rows: list[MetricRow]
    production_prevalence: dict[str, float] = field(default_factory=dict)

    def value(self, metric: str) -> float | None:
        """Return a metric over all labels; None if undefined."""
        return estimate(self.rows, metric).value

    def baseline(self) -> tuple[float, float] | None:
        """Return the baseline's average precision, and that value minus the run's; None without a baseline."""
        theirs = estimate(self.report.baseline_rows, "average_precision").value
        ours = self.value("average_precision")
        return None if ours is None or theirs is None else (theirs, theirs - ours)

    def to_dict(self) -> dict[str, Any]:
        """Return the run as JSON types."""
        baseline = self.baseline()
        return {
            "name": self.name,
            "model": self.report.model,
            "seed": self.report.seed if self.report.recipe else None,
            "evaluated_on": self.report.evaluated_on,
            "thresholds": self.report.thresholds,
            "production_prevalence": self.production_prevalence or None,
            "findings": self.report.codes(),
            "baseline": baseline and {"average_precision": baseline[0], "above_run": baseline[1]},
            "figures": [_plain(row) for row in self.rows],
        }


@dataclass(frozen=True)
class Comparison:
    """Runs that were evaluated on the same comments, and their differences from the first, which is the reference.

    Attributes
    ----------
    metric : name of the primary metric, the only one with a verdict.
    kind : kind of the metrics; "labels" if only some of the runs take the class with the highest score.
    labels, comments : names of the labels, and number of comments.
    runs : the runs, the reference first.
    differences : one for each run except the reference, each label (all labels first) and each metric.
    """

    metric: str
    kind: Kind
    labels: tuple[str, ...]
    comments: int
    runs: list[ComparedRun]
    differences: list[Difference]

    @property
    def reference(self) -> str:
        """Name of the reference, with which all other runs are compared."""
        return self.runs[0].name

    def recipe(self) -> dict[str, dict[str, Any]]:
        """Return the recipe keys whose values differ: key → run → value (None if the run's recipe lacks the key).

        The seed and the model's name are left out, and ``decision.exclusive`` if labels do not exclude each other. Runs
        of ``toxiclf evaluate`` have no recipe: their values are None, but do not count as different.
        """
        flat = {run.name: dict(flattened(with_present_keys(run.report.recipe))) for run in self.runs}
        known = [values for values in flat.values() if values]
        left_out = {"seed", "model.name"}
        if not any(run.report.data.get("exclusive") for run in self.runs):
            left_out.add("decision.exclusive")  # without an effect
        keys = dict.fromkeys(key for values in known for key in values if key not in left_out)
        differing = [key for key in keys if any(values.get(key) != known[0].get(key) for values in known)]
        return {key: {name: values.get(key) for name, values in flat.items()} for key in differing}

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON types; the label is None for all labels, and so are undefined values."""
        return {
            "reference": self.reference,
            "metric": self.metric,
            "labels": list(self.labels),
            "comments": self.comments,
            "runs": [run.to_dict() for run in self.runs],
            "recipe": self.recipe(),
            "differences": [_plain(row) for row in self.differences],
            "notes": self.notes(),
        }

    def tables(self) -> list[list[list[str]]]:
        """Return four tables, each with its heading first: runs, metrics, differences, and differences by label.

        The last table is left out if there is only one label.
        """
        tables: list[list[list[str]]] = component("format", "comparison_tables").target(self)
        return tables

    def to_markdown(self) -> str:
        """Return the tables and notes as a Markdown page."""
        return str(component("format", "comparison").target(self))

    def notes(self) -> list[str]:
        """Return sentences that help to read the tables."""
        reports = [run.report for run in self.runs]
        where = sorted({report.evaluated_on for report in reports})
        notes = [
            f"All metrics come from the same {self.comments:,} comments ({'; '.join(where)}). Intervals and "
            f"verdicts use {RESAMPLES:,} bootstrap resamples of them, so they show chance in these comments, but "
            "not the effect of another seed.",
            f"Only {self.metric} has a verdict; all other differences are descriptive, because among many metrics some "
            "differ by chance.",
        ]
        unknown = [
            run.name for run in self.runs if not run.report.recipe and run.report.data.get("learned_from") is None
        ]
        if unknown:
            notes.append(
                f"The models of {', '.join(unknown)} may have been trained on these comments; if so, their "
                "metrics are too optimistic."
            )
        others = len(self.runs) - 1
        if others > 1:
            lost = [
                row.run
                for row in self.differences
                if (row.label, row.metric) == (SUMMARY, self.metric) and row.only_uncorrected()
            ]
            notes.append(
                f"{others} runs are compared with {self.reference}, so p values are corrected for {others} comparisons (Holm)"
                + (
                    f"; without the correction, the difference of {', '.join(lost)} would be significant."
                    if lost
                    else "."
                )
            )
        if len({report.exclusive_verdict for report in reports}) > 1:
            notes.append(
                "Some runs take the class with the highest score, others every label that reaches its threshold; metrics "
                "compare each label with all the rest."
            )
        if len({report.seed for report in reports if report.recipe}) > 1:
            notes.append("The runs have different seeds, so part of a difference may come from the seed.")
        return [*notes, *self._prevalence_notes()]

    def _prevalence_notes(self) -> list[str]:
        """Return a note if scores of the runs are corrected to different production prevalences, else no note."""
        rates = {
            run.name: in_words(run.production_prevalence)
            if run.production_prevalence
            else "no production prevalence set"
            for run in self.runs
        }
        if len(set(rates.values())) < 2:
            return []
        ranks = "Ranking metrics (average precision, ROC AUC) can be compared"
        if len(self.labels) > 1:
            ranks += " (if labels exclude each other, a production prevalence changes ranks slightly, too)"
        by_run = "; ".join(f"{name}: {words}" for name, words in rates.items())
        return [
            f"Scores are corrected to different production prevalences ({by_run}), but metrics use unweighted "
            f"rows. {ranks}; do not compare Brier scores and metrics at a threshold."
        ]


def flattened(recipe: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted key and the value of each setting of a nested recipe; ``prefix`` is put before each key.

    ``{"split": {"test": 0.4}}`` yields ``("split.test", 0.4)``.
    """
    for key, value in recipe.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def setting(value: Any) -> str:
    """Format a value of a recipe as a user writes it; None becomes a dash."""
    if isinstance(value, bool):
        return str(value).lower()
    return "–" if value is None else str(value)


def _plain(row: MetricRow | Difference) -> dict[str, Any]:
    return {**asdict(row), "label": None if row.label == SUMMARY else row.label}
