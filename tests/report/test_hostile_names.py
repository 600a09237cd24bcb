"""Names that would like to be markup, commands, formulas or new lines are only text, in every file that shows them."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.browsing import Browsed, chromium
from tests.evaluation.conftest import comments_of, save_run, scores_of
from tests.machine import needs_chromium
from toxiclf._registry import component
from toxiclf.benchmark import tables as benchmark_tables
from toxiclf.benchmark.plan import parsed
from toxiclf.benchmark.writing import write_tables
from toxiclf.errors import visible
from toxiclf.evaluation.report import Report
from toxiclf.report import _matplotlib
from toxiclf.report.figures import available, write_figures
from toxiclf.report.html import page
from toxiclf.rows import RowWriter

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "\"onmouseover='window.hacked = 2' <img src=x onerror=window.hacked=3>",
    "</style></textarea></title><b>",
    "</script><script>window.hacked = 4</script>{{ 7 * 7 }}",
    "\\input{/etc/passwd}^^5cinput x % & $ # _ } ~",
    "[1] ** & **",
    "*\\\\ [2]",
    "=cmd|' /C calc'!A0",
    "@SUM(1)\t+1",
    "\x1b[31m\x9b2J\x00\u202e\u2066\u200b\ufeff",
    "a\n\n## verified\n\\input{/etc/passwd}\r| b | c |",
    "![p](http://x.example/p) [l](javascript:window.hacked=5) <http://x.example>",
    "긴" * 10_000,
)
"""Each with a number behind it, so that there is no reason to tell two of them apart by it."""


class _Page(HTMLParser):
    """Counts elements, and attributes that are not usual."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}


def _report(folder: Path, names: tuple[str, ...]) -> Report:
    """A report in which everything that has a name of a user has one of these."""
    comments = comments_of(150, names)
    first = names[0]
    sliced = [
        {"by": name, "name": name, "label": label, "rows": 50, "toxic": 20, "average_precision": 0.5, "precision": 0.5, "f1": 0.5,
         "recall": 0.5, "false_positive_rate": 0.5, "low": 0.4, "high": 0.6, "gap": 0.1, "gap_low": 0.05, "gap_high": 0.2,
         "notable": True}
        for name in names for label in names[:2]
    ]  # fmt: skip
    changes: dict[str, Any] = {
        "model": first,
        "evaluated_on": f"the test set ({first})",
        "findings": [
            {"code": "few", "severity": "warning", "message": name, "next_step": name, "labels": [name]}
            for name in names
        ],
        "recipe": {"model": {"name": first}, first: {first: list(names)}},
        "versions": {name: name for name in names},
        "analysis": {"slices": sliced, "label_doubt": {name: {"count": 3, "rows": []} for name in names}},
    }
    report = Report.read(save_run(folder, comments, scores_of(comments, 1), **changes))
    sets = {name: {"rows": 2, "classes": dict.fromkeys(names, 1)} for name in ("test", *names)}
    details = {
        "ensemble": {"members": [{"name": name, "weights": [0.5], "average_precision": 0.5} for name in names],
                     "average_precision": 0.5},
        "metric": {"size": 2, "loss": first, "encoder": first, "history": [{"epoch": 1, "loss": 1.0, first: 0.5}]},
        "gan": dict.fromkeys(names, first),
    }  # fmt: skip
    data = {**report.data, "source": first, "notes": list(names), "sets": sets, "details": details}
    trials = [{"number": 0, "settings": dict.fromkeys(names, first), "value": None, "failure": first, "seconds": 1.0}]
    search = {"folds": 2, "stratified": True, "trials": trials, "method": first, "best": 0, "metric": first}
    return report.model_copy(update={"data": data, "search": search})


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Report]:
    """A report with hostile names, and one alike with harmless names."""
    folder = tmp_path_factory.mktemp("reports")
    harmless = tuple(f"name{i}" for i in range(len(HOSTILE)))
    return _report(folder / "hostile", HOSTILE), _report(folder / "harmless", harmless)


def _rows(names: tuple[str, ...]) -> tuple[Any, list[dict[str, Any]]]:
    """A plan of a benchmark, and its rows; control characters in its names are refused."""
    names = tuple(re.sub(r"[\x00-\x1f\x7f-\x9f]", "", name) for name in names)
    entries = [
        {"name": name, "recipe": "ngram_logistic", "settings": {"model.C": i + 1.0}} for i, name in enumerate(names)
    ]
    corpora = [{"source": "corpus:sample", "name": name} for name in names[:2]]
    plan = parsed({"title": names[0], "corpora": corpora, "entries": entries, "seeds": [0, 1]}, "test")
    rows = [
        {"corpus": corpus, "entry": entry, "seed": seed, "status": "done", "findings": [entry], "fit_seconds": 1.0,
         "metrics": {"average_precision": 0.5 + seed / 100 + i / 100},
         "parts": {"training": {"rows": 20 * (j + 1), "classes": {"toxic": 1}}}, "test_sha256": f"{seed}",
         "test_part": "drawn"}
        for j, corpus in enumerate(names[:2]) for i, entry in enumerate(names) for seed in (0, 1)
    ]  # fmt: skip
    rows.append({"corpus": names[0], "entry": names[1], "seed": 2, "status": "failed", "reason": names[2]})
    return plan, rows


def _seen(text: str) -> bool:
    return text == "\n".join(map(visible, text.split("\n")))


def _latex_rows(text: str) -> Iterator[str]:
    """The rows of tables; outside of them only comments, rules, and begin and end of a table may stand."""
    for line in text.splitlines():
        if line.endswith(r" \\"):
            yield line
        else:
            assert re.fullmatch(r"%.*|\\(top|mid|bottom)rule|\\begin\{tabular\}\{lr*\}|\\end\{tabular\}|", line), line


