"""Tables of a benchmark: means over seeds, paired differences with Holm's correction, and costs of each entry."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from toxiclf.benchmark.plan import UNCALIBRATED, Plan
from toxiclf.evaluation.comparison import setting
from toxiclf.evaluation.metrics import lower_is_better
from toxiclf.evaluation.statistics import holm, mean_interval, paired_p
from toxiclf.recipe import Recipe
from toxiclf.recipe.loading import OLD_BEHAVIOR
from toxiclf.report.latex import latex_comment, latex_table
from toxiclf.report.markdown import markdown_table, markdown_text
from toxiclf.rows.writer import neutralised


@dataclass(frozen=True)
class Figure:
    """One metric of an entry on a corpus, over all seeds.

    Attributes
    ----------
    mean, deviation : mean and sample standard deviation over seeds; the deviation is None for a single seed.
    low, high : 95 % interval of the mean, by Student's t over seeds. If each seed draws its own test set, the variance
        is corrected for the overlap of the test sets (Nadeau and Bengio 2003). None for a single seed.
    difference, difference_low, difference_high : mean difference from the baseline entry with its 95 % interval, over
        the seeds with which both entries ran on the same test set; None for the baseline itself.
    p, holm : p value of the paired t-test with the same corrected variance, and the p value after Holm's correction for
        all entries on the corpus (Holm 1979). None if the test set is the same for all seeds, because one test set says
        nothing about others.
    published : value that others published, or None.
    """

    mean: float
    deviation: float | None = None
    low: float | None = None
    high: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    p: float | None = None
    holm: float | None = None
    published: float | None = None


@dataclass(frozen=True)
class Line:
    """One line of a table: the results of an entry on a corpus.

    Attributes
    ----------
    corpus, entry, note : title of the corpus, name of the entry and its remark.
    seeds : number of seeds with a finished run.
    figures : results by metric; empty if no run is finished.
    at_rate : results on the test set weighted to the training prevalence; empty if training was not subsampled.
    rank, rank_at_rate : mean rank over seeds by the first metric, where 1 is best; None if the entry lacks seeds that
        other entries have.
    fit_seconds, memory_mb, bundle_bytes : medians over seeds; memory is the growth of the process.
    latency_ms : latency for one comment, minimum over seeds, because other programs can only make it longer.
    findings : number of runs with each finding, by its code.
    failures : number of failed runs, by the reason.
    toxic : share of training comments with the first label.
    own_test : whether the corpus has its own test set, which is then the same for all seeds.
    """

    corpus: str
    entry: str
    note: str
    seeds: int
    figures: dict[str, Figure]
    at_rate: dict[str, Figure]
    rank: float | None
    rank_at_rate: float | None
    fit_seconds: float | None
    memory_mb: float | None
    latency_ms: float | None
    bundle_bytes: float | None
    findings: dict[str, int]
    failures: dict[str, int]
    toxic: float | None
    own_test: bool


def lines_of(plan: Plan, rows: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Return a line for each corpus and each entry that ran on it, in the plan's order."""
    lines = []
    for corpus in plan.corpora:
        corpus_rows = [row for row in rows if row["corpus"] == corpus.title]
        by_entry = {entry.name: [row for row in corpus_rows if row["entry"] == entry.name] for entry in plan.entries}
        ranks, ranks_at_rate = (_ranks(plan, by_entry, part) for part in ("metrics", "at_rate"))
        figures = {part: _figures(plan, by_entry, part) for part in ("metrics", "at_rate")}
        for entry in plan.entries:
            entry_rows = by_entry[entry.name]
            done = [row for row in entry_rows if row["status"] == "done"]
            if not entry_rows:
                continue
            line = Line(
                corpus=corpus.title,
                entry=entry.name,
                note=entry.note,
                seeds=len(done),
                figures=figures["metrics"][entry.name],
                at_rate=figures["at_rate"][entry.name],
                rank=ranks.get(entry.name),
                rank_at_rate=ranks_at_rate.get(entry.name),
                fit_seconds=_middle(done, "fit_seconds"),
                memory_mb=_middle(done, "memory_mb"),
                latency_ms=min((row["latency_ms"] for row in done if row.get("latency_ms") is not None), default=None),
                bundle_bytes=_middle(done, "bundle_bytes"),
                findings=dict(Counter(code for row in done for code in row["findings"])),
                failures=dict(Counter(row["reason"] for row in entry_rows if row["status"] == "failed")),
                toxic=_toxic(done),
                own_test=any(row["test_part"] == "own" for row in done),
            )
            lines.append(line)
    return lines


