"""Write what the registry knows into the pages: docs/reference.md, and the table of models in README.md.

python scripts/write_reference.py            # write
python scripts/write_reference.py --check    # exit 1 where a page is not up to date, as the tests do
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from toxiclf._registry import KINDS, components
from toxiclf.recipe.reference import recipe_keys

ROOT = Path(__file__).resolve().parent.parent
CORPORA = {"curse": "curse", "beep, hate or offensive": "beep", "unsmile, any hate": "unsmile"}
START, END = "<!-- models: written by scripts/write_reference.py -->", "<!-- end of models -->"
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
            *(f"**{v}**" if v == best[c] else v for v, c in zip(values, best, strict=True)),
        ]
        for entry, values in zip(components("model").values(), entries, strict=True)
    ]
    lines.sort(key=lambda line: str(line[2]).strip("*"), reverse=True)
    return table(["model", "what it is", *(f"`{corpus}`" for corpus in CORPORA.values())], lines)


def main() -> None:
    """Write the pages, or say which are not up to date."""
    readme = (ROOT / "README.md").read_text("utf-8")
    before, _, rest = readme.partition(START)
    after = rest.partition(END)[2]
    pages = {
        ROOT / "README.md": f"{before}{START}\n{models()}\n{END}{after}" if rest else readme,
        ROOT / "docs" / "reference.md": reference(),
    }
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not up to date; run: python scripts/write_reference.py")
        sys.exit(1 if stale else 0)
    for path in stale:
        path.write_text(pages[path], "utf-8")
        print(f"{path.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
