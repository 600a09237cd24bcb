"""The result of a comparison of runs, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from toxiclf._registry import component
from toxiclf.bundle.prevalence import in_words
from toxiclf.evaluation.bootstrap import RESAMPLES, SUMMARY, MetricRow
from toxiclf.evaluation.metrics import metric_names
from toxiclf.evaluation.report import Report, estimate
from toxiclf.recipe.loading import with_new_names

Verdict = Literal["better", "worse", "not significant", "not defined"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of a metric between a run and the reference on the same comments.

    Attributes
    ----------
    label : :data:`toxiclf.evaluation.metrics.SUMMARY` for the mean over labels.
    value : None where the metric is not defined, as then is all that follows.
    low, high : 95 % percentile interval of the difference over the same resampled comments.
    better : share of the resamples in which the run is better than the reference.
    p : twice the smaller share of resamples on either side of no difference, the sample itself counted with them
        (after Davison and Hinkley 1997, chapter 4).
    p_holm : the same, corrected for the number of runs that are compared with the reference (Holm 1979).
    verdict : by the interval: "not significant" where it holds 0.
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

    def lost(self) -> bool:
        """Whether the difference loses its significance after Holm's correction."""
        stands = (
            self.label == SUMMARY and self.metric in metric_names("headline") and self.verdict in ("better", "worse")
        )
        return stands and self.p_holm is not None and self.p_holm > 0.05


@dataclass(frozen=True)
class ComparedRun:
    """A run among others.

    Attributes
    ----------
    name : of its folder, with as many folders above it as tell the runs apart.
    rows : all figures, with intervals over the comparison's resamples.
    production_prevalence : the production prevalence by label that scores are corrected to; empty where none is set.
    """

    name: str
    report: Report
    rows: list[MetricRow]
    production_prevalence: dict[str, float] = field(default_factory=dict)

    def value(self, metric: str) -> float | None:
        """A figure, the mean over labels."""
        return estimate(self.rows, metric).value

    def baseline(self) -> tuple[float, float] | None:
        """Average precision of the run's baseline, and how far it is above the run's; None where there is none to speak of."""
        theirs = estimate(self.report.baseline_rows, "average_precision").value
        ours = self.value("average_precision")
        return None if ours is None or theirs is None else (theirs, theirs - ours)

    def to_dict(self) -> dict[str, Any]:
        """The run as plain JSON."""
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
    """Runs on the same comments, the first of which is the reference.

    Attributes
    ----------
    labels, comments : names of the labels, and number of comments.
    differences : of each later run, label (the mean first) and metric.
    """

    labels: tuple[str, ...]
    comments: int
    runs: list[ComparedRun]
    differences: list[Difference]

    @property
    def reference(self) -> str:
        """Name of the run that all others are compared with."""
        return self.runs[0].name

    def recipe(self) -> dict[str, dict[str, Any]]:
        """The recipe keys that differ, but for the seed and the model's name: key → run → value, None where it has none.

        Runs of ``toxiclf evaluate`` know no recipe, and have no say in what differs.
        """
        flat = {run.name: dict(flattened(with_new_names(run.report.recipe))) for run in self.runs}
        known = [values for values in flat.values() if values]
        keys = dict.fromkeys(key for values in known for key in values if key not in ("seed", "model.name"))
        differing = [key for key in keys if any(values.get(key) != known[0].get(key) for values in known)]
        return {key: {name: values.get(key) for name, values in flat.items()} for key in differing}

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain JSON; label null is the mean over labels, and what is undefined is null."""
        return {
            "reference": self.reference,
            "labels": list(self.labels),
            "comments": self.comments,
            "runs": [run.to_dict() for run in self.runs],
            "recipe": self.recipe(),
            "differences": [_plain(row) for row in self.differences],
            "notes": self.notes(),
        }

    def tables(self) -> list[list[list[str]]]:
        """Tables, each with its heading first: the runs, their figures, their differences, and differences by label."""
        tables: list[list[list[str]]] = component("format", "comparison_tables").target(self)
        return tables

    def to_markdown(self) -> str:
        """The tables and notes as a Markdown page."""
        return str(component("format", "comparison").target(self))

    def notes(self) -> list[str]:
        """Notes for reading the tables, as sentences."""
        reports = [run.report for run in self.runs]
        where = sorted({report.evaluated_on for report in reports})
        notes = [
            f"All figures come from the same {self.comments:,} comments ({'; '.join(where)}). Intervals and "
            f"verdicts use {RESAMPLES:,} bootstrap resamples of them, so they show chance in these comments, but "
            "not the effect of another seed.",
        ]
        unknown = [
            run.name for run in self.runs if not run.report.recipe and run.report.data.get("learned_from") is None
        ]
        if unknown:
            notes.append(
                f"The models of {', '.join(unknown)} may have been trained on these comments; if so, their "
                "figures are too good."
            )
        others = len(self.runs) - 1
        if others > 1:
            lost = {
                run.name: [row.metric for row in self.differences if row.run == run.name and row.lost()]
                for run in self.runs
            }
            named = "; ".join(f"{name} in {', '.join(metrics)}" for name, metrics in lost.items() if metrics)
            holm = f"these differences are not statistically significant: {named}" if named else "every verdict remains"
            notes.append(
                f"{others} runs are compared with {self.reference}, so chance has {others} tries at each metric. "
                f"After Holm's correction, {holm}."
            )
        if len({report.seed for report in reports if report.recipe}) > 1:
            notes.append("The runs have different seeds, so part of a difference may come from the seed.")
        return [*notes, *self._prevalence_notes()]

    def _prevalence_notes(self) -> list[str]:
        """That scores are for different production prevalences, where they are."""
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
            f"Scores are corrected to different production prevalences ({by_run}), but figures use unweighted "
            f"rows. {ranks}; do not compare Brier scores and metrics at a threshold."
        ]


def flattened(recipe: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys of a recipe with their sections, such as ``split.test``, and values."""
    for key, value in recipe.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def setting(value: Any) -> str:
    """A value of a recipe as a user writes it; a dash where the recipe has none."""
    if isinstance(value, bool):
        return str(value).lower()
    return "–" if value is None else str(value)


def _plain(row: MetricRow | Difference) -> dict[str, Any]:
    return {**asdict(row), "label": None if row.label == SUMMARY else row.label}