def _toxic(done: Sequence[Mapping[str, Any]]) -> float | None:
    shares = [next(iter(r["parts"]["training"]["classes"].values())) / r["parts"]["training"]["rows"] for r in done]
    return float(np.mean(shares)) if shares else None


def _values(rows: Sequence[Mapping[str, Any]], part: str, metric: str) -> dict[int, float]:
    values = {row["seed"]: row.get(part, {}).get(metric) for row in rows if row["status"] == "done"}
    return {seed: value for seed, value in values.items() if value is not None}


def _figures(
    plan: Plan, by_entry: Mapping[str, Sequence[Mapping[str, Any]]], part: str
) -> dict[str, dict[str, Figure]]:
    """Return the results of each entry on one corpus, by metric.

    ``part`` is "metrics", or "at_rate" for metrics on the test set weighted to the training prevalence. A difference
    uses the seeds with which both entries ran on the same test set.
    """
    figures: dict[str, dict[str, Figure]] = {entry.name: {} for entry in plan.entries}
    tests_of = {name: {row["seed"]: row.get("test_sha256") for row in rows} for name, rows in by_entry.items()}
    own_test = any(row.get("test_part") == "own" for rows in by_entry.values() for row in rows)
    shared = 0.0 if own_test else plan.test_share
    for metric in plan.metrics:
        tests: dict[str, float] = {}
        for entry in plan.entries:
            values = _values(by_entry[entry.name], part, metric)
            if not values:
                continue
            reference = plan.reference_of(entry)
            base = _values(by_entry[reference], part, metric)
            array = np.array(list(values.values()))
            facts: dict[str, Any] = {
                "mean": float(array.mean()),
                "published": entry.published.get(metric) if part == "metrics" else None,
            }
            if len(array) > 1:
                facts["deviation"] = float(array.std(ddof=1))
                facts["low"], facts["high"] = mean_interval(array, shared)
            pairs = [
                seed
                for seed in sorted(set(values) & set(base))
                if tests_of[entry.name][seed] == tests_of[reference][seed]
            ]
            if entry.name != reference and pairs:
                differences = np.array([values[seed] - base[seed] for seed in pairs])
                facts["difference"] = float(differences.mean())
                if len(differences) > 1:
                    facts["difference_low"], facts["difference_high"] = mean_interval(differences, shared)
                    if not own_test:
                        facts["p"] = tests[entry.name] = paired_p(differences, shared)
            figures[entry.name][metric] = Figure(**facts)
        for name, corrected in zip(tests, holm(list(tests.values())), strict=True):
            figures[name][metric] = Figure(**{**asdict(figures[name][metric]), "holm": corrected})
    return figures


def _ranks(plan: Plan, by_entry: Mapping[str, Sequence[Mapping[str, Any]]], part: str) -> dict[str, float]:
    """Return each entry's mean rank over seeds by the first metric; entries that lack seeds of others are left out."""
    metric = plan.metrics[0]
    values = {name: _values(rows, part, metric) for name, rows in by_entry.items()}
    most = max(map(len, values.values()), default=0)
    values = {name: by_seed for name, by_seed in values.items() if len(by_seed) == most}
    seeds = sorted(set[int]().union(*values.values()))
    values = {name: by_seed for name, by_seed in values.items() if len(by_seed) == len(seeds)}
    if not seeds or not values:
        return {}
    sign = 1.0 if metric == UNCALIBRATED or lower_is_better(metric) else -1.0
    matrix = np.array([[sign * by_seed[seed] for by_seed in values.values()] for seed in seeds])
    return dict(zip(values, stats.rankdata(matrix, axis=1).mean(axis=0).tolist(), strict=True))


