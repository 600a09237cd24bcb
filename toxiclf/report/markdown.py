"""Render a report as Markdown: ``report.md`` and model cards."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from toxiclf._registry import register
from toxiclf.errors import visible
from toxiclf.evaluation.metrics import main_metrics
from toxiclf.evaluation.report import Report
from toxiclf.evaluation.slices import negatives_name, of_column
from toxiclf.report import tables
from toxiclf.report.own_share import own_share_tables
from toxiclf.report.population import estimated, population, rows_and_rate, title, verdicts
from toxiclf.rows import source_name

_FIGURES = (
    "[report.html](report.html) shows them. For publication, `toxiclf figures RUN --format pdf --out DIR` draws them; RUN is the "
    "folder of this file."
)


@register("format", "markdown", summary="report.md: the tables and findings of a run")
def report_markdown(report: Report) -> str:
    """Return the text of ``report.md``."""
    return "\n".join([*_lines(report), "", "## Figures", "", _FIGURES]) + "\n"


def _lines(report: Report) -> list[str]:
    """Return the lines that ``report.md`` and model cards share: all sections except the one on figures."""
    here = markdown_text(rows_and_rate(report))
    parts = [f"# {markdown_text(title(report))}", "", f"Evaluated on {markdown_text(report.evaluated_on)}."]
    if report.rows:
        parts += _summary_lines(report)
    for table in own_share_tables(report):
        parts += ["", f"## Corrected to the prevalence of {here}", "", *markdown_table(table)]
    parts += ["", f"## Findings on the data, the training and {here}", ""]
    parts += [
        f"- **{f.code}** ({f.severity}): {markdown_text(f.message)} {markdown_text(f.next_step)}"
        for f in report.findings
    ] or ["None."]
    if report.rows:
        parts += ["", f"## Every metric: {here}", "", *markdown_table(tables.every_metric_table(report))]
        parts += ["", f"## Decisions: {here}", "", *markdown_table(tables.decisions_table(report))]
    if classes := tables.class_confusion_table(report):
        parts += ["", f"## Confusion of classes: {here}", "", *markdown_table(classes)]
    if report.search:
        parts += ["", "## Search: folds of the training set", "", *_search_lines(report)]
    if report.data.get("exclusive"):
        parts += [
            "",
            "Labels exclude each other. "
            + (
                "The verdict on a comment is the class with the highest score; no threshold decides."
                if report.arg_max
                else "Each has a threshold of its own, so a comment may be flagged for several; metrics compare each label "
                "with all the rest."
            ),
        ]  # fmt: skip
    if report.analysis.get("slices"):
        parts += ["", f"## Subgroups: {here}", "", *_of_slices(report.analysis["slices"], report.labels)]
    doubt = report.analysis.get("label_doubt", {})
    if any(counted["count"] for counted in doubt.values()):
        counts = ", ".join(f"{counted['count']:,} of '{markdown_text(label)}'" for label, counted in doubt.items())
        parts += [
            "",
            "## Labels in doubt",
            "",
            f"Confident learning (cleanlab) counts the labels that may be wrong: {counts}. report.html lists the "
            "most doubtful ones; read them and label them again.",
        ]
    parts += ["", "## Data", "", *(f"- {markdown_text(note)}" for note in report.data["notes"]), ""]
    parts += markdown_table(tables.sets_table(report))
    if stages := tables.stages_table(report):
        parts += [
            "",
            "Rows that the model was fitted to, before and after each technique:",
            "",
            *markdown_table(stages),
        ]
        if copies := report.data.get("augmented"):
            parts += [
                "",
                f"Augmentation wrote {copies['made']:,} of {copies['asked']:,} requested copies.",
            ]
    parts += _details_lines(report)
    if weights := tables.class_weights_table(report):
        parts += ["", "Class weights of these rows, n / (k · n_c) where balanced:", "", *markdown_table(weights)]
    return parts


def model_card(report: Report) -> str:
    """Return a model card with the front matter that Hugging Face reads.

    ``README.md`` of a bundle is this card, followed by instructions for use. Because a bundle may be given away, the
    card leaves out subgroups by a column, the finding on subgroups, and the path of the data.
    """
    where = report.data["source"]
    source = json.dumps(source_name(where), ensure_ascii=False)
    metrics = [
        f"    - {{type: {kind}, name: {kind}, value: {value:.4f}}}"
        for kind in main_metrics(report.kind)[:2]
        if (value := report.estimate(kind).value) is not None
    ]
    front = [
        "---", "language: ko", "library_name: toxiclf", "pipeline_tag: text-classification",
        "tags: [toxic-comments, onnx]", "model-index:", f"- name: {report.model}", "  results:",
        "  - task: {type: text-classification}", f"    dataset: {{name: {source}, type: comments}}",
        "    metrics:", *metrics, "---", "",
    ]  # fmt: skip
    subgroups = [
        row for row in report.analysis.get("slices", ()) if not of_column(row["by"])
    ]  # subgroups by a column would show its values, which may be private
    findings = [finding for finding in report.findings if finding.code != "false_positive_gap"]
    report = report.model_copy(
        update={"date": None, "analysis": {**report.analysis, "slices": subgroups}, "findings": findings}
    )
    text = "\n".join(_lines(report)).replace(report.data["source"], json.loads(source))  # removes paths of this machine
    return "\n".join(front) + text + "\n"


def markdown_table(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; the first of ``lines`` is the heading."""
    escaped = [[markdown_text(cell).replace("|", "\\|") for cell in line] for line in lines]
    rule = "|" + "|".join("---" for _ in escaped[0]) + "|"
    rows = ["| " + " | ".join(line) + " |" for line in escaped]
    return [rows[0], rule, *rows[1:]]


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def markdown_text(text: str) -> str:
    """Escape text for one line of Markdown: tags and images have no effect, control characters become spaces."""
    return (
        visible(_CONTROL.sub(" ", text))
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace("![", "!\\[")
        .replace("](", "]\\(")
    )