_LATEX = re.compile(
    r"[^\\&%$#_{}~^\x00-\x08\x0a-\x1f\x7f]|\\[&%$#_{}]|\\(textbackslash|textasciitilde|textasciicircum)\{\}|\{[\[*]\}|\\textbf\{|\}"
    r"|\$\\(Delta|pm)\$"
)


def _kind(line: str) -> str:
    """What a line of Markdown begins: a heading, an item, a row of a table, or nothing."""
    found = re.match(r"#+ |\||- ", line)
    return found[0] if found else ""


def _check_latex(text: str, columns: int | None = None) -> None:
    assert _seen(text)
    for row in _latex_rows(text):
        for cell in row.removesuffix(r" \\").split(" & "):
            assert _LATEX.sub("", cell) == "", cell
            assert not cell.startswith(("[", "*"))
            bare = cell.replace(r"\{", "").replace(r"\}", "")
            assert bare.count("{") == bare.count("}")


def test_markdown_has_the_lines_and_tables_of_harmless_names(reports: tuple[Report, Report], tmp_path: Path) -> None:
    texts = [report.to_markdown() for report in reports]
    for names in (HOSTILE, tuple(f"name{i}" for i in range(len(HOSTILE)))):
        plan, rows = _rows(names)
        texts.append(benchmark_tables.to_markdown(plan, benchmark_tables.lines_of(plan, rows)))
    for text, harmless in (texts[:2], texts[2:]):
        assert _seen(text)
        assert not re.search(r"<(?!br)[/a-z!]|(?<!\\)\]\(http|!\[", text.replace("[report.html](report.html)", ""))
        lines, expected = text.splitlines(), harmless.splitlines()
        assert len(lines) == len(expected)
        for line, other in zip(lines, expected, strict=True):
            assert _kind(line) == _kind(other)
            assert _kind(line) != "|" or len(re.findall(r"(?<!\\)\|", line)) == other.count("|")


def test_html_has_the_elements_of_harmless_names(reports: tuple[Report, Report], tmp_path: Path) -> None:
    texts = [page(report) for report in reports] + [report._repr_html_() for report in reports]
    for names in (HOSTILE, tuple(f"name{i}" for i in range(len(HOSTILE)))):
        plan, rows = _rows(names)
        write_tables(plan, rows, tmp_path)
        texts.append((tmp_path / "table.html").read_text("utf-8"))
    for text, harmless in (texts[:2], texts[2:4], texts[4:]):
        found, expected = (
            _Page(re.sub(r"(?s)<script>(?!window).*?</script>", "<script>", page)) for page in (text, harmless)
        )
        assert found.tags == expected.tags
        assert found.attributes == expected.attributes
        assert not any(name.startswith("on") for name in found.attributes)
        assert _seen(re.sub(r"(?s)<script>(?!window).*?</script>", "", text))  # our own scripts hold any character


def test_latex_has_commands_of_its_own_only(reports: tuple[Report, Report]) -> None:
    _check_latex(component("format", "latex").target(reports[0]))
    plan, rows = _rows(HOSTILE)
    lines = benchmark_tables.lines_of(plan, rows)
    text = benchmark_tables.to_latex(plan, lines)
    _check_latex(text)
    assert re.search(r"& \\textbf\{\+\d", text)  # what is significant is bold


def test_no_cell_of_a_csv_file_is_a_formula() -> None:
    plan, rows = _rows(HOSTILE)
    stream = io.StringIO(newline="")
    RowWriter(stream, HOSTILE, "csv").write(dict(zip(HOSTILE, HOSTILE, strict=True)))
    tables = (benchmark_tables.to_csv(benchmark_tables.lines_of(plan, rows)), stream.getvalue())
    for text in tables:
        found = list(csv.reader(io.StringIO(text, newline="")))
        assert len({len(row) for row in found}) == 1
        for cell in (cell for row in found for cell in row):
            assert not re.match(r"[=+\-@\t\r\n]", cell) or re.fullmatch(r"[+-][\d.e-]+", cell)


@pytest.mark.check
def test_a_figure_has_a_box_or_an_escape_for_what_is_not_seen(reports: tuple[Report, Report], tmp_path: Path) -> None:
    assert _matplotlib.drawable("\u202e\x1b") == "\\u202e\\x1b"
    (path,) = write_figures(reports[0], tmp_path, ["confusion"], label=HOSTILE[9])
    assert _seen(path.read_text("utf-8"))


@pytest.mark.long
@needs_chromium
def test_no_script_of_a_name_runs(reports: tuple[Report, Report], tmp_path: Path) -> None:
    """In Chromium, with every chart of some labels drawn."""
    plan, rows = _rows(HOSTILE)
    write_tables(plan, rows, tmp_path)
    (tmp_path / "report.html").write_text(page(reports[0]), "utf-8")
    assert available(reports[0])
    with chromium() as browser:
        for name in ("report.html", "table.html"):
            browsed = Browsed(browser.new_page(), tmp_path / name)
            for label in (0, 4, len(HOSTILE) - 1):
                if name == "report.html":
                    browsed.page.locator("#label").select_option(str(label))
                for plot in browsed.page.locator(".plot").all():
                    plot.scroll_into_view_if_needed()
            browsed.page.locator(".main-svg").first.wait_for()
            for element in browsed.page.locator("th, td, .plot").all()[:50]:
                element.dispatch_event("mouseover")
            assert browsed.page.evaluate("window.hacked") is None
            assert browsed.page.locator("main img").count() == 0
            assert [line for line in browsed.console if not line.startswith("trace: WARN")] == []  # of Plotly
            assert browsed.requests == [(tmp_path / name).as_uri()]
