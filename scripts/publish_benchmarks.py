"""The tables of docs/benchmarks.md: the plans `notes` and `models`, run and written down.

    python scripts/publish_benchmarks.py --jobs 2            # what is missing, then the page
    python scripts/publish_benchmarks.py --plans notes       # one of them
    python scripts/publish_benchmarks.py --tables            # run nothing: the page from the runs that are there

Needs the corpora curse, beep and unsmile, and the extras [boost], [konlpy] and [rivals]. What stands between the page's marks is
written anew; the words around it are not.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from math import cos, pi, sin
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure as Picture
from matplotlib.transforms import Bbox
from study_imbalance import ROOT, fill, how

from toxiclf.benchmark.plan import Plan, load_plan
from toxiclf.benchmark.running import finished, run_plan
from toxiclf.benchmark.tables import Line, table, to_csv
from toxiclf.benchmark.writing import write_tables
from toxiclf.report.markdown import markdown_table

PAGE, PICTURE = ROOT / "docs/benchmarks.md", ROOT / "docs/images/benchmarks.png"
COMMAND = "python scripts/publish_benchmarks.py --jobs 2"


def main() -> None:
    """Run what is missing, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", nargs="+", choices=list(WRITERS), default=list(WRITERS))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder with a folder of rows for each plan")
    parser.add_argument("--tables", action="store_true", help="run nothing")
    options = parser.parse_args()
    for name in options.plans:
        plan, out = load_plan(name), options.out / f"benchmark-{name}"
        if not options.tables:
            run_plan(plan, out, jobs=options.jobs, say=lambda message: print(message, file=sys.stderr, flush=True))
        rows, missing = whole(plan, finished(plan, out))
        if not rows:
            sys.exit(f"no corpus of the plan {name} is measured in full in {out}; run it without --tables")
        lines = write_tables(plan, rows, out)
        target = ROOT / f"docs/results/{name}.csv"
        target.parent.mkdir(exist_ok=True)
        target.write_text(to_csv(lines), "utf-8")
        left = f" Not measured in full yet: {', '.join(missing)}." if missing else ""
        fill(PAGE, {name: WRITERS[name](plan, lines), f"how {name}": [how(plan, COMMAND, rows, lines) + left]})
        print(f"{len(rows):,} runs: {PAGE.relative_to(ROOT)}, {target.relative_to(ROOT)}")