def _middle(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [row[key] for row in rows if row.get(key) is not None]
    return float(np.median(values)) if values else None


def to_markdown(plan: Plan, lines: Sequence[Line]) -> str:
    """Return Markdown with the tables of each corpus, see :func:`corpus_tables`."""
    parts = [f"# {markdown_text(plan.title)}", "", markdown_text(caption(plan, lines))]
    for corpus, corpus_lines in by_corpus(lines).items():
        for title, cells in corpus_tables(plan, corpus, corpus_lines):
            parts += ["", f"## {markdown_text(title)}", "", *markdown_table(cells)]
        failures = [
            f"- {line.entry}, {count} runs: {reason}"
            for line in corpus_lines
            for reason, count in line.failures.items()
        ]
        if failures:
            parts += ["", "Runs that failed:", "", *map(markdown_text, failures)]
    return "\n".join(parts) + "\n"


def to_latex(plan: Plan, lines: Sequence[Line]) -> str:
    """Return the tables of each corpus in LaTeX with booktabs; comments name them."""
    parts = [latex_comment(f"{plan.title}: {caption(plan, lines)}")]
    for corpus, corpus_lines in by_corpus(lines).items():
        for title, cells in corpus_tables(plan, corpus, corpus_lines):
            parts += ["", latex_comment(title), latex_table(cells)]
    return "\n".join(parts) + "\n"


def by_corpus(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Return the lines of each corpus, by its title."""
    return {
        name: [line for line in lines if line.corpus == name] for name in dict.fromkeys(line.corpus for line in lines)
    }


def corpus_tables(plan: Plan, corpus: str, lines: Sequence[Line]) -> list[tuple[str, list[list[str]]]]:
    """Return the tables of one corpus with their titles.

    They are the results, the results on the weighted test set if training was subsampled, and the costs.
    """
    titles = {"figures": corpus, "at_rate": f"{corpus}, test set weighted to the training prevalence"}
    tables = [
        (title, table(plan, lines, part))
        for part, title in titles.items()
        if part == "figures" or any(line.at_rate for line in lines)
    ]
    return [*tables, (f"{corpus}, costs", cost_table(lines))] if any(line.seeds for line in lines) else tables


def caption(plan: Plan, lines: Sequence[Line]) -> str:
    """Return the text that explains how to read the tables."""
    text = (
        f"Values are mean ± standard deviation over n seeds. Differences are to {_references(plan)}, paired by "
        "seed, with 95 % intervals (Student's t, corrected for the overlap of test sets where each seed draws "
        "its own). Bold: p < .05 after Holm's correction for all entries of the table. Rank is by "
        f"{_plain(plan.metrics[0])}. Fit time (with out-of-fold scores) and memory (growth of the process) are "
        "medians over seeds; latency is the minimum for one comment; all use one thread. "
        f"Text settings, unless an entry has its own: {_text_settings(plan)}."
    )
    own = list(dict.fromkeys(line.corpus for line in lines if line.own_test))
    if own:
        text += (
            f" {', '.join(own)} has its own test set, which is the same for all seeds; its deviations and "
            "intervals show variation of training alone, and nothing is bold."
        )
    return text


def _text_settings(plan: Plan) -> str:
    """Return the settings of the text steps that not every version has, as all entries without settings have them."""
    keys = [key for key in OLD_BEHAVIOR if key.startswith("text.")]
    text = Recipe().changed({key: plan.settings[key] for key in keys if key in plan.settings}).text
    values = text.model_dump(mode="json") | {"views": text.title_of_views}
    return ", ".join(f"{key} = {setting(values[key.removeprefix('text.')])}" for key in keys)


def _references(plan: Plan) -> str:
    names = list(dict.fromkeys(plan.reference_of(entry) for entry in plan.entries))
    return names[0] if len(names) == 1 else f"the entry above each ({', '.join(names)})"


def table(plan: Plan, lines: Sequence[Line], part: str = "figures") -> list[list[str]]:
    """Return the rows of one corpus's table as lists of cells, the heading first.

    ``part`` is the attribute of the lines that the table shows: "figures" or "at_rate".
    """
    heading = ["", "n"]
    published = any(figure.published is not None for line in lines for figure in line.figures.values())
    for metric in plan.metrics:
        heading += [_plain(metric), *(["published"] if published and part == "figures" else []), "Δ vs baseline"]
    heading += ["rank", "findings"]
    return [heading, *(_cells(plan, line, part, published) for line in lines)]


def starred(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a table for a terminal, with a star after what is bold in Markdown."""
    return [[f"{cell.strip('*')} *" if cell.startswith("**") else cell for cell in row] for row in rows]


def cost_table(lines: Sequence[Line]) -> list[list[str]]:
    """Return the rows of one corpus's table of costs as lists of cells, the heading first."""
    rows = [["", "fit, s", "memory, MB", "latency, ms", "bundle, kB"]]
    for line in lines:
        size = None if line.bundle_bytes is None else line.bundle_bytes / 1000
        forms = zip(
            (line.fit_seconds, line.memory_mb, line.latency_ms, size),
            ("{:,.1f}", "{:,.0f}", "{:.2f}", "{:,.0f}"),
            strict=True,
        )
        rows.append([line.entry, *("–" if value is None else form.format(value) for value, form in forms)])
    return rows


def _cells(plan: Plan, line: Line, part: str, published: bool) -> list[str]:
    figures: Mapping[str, Figure] = getattr(line, part)
    cells = [line.entry + (f" ({line.note})" if line.note else ""), str(line.seeds)]
    for metric in plan.metrics:
        figure = figures.get(metric)
        cells.append("–" if figure is None else _mean(figure))
        if published and part == "figures":
            cells.append("" if figure is None or figure.published is None else f"{figure.published:.3f}")
        cells.append("" if figure is None else _difference(figure))
    rank = line.rank if part == "figures" else line.rank_at_rate
    cells.append("–" if rank is None else f"{rank:.1f}")
    codes = {**line.findings, **({"failed": sum(line.failures.values())} if line.failures else {})}
    cells.append(", ".join(f"{code} {count}" for code, count in codes.items()))
    return cells


def _mean(figure: Figure) -> str:
    return f"{figure.mean:.3f}" + ("" if figure.deviation is None else f" ± {figure.deviation:.3f}")


def _difference(figure: Figure) -> str:
    if figure.difference is None:
        return ""
    text = f"{figure.difference:+.3f}"
    if figure.difference_low is not None:
        text += f" ({figure.difference_low:+.3f} to {figure.difference_high:+.3f})"
    return f"**{text}**" if figure.holm is not None and figure.holm < 0.05 else text


def _plain(metric: str) -> str:
    return metric.replace("_", " ").replace(" 0.9", " .9")


def to_csv(lines: Sequence[Line]) -> str:
    """Return CSV with a row for each line and metric, and a second row for metrics on the weighted test set."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    keys = list(Figure.__dataclass_fields__)
    costs = ["fit_seconds", "memory_mb", "latency_ms", "bundle_bytes"]
    writer.writerow(["corpus", "entry", "seeds", "rows", "metric", *keys, "rank", *costs])
    for line in lines:
        for part, name, rank in (
            ("figures", "unweighted", line.rank), ("at_rate", "at the training prevalence", line.rank_at_rate),
        ):  # fmt: skip
            for metric, figure in getattr(line, part).items():
                facts = asdict(figure)
                writer.writerow(
                    [
                        neutralised(line.corpus),
                        neutralised(line.entry),
                        line.seeds,
                        name,
                        metric,
                        *(facts[k] for k in keys),
                        rank,
                        *(getattr(line, k) for k in costs),
                    ]
                )
    return stream.getvalue()
