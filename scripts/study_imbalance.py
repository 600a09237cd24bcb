"""What helps when toxic comments are rare: the plan `imbalance`, its one table and its one picture in docs/imbalance.md.

    python scripts/study_imbalance.py --jobs 2               # what is missing, seeds 0 to 4, then the page
    python scripts/study_imbalance.py --seeds 2              # 0 and 1 alone
    python scripts/study_imbalance.py --tables               # run nothing: the page from the runs that are there

Needs the corpora curse and unsmile. `toxiclf benchmark imbalance` is the same study with tables of its own, and the same rows.
Every technique stands beside the same model with a threshold tuned for F1 on rows that it did not learn from, with Platt's
calibration and nothing else. Where training is subsampled, figures are of the whole test set weighted to the rate of training.

Differences are paired by seed; intervals are Student's t over seeds, corrected for what their parts share; bold where Holm's
correction for all techniques of a column leaves p below .05. What stands between the page's marks is written anew; the words around
it are not.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure as Picture

from toxiclf.benchmark.plan import Plan, load_plan
from toxiclf.benchmark.running import finished, run_plan
from toxiclf.benchmark.tables import Figure, Line, to_csv
from toxiclf.benchmark.writing import write_tables
from toxiclf.pipeline.save import versions
from toxiclf.report.markdown import markdown_table

ROOT = Path(__file__).parent.parent
PAGE, PICTURE, TABLE = (
    ROOT / "docs/imbalance.md",
    ROOT / "docs/images/imbalance.png",
    ROOT / "docs/results/imbalance.csv",
)
COMMAND = "python scripts/study_imbalance.py --jobs 2"
MORE = {"f1": "F1", "recall_at_precision_0.9": "Recall at precision .9", "brier": "Brier score (less is better)"}
UNTUNED = "threshold .5"
ORDER = ("average_precision", "recall_at_precision_0.9")
PANELS = {
    "class weights": "balanced weights", "focal loss": "focal", "repeating rows": "random_over",
    "leaving rows out": "random_under", "SMOTE": "smote", "GAN": "wgan", "metric: triplets": "triplet",
    "metric: contrastive": "supervised_contrastive", "copies: EDA": "eda", "copies: obfuscated": "obfuscate",
}  # fmt: skip
COLOURS = {"ngram_logistic": "#2f6db3", "logistic": "#c8442f", "svm": "#d98a1f", "cnn": "#7a5bb0"}
SHAPES = {"curse": ("o", "-"), "unsmile, any hate": ("s", "--"), "unsmile, 기타 혐오": ("^", ":")}
ENGLISH = {"기타 혐오": "other hate"}  # fonts of pictures need not have Hangul


def main() -> None:
    """Run what is missing, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark-imbalance"), help="folder of the rows")
    parser.add_argument("--tables", action="store_true", help="run nothing")
    options = parser.parse_args()
    plan = load_plan("imbalance").model_copy(update={"seeds": tuple(range(options.seeds))})
    if not options.tables:
        run_plan(plan, options.out, jobs=options.jobs, say=lambda message: print(message, file=sys.stderr, flush=True))
    rows = finished(plan, options.out)
    if not rows:
        sys.exit(f"no run of the study is in {options.out}; run it without --tables")
    lines = write_tables(plan, rows, options.out)
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(to_csv(lines), "utf-8")
    draw(plan, lines, PICTURE)
    if PAGE.exists():
        fill(
            PAGE,
            {"table": table(plan, lines), "more": more(plan, lines), "how": [how(plan, COMMAND, rows, lines)]},
        )
    print(f"{len(rows):,} runs: {PAGE.relative_to(ROOT)}, {PICTURE.relative_to(ROOT)}, {TABLE.relative_to(ROOT)}")


def how(plan: Plan, command: str, rows: Sequence[Mapping[str, Any]], lines: Sequence[Line]) -> str:
    """Command, versions, machine, date, and how many seeds."""
    known = versions()
    named = ", ".join(f"{name} {known[name]}" for name in ("scikit-learn", "keras", "tensorflow", "imbalanced-learn"))
    seconds = sum(row["seconds"] for row in rows)
    counts = sorted({line.seeds + sum(line.failures.values()) for line in lines})
    seeds = f"{counts[0]} seeds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds: not all runs are done"
    return (
        f"`{command}`: {len(rows):,} runs, {seeds}, {seconds / 3600:.1f} hours of one core, on a machine with {os.cpu_count()} "
        f"cores ({platform.machine()}), written {datetime.now(UTC):%Y-%m-%d}; toxiclf {known['toxiclf']}, Python "
        f"{known['python']}, {named}."
    )


def fill(page: Path, parts: dict[str, list[str]]) -> None:
    """Write what stands between marks anew."""
    text = page.read_text("utf-8")
    for name, lines in parts.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if not pattern.search(text):
            sys.exit(f"{page} has no marks '<!-- {name} -->' and '<!-- end of {name} -->'")
        content = "\n".join(lines)
        text = pattern.sub(lambda found, content=content: f"{found[1]}{content}\n{found[2]}", text)
    page.write_text(text, "utf-8")


def at_rate(line: Line) -> dict[str, Figure]:
    """Figures at the rate of training."""
    return line.at_rate or line.figures