def whole(plan: Plan, rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of corpora of which all runs are there, and the names of the others."""
    planned = Counter(run.corpus.title for run in plan.runs())
    found = Counter(row["corpus"] for row in rows)
    missing = [title for title, count in planned.items() if found[title] < count]
    return [row for row in rows if row["corpus"] not in missing], missing


def notes(plan: Plan, lines: Sequence[Line]) -> list[str]:
    """A row for each figure of the notes, ours beside it; of what they give no figure for, ours alone."""
    rows = [["", "metric", "notes", "ours", "95 % interval", "n", "fit, s"]]
    published = {entry.name: entry.published for entry in plan.entries}
    for line in lines:
        name = line.entry + (f" ({line.note})" if line.note else "")
        for metric, theirs in (published[line.entry] or {plan.metrics[0]: None}).items():
            figure = line.figures.get(metric)
            cells = [name, metric.replace("_", " "), "–" if theirs is None else f"{theirs:.3f}"]
            failed = sum(line.failures.values())
            why = "training diverged" if all("diverged" in reason for reason in line.failures) else "failed"
            stopped = f"{why} in {failed} of {failed + line.seeds}" if failed else ""
            if figure is None:
                cells += [stopped, "", "0", ""]
            else:
                ours = f"{figure.mean:.3f}" + ("" if figure.deviation is None else f" ± {figure.deviation:.3f}")
                interval = "" if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
                better = theirs is not None and figure.mean >= theirs
                ours = f"**{ours}**" if better else ours
                cells += [
                    f"{stopped}, else {ours}" if stopped else ours,
                    interval,
                    str(line.seeds),
                    f"{line.fit_seconds:.0f}",
                ]
            rows.append(cells)
            name = ""
    return markdown_table(rows)


def models(plan: Plan, lines: Sequence[Line]) -> list[str]:
    """The table of each corpus; and the picture, quality against what a comment costs."""
    found: list[str] = []
    corpora = list(dict.fromkeys(line.corpus for line in lines))
    for corpus in corpora:
        of = [line for line in lines if line.corpus == corpus]
        of.sort(key=lambda line: line.rank if line.rank is not None else len(lines))
        found += [f"### {corpus}", "", *markdown_table(table(plan, of)), ""]
    draw(plan, lines, corpora)
    return found


def draw(plan: Plan, lines: Sequence[Line], corpora: Sequence[str]) -> None:
    """A panel a corpus: average precision with its interval against the latency of one comment.

    What does little more than the majority class is named below its panel: shown, it would press the others together.
    """
    metric = plan.metrics[0]
    rivals = {entry.name for entry in plan.entries if entry.rival}
    picture = Picture(figsize=(11, 5.4 * len(corpora)), layout="constrained")
    panels = picture.subplots(len(corpora), 1, squeeze=False)[:, 0]
    for panel, corpus in zip(panels, corpora, strict=True):
        of = [line for line in lines if line.corpus == corpus and line.latency_ms and metric in line.figures]
        floor = next((line.figures[metric].mean for line in of if line.entry == "majority"), 0.0)
        best = max(line.figures[metric].mean for line in of)
        shown = [line for line in of if line.figures[metric].mean > floor + (best - floor) / 5]
        for line in shown:
            figure, color = line.figures[metric], "#b3562f" if line.entry in rivals else "#2f6db3"
            half = 0.0 if figure.low is None else figure.mean - figure.low
            panel.errorbar(
                line.latency_ms,
                figure.mean,
                yerr=half,
                marker="o",
                markersize=4,
                capsize=2,
                elinewidth=0.8,
                color=color,
            )
        left = ", ".join(f"{line.entry} {line.figures[metric].mean:.2f}" for line in of if line not in shown)
        panel.set_xscale("log")
        panel.set_title(f"{corpus} (blue: ours, red: rivals)")
        panel.set_ylabel(f"{metric.replace('_', ' ')}, 95 % interval")
        panel.set_xlabel(
            "one comment, text to verdict, ms\n(not shown, as they are near the majority class or below:\n"
            f"{textwrap.fill(left, 100)})"
        )
        panel.margins(x=0.1)
        picture.draw_without_rendering()
        points = panel.transData.transform([(line.latency_ms, line.figures[metric].mean) for line in shown])
        taken = [Bbox.from_extents(x - 8, y - 4, x + 8, y + 4) for x, y in points]
        for line in sorted(shown, key=lambda line: -line.figures[metric].mean):
            name(panel, line.entry, (line.latency_ms, line.figures[metric].mean), taken)
    picture.savefig(PICTURE, dpi=110, metadata={"Software": None})


def name(panel: Any, text: str, point: tuple[Any, float], taken: list[Any]) -> None:
    """`text` beside `point`, at the nearest place where nothing of `taken` is; a line leads to it where it is not next to it."""
    turns = [(cos(turn * pi / 6), sin(turn * pi / 6)) for turn in (0, 6, 1, 5, 11, 7, 2, 4, 10, 8)]
    for far in (7, 14, 24, 36, 50):
        for x, y in turns:
            label = panel.annotate(
                text,
                point,
                (x * far, y * far),
                textcoords="offset points",
                fontsize=7,
                va="center",
                ha="left" if x > 0 else "right",
            )
            box = label.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                taken.append(box)
                if far > 7:
                    line = {"arrowstyle": "-", "linewidth": 0.4, "color": "#999999"}
                    panel.annotate("", point, (x * far, y * far), textcoords="offset points", arrowprops=line)
                return
            label.remove()


WRITERS: dict[str, Callable[[Plan, Sequence[Line]], list[str]]] = {"notes": notes, "models": models}

if __name__ == "__main__":
    main()