def _summary_lines(report: Report) -> list[str]:
    """Return the lines on the comments that the summary is about, under a heading that names them."""
    shown = population(report)
    lines = ["", f"## {markdown_text(shown.heading)}"]
    if len(report.labels) == 1:
        lines += ["", *(markdown_text(verdicts(report, *item)) for item in shown.outcomes.items())]
    for table in tables.result_tables(report):
        lines += ["", *markdown_table(table)]
    return [*lines, "", f"In parentheses: 95 % bootstrap intervals.{estimated(report)}"]


def _search_lines(report: Report) -> list[str]:
    search = report.search
    tested = "test" in report.data["sets"]
    worth = "the test set shows how good it is" if tested else "so do the metrics above, which come from the same rows"
    folds = f"{search['folds']} {'stratified ' if search['stratified'] else ''}folds"
    return [
        f"{len(search['trials'])} trials by {markdown_text(search['method'])}; mean and standard deviation over {folds} of the "
        f"training set. Trial {search['best']} was chosen. The best of many trials looks better than it is; "
        f"{worth}.",
        "", *markdown_table(tables.search_table(report)),
    ]  # fmt: skip


def _details_lines(report: Report) -> list[str]:
    """Return the sections on ensemble, feature selection, learned metric and GAN, as far as the run has these."""
    details = report.data.get("details", {})
    lines: list[str] = []
    if "ensemble" in details:
        lines += ["", "## Members", "", *_of_ensemble(report)]
    if "selection" in details:
        lines += ["", "## Selected dimensions", "", *_of_selection(report)]
    if "metric" in details:
        lines += ["", "## Metric", "", _of_metric(details["metric"])]
    if "gan" in details:
        lines += ["", "## Generated rows", "", *_of_gan(report)]
    return lines


def _of_slices(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[str]:
    """Return the table of subgroups; for several labels, only rows with a statistically significant gap."""
    shown = [row for row in rows if len(labels) == 1 or row["notable"]]
    note = (
        f"The gap is the share of {negatives_name(labels)} that are flagged in a subgroup, minus that among all "
        "others, with its 95 % interval; bold where it is statistically significant after Bonferroni's "
        "correction for all subgroups."
    )
    if not shown:
        return [
            f"In no subgroup are {negatives_name(labels)} clearly flagged more often than in others; report.html has all metrics."
        ]
    lines = []
    for row in shown:
        name = f"{row['by']}: {row['name']}" + (f" ({row['label']})" if len(labels) > 1 else "")
        gap = "–" if row["gap"] is None else f"{row['gap']:+.3f} ({row['gap_low']:+.3f} to {row['gap_high']:+.3f})"
        cells = ["–" if row[key] is None else f"{row[key]:.3f}" for key in ("recall", "false_positive_rate")]
        lines.append([name, f"{row['rows']:,}", f"{row['toxic']:,}", *cells, f"**{gap}**" if row["notable"] else gap])
    heading = ["subgroup", "comments", "toxic", "recall", "false positive rate", "gap"]
    return [note, "", *markdown_table([heading, *lines])]


def _of_ensemble(report: Report) -> list[str]:
    """Return lines on how the weights of members were chosen, and the table of members."""
    return [
        f"Each {tables.weight_name(report)} was chosen on out-of-fold scores, and average precisions use the "
        f"same scores. For the ensemble, each {tables.weight_name(report)} was chosen without the fold that is "
        "scored.",
        "", *markdown_table(tables.members_table(report)),
    ]  # fmt: skip


def _of_selection(report: Report) -> list[str]:
    """Return lines on how dimensions were selected, and the table of the most important ones."""
    selection = report.data["details"]["selection"]
    return [
        f"A random forest fitted to the training rows ranked the {selection['of']} dimensions of a comment's "
        f"vector. The {selection['kept']} most important ones were kept; they have {selection['share']:.0%} of "
        "all importance.",
        "", *markdown_table(tables.importances_table(report)),
    ]  # fmt: skip


def _of_metric(facts: Mapping[str, Any]) -> str:
    """Return sentences on how the distance metric was learned, with its best epoch."""
    history = facts["history"]
    column = next(key for key in history[0] if key not in ("epoch", "loss"))
    best = max(history, key=lambda row: row[column] if row[column] is not None else -1.0)

    def name(key: str) -> str:
        return markdown_text(key.replace("_", " "))

    return (
        f"A metric of {facts['size']} dimensions was learned by the {name(facts['loss'])} loss ({name(facts['encoder'])}), "
        f"{len(history)} epochs; the best was epoch {best['epoch']}, {name(column)} {best[column]:.3f} by the nearer "
        "class mean. The model learns from these dimensions."
    )


def _of_gan(report: Report) -> list[str]:
    """Return lines on how generated rows compare with real rows, with the table of this comparison."""
    return [
        "Generated rows are used only for training. The table compares them with real rows of the rarer class "
        "that were held out of the GAN's training: at an auc of .5 a classifier cannot tell the two apart, at 1 "
        "it always can. The auc real is the same for real rows that the GAN was trained on.",
        "", *markdown_table(tables.generated_rows_table(report)),
    ]  # fmt: skip
