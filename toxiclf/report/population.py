"""The comments that the summary of a report is about: the evaluated rows, or 10,000 comments at a production prevalence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toxiclf.bundle.prevalence import in_words, percent
from toxiclf.evaluation.bootstrap import MetricRow
from toxiclf.evaluation.metrics import main_metrics, metric_names
from toxiclf.evaluation.report import Report, estimate
from toxiclf.evaluation.slices import class_name

COMMENTS = 10_000


@dataclass(frozen=True)
class Outcome:
    """Outcome of the verdicts on one label, in numbers of comments: all, those with the label, found, false alarms."""

    comments: int
    toxic: int
    found: int
    false_alarms: int

    @property
    def missed(self) -> int:
        """Comments with the label that are not flagged."""
        return self.toxic - self.found

    @property
    def rate(self) -> float:
        """Share of comments with the label."""
        return self.toxic / max(1, self.comments)


@dataclass(frozen=True)
class Population:
    """The comments that the summary is about, with all that it says about them.

    Attributes
    ----------
    heading : names the comments, their number and, for one label, how many of them are toxic.
    metrics : names of the metrics of the summary, in their order.
    rows, baseline_rows : values of all metrics of the model and of the baseline; the second may be empty.
    outcomes : label → outcome of its verdicts; without the labels for which this is unknown.
    """

    heading: str
    metrics: tuple[str, ...]
    rows: Sequence[MetricRow]
    baseline_rows: Sequence[MetricRow]
    outcomes: Mapping[str, Outcome]


def population(report: Report) -> Population:
    """Return what the summary of a report is about; without any metric for a run that diverged."""
    if not report.production_prevalence:
        counts = {label: _counted(report.confusion[label]) for label in report.confusion}
        rate = f", {rate_of(report, report.labels[0])}" if len(report.labels) == 1 and counts else ""
        name = evaluated(report)
        number = f": {next(iter(counts.values())).comments:,} comments" if counts else ""
        heading = f"{name[:1].upper()}{name[1:]}{number}{rate}"
        return Population(heading, main_metrics(report.kind), report.rows, report.baseline_rows, counts)
    names = metric_names("production")
    if report.kind != "one":
        names = tuple(dict.fromkeys([*main_metrics(report.kind), *names]))
    return Population(
        heading=f"{COMMENTS:,} comments at the {in_words(report.production_prevalence)}",
        metrics=names,
        rows=report.production_rows,
        baseline_rows=report.production_baseline_rows,
        outcomes={label: outcome for label in report.labels if (outcome := _in_production(report, label)) is not None},
    )


def title(report: Report) -> str:
    """Return the title of a report: the model, its data, and the date if known."""
    return f"{report.model} on {report.data['source']}" + (f", {report.date}" if report.date else "")


def estimated(report: Report) -> str:
    """Return sentences on how metrics at a production prevalence come from the evaluated rows; empty without one."""
    if not report.production_prevalence:
        return ""
    trained = report.recipe.get("decision", {}).get("prior", "none") != "none"  # False if a bundle was evaluated
    what, own = ("Scores and thresholds", "") if trained else ("Scores", "; thresholds are those that training chose")
    if report.arg_max:
        what, own = "Scores", ""
    return (
        f" Estimated from {evaluated(report)}, weighted so that labels are as common as in production; valid if comments "
        "in production, toxic or not, are otherwise like these. "
        f"{what} are corrected to the {in_words(report.production_prevalence)}{own}."
    )


def evaluated(report: Report) -> str:
    """Return the name of the evaluated rows, such as "the test set", without remarks in parentheses and without a file's name."""
    return "the evaluated comments" if "evaluated" in report.data["sets"] else report.evaluated_on.partition(" (")[0]


def rate_of(report: Report, label: str) -> str:
    """Return the share of evaluated rows with a label, such as "35.3 % toxic"; empty for a run that diverged."""
    counts = report.confusion.get(label)
    return f"{percent(_counted(counts).rate)} {class_name(report.labels, label)}" if counts else ""


def rows_and_rate(report: Report) -> str:
    """Return the name of the evaluated rows and, for one label, their share of toxic comments, for headings.

    For several labels it says that the rows are not weighted.
    """
    rate = rate_of(report, report.labels[0]) if len(report.labels) == 1 else "unweighted"
    return f"{evaluated(report)}, {rate}" if rate else evaluated(report)


def verdicts(report: Report, label: str, outcome: Outcome) -> str:
    """Return a sentence with the threshold of a label and what it does to the comments of the summary."""
    at = "By the highest score" if report.arg_max else f"At threshold {report.thresholds[label]:.4f}"
    one = outcome.toxic == 1
    are = (
        ("is toxic" if one else "are toxic")
        if len(report.labels) == 1
        else (f"{'has' if one else 'have'} the label {class_name(report.labels, label)}")
    )
    return (
        f"{at}: of {outcome.comments:,} comments {outcome.toxic:,} {are}; {outcome.found:,} found, "
        f"{outcome.missed:,} missed, {outcome.false_alarms:,} false alarms."
    )


def _counted(counts: Mapping[str, int]) -> Outcome:
    return Outcome(sum(counts.values()), counts["tp"] + counts["fn"], counts["tp"], counts["fp"])


def _in_production(report: Report, label: str) -> Outcome | None:
    """Return the outcome of the verdicts on 10,000 comments; None where a metric has no value."""
    recall, flagged = (estimate(report.production_rows, name, label).value for name in ("recall", "flag_rate"))
    if recall is None or flagged is None:
        return None
    toxic = COMMENTS * report.production_prevalence[label]
    found = round(toxic * recall)
    return Outcome(COMMENTS, round(toxic), found, max(0, round(COMMENTS * flagged) - found))
