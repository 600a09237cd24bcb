"""docs/speed.md and README's sentence about speed, from docs/results/speed.json. tests/test_speed_page.py holds them equal."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS, PAGE = ROOT / "docs/results/speed.json", ROOT / "docs/speed.md"
DEFAULT, NO_VIEWS = "ngram_logistic", "ngram_logistic, no views"
LABELS = {
    NO_VIEWS: "– `text.views=none`",
    f"{DEFAULT}, pure": "– `TOXICLF_PURE=1`",
    f"{NO_VIEWS}, pure": "– both",
}
"""What the page calls a contestant, where that is not its name."""
RATIOS = [
    ("one comment", "p50", DEFAULT, DEFAULT),
    ("– `text.views=none`", "p50", NO_VIEWS, NO_VIEWS),
    ("– `TOXICLF_PURE=1`", "p50", f"{DEFAULT}, pure", DEFAULT),
    ("– both", "p50", f"{NO_VIEWS}, pure", NO_VIEWS),
    ("batch", "batch_1", DEFAULT, DEFAULT),
    ("– `text.views=none`", "batch_1", NO_VIEWS, NO_VIEWS),
    ("– `TOXICLF_PURE=1`", "batch_1", f"{DEFAULT}, pure", DEFAULT),
    ("– both", "batch_1", f"{NO_VIEWS}, pure", NO_VIEWS),
    ("two threads", "batch_2", DEFAULT, DEFAULT),
    ("– `text.views=none`", "batch_2", NO_VIEWS, NO_VIEWS),
    ("– `bilstm`", "batch_2", "bilstm", "bilstm"),
    ("– `cnn`", "batch_2", "cnn", "cnn"),
    ("loading", "load", DEFAULT, DEFAULT),
    ("file, CPU", "cpu", "file", "file"),
    ("cold `predict`, CPU", "cpu", "predict", "predict"),
    ("`--help`, CPU", "cpu", "help", "help"),
]
"""Rows of the comparison with before: words, measure, contestant now and contestant before."""

_INTRO = """\
# Speed

`python scripts/bench_scoring.py --publish` made this page and [speed.json](results/speed.json) in one run:
{date}, {cores} cores ({processor}), Python {python}, {packages}; load average {load_before} before, {load_after} after.
Figures are medians over {rounds} interleaved rounds, in wall time unless CPU is named.
One comment: median and p99 of 500 comments of `curse`, training rows included.
A batch has 2,048 to 10,240 of them. AP is average precision on one test set.
`TOXICLF_PURE=1` switches the C modules off.

## Models

{models}

Two threads do less than twice the work, as normalizing, views and verdicts hold Python's lock.

## Other libraries

{peers}

All but korcen learn from the same rows.
korcen is a list of words; `char_wb` is a logistic regression over TF-IDF of character n-grams (2 to 5).
`fastText, n-grams` adds them and word bigrams.
{absent}
In another run (CPU), C finds a comment's n-grams in 12 µs, numpy in 40.
pyahocorasick 2.3.1 takes 102 µs; daachorse, ahocorasick_rs and marisa-trie take longer.

## Commands

`predict` scores a file of {lines} comments in {file_wall} s ({file_cpu} s of CPU), and one comment, with the start, in {predict} s.
`--help` takes {help} s; for comparison, `python -c "import sklearn"` {sklearn} s.
"""
_BEFORE = """
## Against the version without C ({commit})

Median ratio (lowest–highest) for the default model unless another is named:

{ratios}
"""
README_LINES = {
    "README.md": (
        r"^One comment takes the default model .*$",
        "One comment takes the default model {default} ms at the median, `svm` {svm} ms and `bilstm` {bilstm} ms "
        "(`curse`, one thread; [speed](docs/speed.md)).",
    ),
    "README.ko.md": (
        r"^댓글 하나를 처리하는 시간의 중앙값은 .*$",
        "댓글 하나를 처리하는 시간의 중앙값은 기본 모델이 {default}ms, `svm`이 {svm}ms, `bilstm`이 {bilstm}ms입니다"
        "(`curse`, 스레드 하나; [속도](docs/speed.md)).",
    ),
}
"""By file, a pattern for its line about speed, and the line; Korean pages write 0.5 where English ones write .5."""


def to_json(results: dict[str, Any]) -> str:
    """Return the results with four significant digits, a contestant a line."""

    def rounded(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: rounded(item) for key, item in value.items()}
        return [float(f"{item:.4g}") for item in value]

    results = {**results, "seconds": {name: rounded(value) for name, value in results["seconds"].items()}}
    parts = []
    for key, value in results.items():
        lines = [f"  {json.dumps(name)}: {json.dumps(item)}" for name, item in value.items()]
        parts.append(f" {json.dumps(key)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def read_results() -> dict[str, Any]:
    """Return what was measured."""
    results: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    return results


def write_pages() -> None:
    """Write docs/speed.md and the lines of README."""
    results = read_results()
    PAGE.write_text(page(results), "utf-8")
    for name, (pattern, _) in README_LINES.items():
        path = ROOT / name
        line = readme_line(results, name)
        text, count = re.subn(pattern, line, path.read_text("utf-8"), flags=re.MULTILINE)
        assert count == 1, f"{name}: {count} lines about speed"
        path.write_text(text, "utf-8")


def readme_line(results: dict[str, Any], name: str) -> str:
    """Return the line about speed of a README."""
    seconds = results["seconds"]
    models = {"default": DEFAULT, "svm": "svm", "bilstm": "bilstm"}
    figures = {key: _two(median(seconds[model]["p50"]) * 1e3) for key, model in models.items()}
    if name.endswith(".ko.md"):
        figures = {key: re.sub(r"^\.", "0.", figure) for key, figure in figures.items()}
    return README_LINES[name][1].format(**figures)


def page(results: dict[str, Any]) -> str:
    """Return docs/speed.md, or as much of it as was measured."""
    run, seconds, contestants = results["run"], results["seconds"], results["contestants"]
    before = [name for name in contestants if name.endswith(", before")]
    peers = [name for name, each in contestants.items() if not each["versions"].startswith("toxiclf")]
    models = [name for name in contestants if name not in before and name not in peers]
    absent = [f"`{name}`" for name in run["absent"]]
    whole = {"file_wall": ("file", "wall"), "file_cpu": ("file", "cpu"), "predict": ("predict", "wall")}
    whole |= {"help": ("help", "wall"), "sklearn": ("import sklearn", "wall")}
    text = _INTRO.format(
        **{key: run[key] for key in ("date", "cores", "processor", "python", "rounds")},
        packages=", ".join(f"{name} {number}" for name, number in run["packages"].items()),
        load_before=_two(run["load_before"]),
        load_after=_two(run["load_after"]),
        lines=f"{run['lines']:,}",
        models=_table(models, results, threads=True),
        peers=_table(peers, results, threads=False),
        absent=f"Not installed: {', '.join(absent)}; the script's `--help` says how.\n" if absent else "",
        **{key: _two(median(seconds[name][clock])) if name in seconds else "?" for key, (name, clock) in whole.items()},
    )
    return text + (_BEFORE.format(commit=run["commits"]["before"], ratios=_ratios(seconds)) if before else "")


def _table(names: Sequence[str], results: dict[str, Any], *, threads: bool) -> str:
    measures = ["batch_1", "batch_2"] if threads else ["batch_1"]
    rows = [f"||AP|one comment, ms|p99|comments/s|{'two threads|' if threads else ''}"]
    rows.append("|---|---|---|---|" + "---:|" * len(measures))
    for name in names:
        of, about = results["seconds"][name], results["contestants"][name]
        package, _, number = about["versions"].partition(" ")
        label = LABELS.get(name) or (f"`{name}`" if package == "toxiclf" else _versioned(name, number))
        single = [_two(median(of[measure]) * 1e3) for measure in ("p50", "p99")]
        rates = [f"{float(f'{1 / median(of[key]):.3g}'):,.0f}" if key in of else "–" for key in measures]
        precision = f"{about['average_precision']:.3f}".removeprefix("0")
        rows.append(f"|{'|'.join([label, precision, *single, *rates])}|")
    return "\n".join(rows)


def _versioned(name: str, number: str) -> str:
    name, comma, setting = name.partition(",")
    return f"{name} {number}{comma}{setting}"


def _ratios(seconds: dict[str, dict[str, list[float]]]) -> str:
    rows = ["||times as fast|", "|---|---|"]
    for label, measure, now, before in RATIOS:
        old = seconds.get(f"{before}, before", {}).get(measure)
        if old is not None and now in seconds:
            found = sorted(b / a for a, b in zip(seconds[now][measure], old, strict=True))
            rows.append(f"|{label}|{_two(median(found))} ({_two(found[0])}–{_two(found[-1])})|")
    return "\n".join(rows)


def _two(number: float) -> str:
    """Two significant digits, as pages write them: .062, .62, 6.2, 62."""
    shown = f"{float(f'{number:.2g}'):.10f}".rstrip("0").rstrip(".")
    return shown.removeprefix("0") or "0"
