"""Sentences in which ``report.html`` tells the results of a report in plain words."""

from __future__ import annotations

from toxiclf.evaluation.bootstrap import MetricRow
from toxiclf.evaluation.report import BASELINE, Report, estimate
from toxiclf.evaluation.slices import class_name
from toxiclf.report.population import COMMENTS, population
from toxiclf.report.tables import cell


def what(report: Report) -> str:
    """Return sentences on which data the model was trained on, and on which comments it was evaluated."""
    if "evaluated" in report.data["sets"]:
        return f"A trained {report.model} model, evaluated on labeled comments of {report.data['source']}."
    if "test" in report.data["sets"]:
        return "Evaluated on the test set: comments that the model was not trained on."
    return f"Evaluated on {report.evaluated_on}."


def verdict(report: Report) -> tuple[str, str]:
    """Return whether to use the model ("good", "look" or "stop"), and a sentence that says why."""
    severities = [finding.severity for finding in report.findings]
    if "diverged" in report.codes():
        return "stop", "Training diverged; there is no model."
    if "error" in severities:
        return "stop", "Do not use it as it is: read the findings."
    if "below_baseline" in report.codes():
        return "look", f"It works, but {BASELINE}, which is simpler and faster, is as good or better."
    if "warning" in severities:
        return "look", "It works; read the findings first."
    return "good", "All checks passed with notes; see below." if report.findings else "All checks passed."


def doubted(report: Report) -> str:
    """Return a phrase that says which scores were used to find labels that may be wrong."""
    if "evaluated" not in report.data["sets"]:
        return "scores of comments that the model was not trained on"
    known = report.data.get("learned_from")
    if known:
        return (
            f"the scores of these comments (the model was trained on {known:,} of them and rarely doubts their labels)"
        )
    return "the scores of these comments"


def is_it_any_good(report: Report, label: str) -> str:
    """Return sentences with recall, precision and average precision of a label, in the comments of the summary."""
    shown = population(report)
    recall, precision, ranking = (estimate(shown.rows, m, label) for m in ("recall", "precision", "average_precision"))
    outcome = shown.outcomes.get(label)
    if outcome is None or ranking.value is None or not 0 < outcome.toxic < outcome.comments:
        return "These comments have only one class, so quality cannot be measured."
    flags = (
        f"Of its flags, {_percent(precision)} are right." if outcome.found + outcome.false_alarms else "It flags none."
    )
    finds = f"It finds {_percent(recall)} of the {class_name(report.labels, label)} comments."
    return (
        f"{finds} {flags} Its average precision is {cell(ranking)}: 1 is perfect, guessing reaches {outcome.rate:.3f}."
    )


def compared(report: Report, label: str) -> str:
    """Return a sentence that compares the model with the baseline on the same comments; empty without a baseline.

    For a run that is itself the baseline, the sentence says so.
    """
    if report.model == BASELINE and not report.baseline_rows and report.recipe:
        return f"{BASELINE} is itself the baseline of other models; toxiclf compare shows two runs side by side."
    shown = population(report)
    ours, theirs = (estimate(rows, "average_precision", label) for rows in (shown.rows, shown.baseline_rows))
    if ours.value is None or theirs.value is None:
        return ""
    difference = ours.value - theirs.value
    more = f"{abs(difference):.3f} {'more' if difference < 0 else 'less'} than this model"
    return f"{BASELINE}, the baseline, has an average precision of {cell(theirs)} on the same comments, {more}."


def moderator(report: Report, label: str) -> str:
    """Return a sentence on how many flags and misses a moderator can expect in 10,000 comments.

    It is empty if all evaluated rows are of one class, or if the run has no confusion matrix for the label.
    """
    counts = report.confusion.get(label)
    rate = default_rates(report)[report.labels.index(label)]
    if counts is None or rate is None or not (counts["tp"] + counts["fn"] and counts["fp"] + counts["tn"]):
        return ""
    toxic = COMMENTS * rate
    right = toxic * counts["tp"] / (counts["tp"] + counts["fn"])
    wrong = (COMMENTS - toxic) * counts["fp"] / (counts["fp"] + counts["tn"])
    at = f"{float(f'{100 * rate:.3g}'):g} % {class_name(report.labels, label)}"
    return (
        f"Of {COMMENTS:,} comments with {at} you would see {round(right) + round(wrong):,} flags, "
        f"{round(right):,} of them right, and miss {round(toxic) - round(right):,}."
    )


def default_rates(report: Report) -> list[float | None]:
    """Return the production prevalence of each label; if none is set, the label's share of the evaluated rows.

    None for a label without a confusion matrix.
    """
    rates: list[float | None] = []
    for label in report.labels:
        counts = report.confusion.get(label)
        share = None if counts is None else (counts["tp"] + counts["fn"]) / max(1, sum(counts.values()))
        rates.append(report.production_prevalence.get(label, share) if counts is not None else None)
    return rates


def facts(report: Report) -> list[tuple[str, str]]:
    """Return the run details as pairs of name and value: data, seed, rejected rows, time, notes and versions."""
    pairs = [
        ("data", report.data["source"]), ("date", report.date or "not known"), ("metrics from", report.evaluated_on),
        ("seed", str(report.seed)),
        ("rejected rows", f"{report.data.get('rejected', 0):,}"),
    ]  # fmt: skip
    if report.timings:
        pairs.append(("time to fit", f"{report.timings['fit_seconds']:,} s"))
    pairs += [("", note) for note in report.data["notes"]]
    return [*pairs, ("versions", ", ".join(f"{name} {version}" for name, version in report.versions.items()))]


def _percent(row: MetricRow) -> str:
    if row.value is None:
        return "–"
    if row.low is None or row.high is None:
        return f"{100 * row.value:.0f} %"
    return f"{100 * row.value:.0f} % ({100 * row.low:.0f} to {100 * row.high:.0f})"
