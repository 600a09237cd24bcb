"""The summary of a report speaks of one population, named above it; each other section names its rows and their rate."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.evaluation.conftest import comments_of, save_run, scores_of
from toxiclf import _console
from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.bootstrap import MetricRow
from toxiclf.evaluation.report import Report, estimate
from toxiclf.pipeline.evaluate import evaluate_bundle
from toxiclf.report.html import page
from toxiclf.report.markdown import markdown_text
from toxiclf.report.population import Outcome, verdicts
from toxiclf.report.terminal import terminal_parts

OLD = Path(__file__).parent.parent / "fixtures" / "0.1"
"""A run with a prior of .1: 25 of 171 comments are toxic, 15 are found, and 15 others are flagged."""
TEN = ("여성/가족", "남성", "성소수자", "인종/국적", "연령", "지역", "종교", "기타 혐오", "악플/욕설", "개인지칭")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def numbers_of(text: str) -> set[str]:
    return {number.rstrip(",") for number in _NUMBER.findall(text)}


def numbers_in(rows: list[MetricRow]) -> set[str]:
    """All numbers that stand for these metrics: with three decimals, or in percent."""
    values = [v for row in rows for v in (row.value, row.low, row.high) if v is not None]
    return {f"{v:.3f}" for v in values} | {f"{100 * v:.0f}" for v in values}


def told_by(report: Report, form: str) -> str:
    """The text of the summary, from the heading of its population on."""
    if form == "html":
        text = page(report, comments=False).partition('<section id="summary">')[2].partition("</section>")[0]
        return unescape(re.sub(r"<[^>]+>", " ", text.partition("<h2>")[2]))
    if form == "notebook":
        text = report._repr_html_().partition("<em>")[2].partition("Findings")[0]
        return unescape(re.sub(r"<[^>]+>", " ", text))
    if form == "markdown":
        return report.to_markdown().partition("\n## ")[2].partition("\n## ")[0]
    lines = [part if isinstance(part, str) else "\n".join(map(" ".join, part)) for part in terminal_parts(report)]
    start = next(i for i, line in enumerate(lines) if " on " in line)
    return "\n".join(lines[start + 1 :]).partition("Findings")[0]


def test_one_comment_is_toxic() -> None:
    assert "of 2 comments 1 is toxic; 1 found" in verdicts(Report.read(OLD), "toxic", Outcome(2, 1, 1, 0))
    assert "of 9 comments 3 are toxic; 1 found" in verdicts(Report.read(OLD), "toxic", Outcome(9, 3, 1, 0))


@pytest.mark.parametrize("form", ["html", "notebook", "markdown", "terminal"])
@pytest.mark.parametrize("prior", [True, False])
def test_each_number_of_the_summary_is_of_the_population_that_its_heading_names(form: str, prior: bool) -> None:
    report = Report.read(OLD)
    if not prior:
        report = report.model_copy(update={"production": None})
    text = told_by(report, form)
    found, missed, false_alarms = (600, 400, 925) if prior else (15, 10, 15)
    total = 10_000 if prior else 171
    rows = report.production_rows if prior else report.rows + report.baseline_rows
    heading = (
        "10,000 comments at the production prevalence of 10.0 %"
        if prior
        else "The test set: 171 comments, 14.6 % toxic"
    )
    sentence = (
        f"At threshold {report.thresholds['toxic']:.4f}: of {total:,} comments {found + missed:,} are toxic; "
        f"{found:,} found, {missed:,} missed, {false_alarms:,} false alarms."
    )
    assert heading in text
    assert sentence in text
    known = numbers_of(heading + sentence) | numbers_in(rows) | {"95", "1", f"{(found + missed) / total:.3f}"}
    of_baseline = estimate(report.baseline_rows, "average_precision").value
    if not prior and of_baseline is not None:
        known.add(f"{abs(report.summary['average_precision']['value'] - of_baseline):.3f}")  # type: ignore[operator]
    assert numbers_of(text) <= known
    assert abs(found / (found + false_alarms) - next(r for r in rows if r.metric == "precision").value) < 0.001  # type: ignore[operator]


@pytest.mark.parametrize("prior", [True, False])
def test_every_other_section_names_its_rows_and_their_rate(prior: bool) -> None:
    report = Report.read(OLD)
    if not prior:
        report = report.model_copy(update={"production": None})
    here = "the test set, 14.6 % toxic"
    sections = page(report, comments=False).split("<section id=")[2:]
    headings = {
        section.split('"')[1]: unescape(re.sub(r"<[^>]+>", "", section.partition("<h2>")[2].partition("</h2>")[0]))
        for section in sections
    }
    assert headings.pop("facts") == "Data and recipe"
    assert headings.pop("production").endswith("recall and false alarms of the test set")  # the script adds the rate
    assert headings.pop("explorer").startswith("Other threshold out-of-fold scores of all rows but the test ")
    assert set(headings) == {"findings", "figures", "slices"}
    assert [heading for heading in headings.values() if here not in heading] == []
    titles = re.findall(r"^## (.+)$", report.to_markdown(), re.MULTILINE)[1:]
    known = ("Figures", "Data", "Search: ", "Labels in doubt")
    assert [title for title in titles if here not in title and not title.startswith(known)] == []
    assert f"Findings on the data, the training and {here}" in terminal_parts(report)


def test_a_report_is_titled_by_model_data_and_date(saved_report: Path) -> None:
    report, markdown = Report.read(saved_report), (saved_report / "report.md").read_text("utf-8")
    assert report.date == "2026-09-21"  # of SOURCE_DATE_EPOCH
    title = f"{report.model} on {report.data['source']}, {report.date}"
    assert markdown.startswith(f"# {title}\n")
    assert title in terminal_parts(report)
    assert report.date in re.sub(
        r"<[^>]+>", "", (saved_report / "report.html").read_text("utf-8").partition("</h1>")[0]
    )
    assert report.date not in (saved_report / "bundle" / "README.md").read_text("utf-8")  # bundles stay equal
    assert "None" not in re.findall("^# .*", Report.read(OLD).to_markdown())[0]


def test_an_evaluated_file_is_named_in_the_title_and_not_in_each_heading(bundle: Path, sample: Comments) -> None:
    parts = terminal_parts(evaluate_bundle(bundle, sample))
    assert str(parts[0]).startswith(f"ngram_logistic on {sample.source}")
    assert "The evaluated comments: 855 comments, 14.6 % toxic" in parts


@pytest.fixture
def saved_report(bundle: Path) -> Path:
    return bundle.parent


@pytest.mark.parametrize("width", [80, 120])
def test_a_report_of_ten_labels_fits_the_terminal(width: int, tmp_path: Path) -> None:
    comments = comments_of(150, TEN)
    report = Report.read(save_run(tmp_path, comments, scores_of(comments, 1)))
    drawn = {
        part[0][0]: _console.drawn_tables(part, width) for part in terminal_parts(report) if not isinstance(part, str)
    }
    assert {"metric", "label"} <= set(drawn)
    assert all(cell_len(line) <= width for text in drawn.values() for line in text.splitlines())
    assert all(drawn["label"].count(label) == 1 for label in TEN)  # one table, not several below each other
    assert not any("**" in text or "|" in text for text in drawn.values())


def test_markdown_of_a_hostile_label_is_one_line_that_does_nothing() -> None:
    text = markdown_text("a\n## verified <img src=x> ![p](http://x) \u202e")
    assert text == "a ## verified &lt;img src=x> !\\[p]\\(http://x) \\u202e"