def table(plan: Plan, lines: Sequence[Line], metric: str = "average_precision") -> list[str]:
    """By corpus, a row a technique, a column a rate: what a technique adds; of the model alone, the figure itself."""
    known = {(line.entry, line.corpus): line for line in lines if line.seeds}
    rates = sorted({corpus.rate for corpus in plan.corpora if corpus.rate is not None}, reverse=True)
    rows = [["", "as it is", *(f"{100 * rate:g} %" for rate in rates), "fit, s"]]
    for name in dict.fromkeys(corpus.plain for corpus in plan.corpora):
        titles = {corpus.rate: corpus.title for corpus in plan.corpora if corpus.plain == name}
        columns = [titles.get(rate) for rate in (None, *rates)]
        of = [line for line in known.values() if line.corpus in columns]
        if not of:
            continue
        share = next((f"{100 * line.toxic:.2g} %" for line in of if line.corpus == titles[None] and line.toxic), "")
        rows.append([f"***{name}***", f"*{share}*", *("" for _ in rates), ""])
        for entry in plan.entries:
            times = [line.fit_seconds for line in of if line.entry == entry.name and line.fit_seconds]
            if not times or (entry.name.endswith(UNTUNED) and metric in ORDER):
                continue  # a threshold does not change the order
            model, _, technique = entry.name.partition(", ")
            cells = [f"· {technique}" if technique else f"**`{model}`**"]
            for column in columns:
                line = known.get((entry.name, column or ""))
                figure = None if line is None else at_rate(line).get(metric)
                cells.append("" if figure is None else difference(figure) if technique else f"{figure.mean:.3f}")
            rows.append([*cells, f"{min(times):.0f} to {max(times):.0f}"])
    return markdown_table(rows)


def difference(figure: Figure) -> str:
    """Mean of paired differences and half their interval."""
    if figure.difference is None:
        return ""
    if figure.difference_low is None:
        return f"{figure.difference:+.3f}"
    text = f"{figure.difference:+.3f} ± {figure.difference - figure.difference_low:.3f}"
    return f"**{text}**" if figure.holm is not None and figure.holm < 0.05 else text


def more(plan: Plan, lines: Sequence[Line]) -> list[str]:
    """The same table of other metrics, folded."""
    found: list[str] = []
    for metric, title in MORE.items():
        found += ["<details>", f"<summary>{title}</summary>", "", *table(plan, lines, metric), "", "</details>", ""]
    found += ["<details>", "<summary>Brier score before and after calibration</summary>", ""]
    heading = ["", "before", "after", "columns where it is less after"]
    rows = [heading]
    for entry in plan.entries:
        of = [at_rate(line) for line in lines if line.entry == entry.name and not entry.name.endswith(UNTUNED)]
        of = [figures for figures in of if "brier" in figures]
        if of:
            pairs = [(figures["brier_uncalibrated"].mean, figures["brier"].mean) for figures in of]
            before, after = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
            better = sum(second < first for first, second in pairs)
            rows.append([entry.name, f"{before:.3f}", f"{after:.3f}", f"{better} of {len(pairs)}"])
    return [*found, *markdown_table(rows), "", "</details>"]


def draw(plan: Plan, lines: Sequence[Line], path: Path) -> None:
    """A panel a technique: what it adds to average precision, against the share of toxic comments in training."""
    matplotlib.rcParams.update({"font.size": 9, "svg.hashsalt": "toxiclf"})
    picture = Picture(figsize=(13, 5.6), layout="constrained")
    panels = picture.subplots(2, 5, sharex=True, sharey=True)
    shown: dict[str, object] = {}
    for panel, (title, technique) in zip(panels.flat, PANELS.items(), strict=True):
        panel.axhline(0, color="#8a8f98", linewidth=1)
        panel.set_title(title)
        panel.set_xscale("log")
        for place, (model, colour) in enumerate(COLOURS.items()):
            aside = 1.06 ** (place - 1.5)  # so that bars of the same rate do not cover each other
            for corpus, (marker, style) in SHAPES.items():
                rates = [entry.title for entry in plan.corpora if entry.plain == corpus]
                of = [
                    (line.toxic, at_rate(line)["average_precision"])
                    for line in lines
                    if line.entry == f"{model}, {technique}"
                    and line.corpus in rates
                    and line.toxic
                    and "average_precision" in at_rate(line)
                    and at_rate(line)["average_precision"].difference is not None
                ]  # fmt: skip
                if not of:
                    continue
                of.sort(key=lambda found: found[0])
                values = [figure.difference or 0.0 for _, figure in of]
                halves = [
                    0.0 if figure.difference_low is None else (figure.difference or 0.0) - figure.difference_low
                    for _, figure in of
                ]
                name = f"{model}, {corpus}"
                for korean, english in ENGLISH.items():
                    name = name.replace(korean, english)
                shown[name] = panel.errorbar(
                    [toxic * aside for toxic, _ in of], values, yerr=halves, color=colour, marker=marker, linestyle=style,
                    markersize=4, linewidth=1.2, elinewidth=0.8, capsize=2, alpha=0.9,
                )  # fmt: skip
    ticks = [0.006, 0.01, 0.05, 0.14, 0.35, 0.75]
    for panel in panels[-1]:
        panel.set_xticks(ticks, [f"{100 * tick:g} %" for tick in ticks], rotation=45)
        panel.minorticks_off()
        panel.set_xlabel("toxic in training")
    for panel in panels[:, 0]:
        panel.set_ylabel("average precision, minus\nthe same model without")
    picture.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=5, frameon=False)
    path.parent.mkdir(exist_ok=True)
    picture.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
