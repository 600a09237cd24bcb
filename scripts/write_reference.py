"""Write what the registry knows into docs/reference.md: recipe keys, components, and the results of all models.

python scripts/write_reference.py            # write
python scripts/write_reference.py --check    # exit 1 if it is not up to date, as the tests do
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from toxiclf._registry import KINDS, components
from toxiclf.recipe.reference import recipe_keys

ROOT = Path(__file__).resolve().parent.parent
CORPORA = {"curse": "curse", "beep, hate or offensive": "beep", "unsmile, any hate": "unsmile"}
TITLES = {
    "model": "Models: `model.name`",
    "resampler": "Resamplers: `balance.resample`",
    "augmenter": "Augmentation methods: `balance.augment`",
    "loss": "Losses of networks: `balance.loss`",
    "tokenizer": "Tokenizers: `text.tokenizer`",
    "view": "Views of disguised words: `text.views`",
    "pooling": "Poolings of word vectors: `features.pooling`",
    "metric-learner": "Metric learners: `features.metric_learning`",
    "metric": "Metrics of evaluation",
    "finding": "Findings: what a report warns of",
    "figure": "Figures of a report",
}


def cell(text: object) -> str:
    """Text that a Markdown table holds in one cell."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(heading: list[str], rows: list[list[object]]) -> str:
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def reference() -> str:
    """The page of recipe keys and components."""
    parts = [
        "# Reference: recipe keys and components",
        "Made from the registry by `python scripts/write_reference.py`; `toxiclf list` prints the same. A recipe is a TOML file; "
        "`--set KEY=VALUE` overrides any key. A key that has no effect on the chosen model is refused, and so is an unknown one.",
        "## Recipe keys",
        "Keys of `[model]` depend on the model: `toxiclf list recipe-keys --model NAME` prints those that have an effect on it.",
    ]
    rows: dict[str, list[list[object]]] = {}
    for row in recipe_keys(None):
        section = row.key.rpartition(".")[0] or "seed"
        rows.setdefault(section, []).append([f"`{row.key}`", row.type, f"`{row.default}`", row.meaning])
    for section, lines in rows.items():
        parts += [
            f"### `[{section}]`" if section != "seed" else "### At the top",
            table(["key", "type", "default", "meaning"], lines),
        ]
    for kind in KINDS:
        if kind not in TITLES:
            continue
        if kind == "model":
            parts += [
                f"## {TITLES[kind]}",
                "Average precision on the test set, with default settings, on three public corpora (35, 56 and 75 % toxic): "
                "mean ± standard deviation over five seeds, test share 25 %, by `toxiclf benchmark models`. "
                "The best of each corpus is bold. All metrics and intervals are in `docs/results/models.csv`.",
                models(),
            ]
            continue
        found = components(kind).values()
        lines = [[f"`{entry.name}`", entry.summary, f"`[{entry.extra}]`" if entry.extra else ""] for entry in found]
        parts += [f"## {TITLES[kind]}", table(["name", "what it is", "extra"], lines)]
    return "\n\n".join(parts) + "\n"


def models() -> str:
    """The table of models: what each is, and its average precision where it was measured."""
    with (ROOT / "docs" / "results" / "models.csv").open(encoding="utf-8", newline="") as file:
        measured = {
            (row["entry"], CORPORA[row["corpus"]]): f"{float(row['mean']):.3f} ± {float(row['deviation']):.3f}"
            for row in csv.DictReader(file)
            if row["metric"] == "average_precision" and row["rows"] == "as they are" and row["corpus"] in CORPORA
        }
    best = {corpus: max(value for (_, of), value in measured.items() if of == corpus) for corpus in CORPORA.values()}
    entries = [
        [measured.get((entry.name, corpus), "–") for corpus in CORPORA.values()]
        for entry in components("model").values()
    ]
    lines: list[list[object]] = [
        [
            f"`{entry.name}`",
            entry.summary,
            f"`[{entry.extra}]`" if entry.extra else "",
            *(f"**{v}**" if v == best[c] else v for v, c in zip(values, best, strict=True)),
        ]
        for entry, values in zip(components("model").values(), entries, strict=True)
    ]
    lines.sort(key=lambda line: str(line[3]).strip("*"), reverse=True)
    return table(["name", "what it is", "extra", *(f"`{corpus}`" for corpus in CORPORA.values())], lines)


def main() -> None:
    """Write the page, or say that it is not up to date."""
    path = ROOT / "docs" / "reference.md"
    text = reference()
    if path.exists() and path.read_text("utf-8") == text:
        return
    if "--check" in sys.argv:
        print(f"{path.relative_to(ROOT)} is not up to date; run: python scripts/write_reference.py")
        sys.exit(1)
    path.write_text(text, "utf-8")
    print(f"{path.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
