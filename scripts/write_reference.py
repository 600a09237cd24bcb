"""Write what the code knows into pages: docs/reference/recipe.md (recipe keys, components, results of models) and cli.md.

python scripts/write_reference.py            # write
python scripts/write_reference.py --check    # exit 1 if it is not up to date, as the tests do
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from toxiclf._registry import KINDS, components
from toxiclf.cli import app
from toxiclf.recipe.loading import OLD_BEHAVIOR
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

EXIT_CODES = {
    0: "The command did what it was asked to. Findings and rejected rows do not change this code.",
    1: "An internal error, or a file that cannot be read or written.",
    2: "A wrong option, argument or recipe key, or an extra that is not installed. The message gives the pip command.",
    3: "Unfit data: no usable row, too few comments of a class, a damaged file, or a benchmark without a finished run.",
    4: "The bundle was refused: it is damaged, was changed, or has a newer format.",
    5: "With `--strict`: the command finished, but rows were rejected.",
    6: "Training diverged. The report says why, and there is no bundle.",
    130: "Interrupted by Ctrl-C.",
    143: "Terminated by SIGTERM; 129 by SIGHUP, 141 if nobody reads the output.",
}
EXAMPLES = {
    "train": "toxiclf train corpus:sample --seed 1 --out runs/first",
    "evaluate": (
        "# warns: the model has learned from most of these comments\n"
        "toxiclf evaluate runs/first/bundle corpus:sample --out runs/measured"
    ),
    "compare": (
        "toxiclf train corpus:sample --seed 1 --model logistic --out runs/second\n"
        "toxiclf compare runs/first runs/second --out runs/comparison.md"
    ),
    "calibrate": (
        "toxiclf train corpus:sample --seed 1 --set split.test=0.5 --out runs/half\n"
        "toxiclf calibrate runs/half/bundle corpus:sample --out runs/calibrated"
    ),
    "figures": "toxiclf figures runs/first --out runs/figures --only precision_recall",
    "benchmark": (
        "toxiclf benchmark --corpus corpus:sample --model majority,ngram_logistic --seeds 0..1 \\\n"
        "    --set decision.folds=2 --out runs/benchmark"
    ),
    "predict": 'toxiclf predict "오늘도 좋은 하루" --bundle runs/first/bundle --json',
    "estimate-prevalence": "toxiclf corpora path sample | xargs toxiclf estimate-prevalence runs/first/bundle",
    "inspect": "toxiclf inspect runs/first/bundle",
    "pack": "toxiclf pack runs/first/bundle runs/bundle.zip",
    "pretrain": "toxiclf pretrain --show 쓰레기",
    "list": "toxiclf list recipe-keys --model svm",
    "corpora list": "toxiclf corpora list",
    "corpora show": "toxiclf corpora show beep",
    "corpora path": "toxiclf corpora path sample",
    "corpora fetch": "toxiclf corpora fetch sample",
}
"""One a command; they run in this order in one folder."""


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
        "# Recipe keys and components",
        "Made from the registry by `python scripts/write_reference.py`; `toxiclf list` prints the same. A recipe is a TOML file; "
        "`--set KEY=VALUE` overrides any key. A key that has no effect on the chosen model is refused, and so is an unknown one.",
        "If a recipe file lacks a key that version 0.1 did not have, it trains as version 0.1 did, and a note says so. "
        f"Those keys are {', '.join(f'`{key}`' for key in OLD_BEHAVIOR)}; presets, `--model`, `--set` and the "
        "`recipe.toml` of a run have the defaults below.",
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


def command_line() -> str:
    """The page of commands, their options and exit codes."""
    group = typer.main.get_command(app)
    commands = dict(_commands(group))
    if set(commands) != set(EXAMPLES):
        sys.exit(f"EXAMPLES must name each command once; they are {', '.join(commands)}")
    named = {int(code) for code in re.findall(r"\b\d+\b", group.epilog or "")}
    if named != set(EXIT_CODES):
        sys.exit(f"EXIT_CODES and the end of `toxiclf --help`, which names {sorted(named)}, must have the same codes")
    parts = [
        "# Command line",
        "Written by `python scripts/write_reference.py` from the commands themselves; `toxiclf COMMAND -h` prints the same.",
        "Results go to standard output, messages to standard error. `toxiclf --version` prints the version. Off a terminal there "
        "is no animation, and `NO_COLOR` turns colors off. For `--set`, see the [recipe keys](recipe.md).",
    ]
    for name, command in commands.items():
        parts += [f"## `toxiclf {name}`", " ".join((command.help or "").split()), *_parameters(command)]
        parts += [f"```sh\n{EXAMPLES[name]}\n```"]
    codes = [[str(code), meaning] for code, meaning in EXIT_CODES.items()]
    parts += ["## Exit codes", table(["code", "meaning"], codes)]
    return "\n\n".join(parts) + "\n"


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Commands by name, those of subgroups as two words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _parameters(command: Any) -> Iterator[str]:
    """Tables of arguments and options, one for each group of options."""
    groups: dict[str, list[list[object]]] = {}
    for parameter in command.params:
        if getattr(parameter, "hidden", False):
            continue
        is_option = parameter.opts[0].startswith("-")
        groups.setdefault(getattr(parameter, "rich_help_panel", None) or "", []).append(_row(parameter, is_option))
    for title, rows in groups.items():
        if title:
            yield f"**{title}**"
        yield table(["argument or option", "default", "meaning"], rows)


def _row(parameter: Any, is_option: bool) -> list[object]:
    """An argument or option: how it is written, its default, its meaning."""
    is_flag = bool(getattr(parameter, "is_flag", False))
    value = parameter.metavar or ("" if is_flag else "N")  # what has no name of its own is a number
    least = getattr(parameter, "min", None)
    flags = "/".join([*parameter.opts, *parameter.secondary_opts])
    written = f"{flags} {value}".strip() if is_option else value
    meaning = " ".join((parameter.help or "").split())
    if least is not None:
        meaning += f" At least {least}."
    given = re.search(r" ?\[default: (.*?)\]", meaning)
    is_detected = "; detected if left out" in meaning
    meaning = re.sub(r" ?\[default: .*?\]|; detected if left out", "", meaning)
    if getattr(parameter, "multiple", False) and "repeatable" not in meaning:
        meaning += f"{'' if meaning.endswith('.') else '.'} May be given several times."
    if given is not None:
        default = given[1]
    elif is_detected:
        default = "detected"
    elif parameter.required:
        default = "required"
    elif is_flag and not parameter.secondary_opts:
        default = "off"
    elif parameter.default is None or callable(parameter.default):
        default = "–"
    else:
        default = f"`{parameter.default}`"
    return [f"`{written}`", default, meaning if meaning.endswith(".") else f"{meaning}."]


def models() -> str:
    """The table of models: what each is, and its average precision where it was measured."""
    with (ROOT / "docs" / "results" / "models.csv").open(encoding="utf-8", newline="") as file:
        measured = {
            (row["entry"], CORPORA[row["corpus"]]): f"{float(row['mean']):.3f} ± {float(row['deviation']):.3f}"
            for row in csv.DictReader(file)
            if row["metric"] == "average_precision" and row["rows"] == "unweighted" and row["corpus"] in CORPORA
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
    """Write the pages, or say which are not up to date."""
    pages = {
        ROOT / "docs" / "reference" / "recipe.md": reference(),
        ROOT / "docs" / "reference" / "cli.md": command_line(),
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
