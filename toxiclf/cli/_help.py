"""Help texts of commands: options in groups, and examples at the end."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

EXAMPLES = {
    "train": """toxiclf train comments.csv --out runs/mine
toxiclf train comments.csv --model cnn --set decision.objective=f2
toxiclf train forum.csv --text 댓글 --label 악플,혐오
Often set: decision.objective, decision.prior, balance.class_weight, balance.augment, text.views, text.tokenizer;
toxiclf list recipe-keys names all.""",
    "evaluate": "toxiclf evaluate runs/mine/bundle new.csv --out runs/new",
    "calibrate": """toxiclf calibrate runs/mine/bundle own.csv --out runs/mine-calibrated
toxiclf calibrate runs/mine/bundle own.csv --set decision.objective=flag_rate=0.02 --out runs/mine-calibrated""",
    "compare": "toxiclf compare runs/first runs/second --out comparison.md",
    "figures": "toxiclf figures runs/mine --only precision_recall,calibration --format pdf --out figures",
    "benchmark": """toxiclf benchmark --corpus corpus:curse --model ngram_logistic,cnn --seeds 0..2
toxiclf benchmark models --jobs 2""",
    "predict": """toxiclf predict "오늘도 좋은 하루" --bundle runs/mine/bundle
toxiclf predict new.csv --bundle runs/mine/bundle --out scored.csv
toxiclf predict forum.csv --text 댓글 --bundle runs/mine/bundle --threshold 0.7
cat texts.txt | toxiclf predict - --bundle runs/mine/bundle""",
    "estimate-prevalence": "toxiclf estimate-prevalence runs/mine/bundle live.csv",
    "inspect": "toxiclf inspect runs/mine/bundle",
    "pack": "toxiclf pack runs/mine/bundle bundle.zip",
    "pretrain": """toxiclf pretrain texts.txt --out vectors/mine
toxiclf pretrain --show 영화""",
    "list": """toxiclf list models
toxiclf list recipe-keys --model svm""",
    "corpora list": "toxiclf corpora list",
    "corpora show": "toxiclf corpora show beep",
    "corpora path": "toxiclf corpora path beep/test",
    "corpora fetch": "toxiclf corpora fetch curse",
}
"""Lines below the heading "Examples" in the help of each command."""


class GroupedCommand(TyperCommand):
    """A command whose help groups options by their ``rich_help_panel``, which Typer ignores in plain help texts."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and each group of options to the help text, under a heading each."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                default = "Arguments" if parameter.param_type_name == "argument" else "Options"
                groups.setdefault(getattr(parameter, "rich_help_panel", None) or default, []).append(record)
        for name, records in groups.items():
            with formatter.section(name):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples to the help text, one line each and without wrapping."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
