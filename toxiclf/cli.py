"""The command line: parse, call, print."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from toxiclf.errors import MissingExtraError, ToxiclfError, UsageError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Classify toxic comments when the toxic ones are rare; Korean first.",
    epilog="Exit codes: 0 done, 1 internal error, 2 usage or a missing extra, 3 unfit data, 4 bundle rejected, "
    "5 with --strict: rows were set aside, 6 training diverged, 130 interrupted.",
)

_COMMENTS = typer.Argument(
    metavar="COMMENTS",
    help="CSV, TSV, |-separated, JSON Lines or Parquet file, or corpus:NAME (sample, curse, beep, unsmile).",
)
_TEXT = typer.Option(metavar="COL", help="Column with the comment; detected if left out.")
_LABEL = typer.Option(
    metavar="COL[,COL…]",
    help="Label column, or several columns of 0 and 1; one with a comma in quotes; detected if left out.",
)
_NEGATIVE = typer.Option(
    metavar="VALUE", help="Label value that is not toxic; with more than two values, each other is a label."
)
_POSITIVE = typer.Option(metavar="VALUE", help="Label value that is toxic; may be given several times.")
_HEADER = typer.Option("--header/--no-header", help="Whether the first row names the columns; detected if left out.")
_DELIMITER = typer.Option(
    metavar="CHAR", help="What stands between columns, one character or tab; detected if left out."
)
_STRICT = typer.Option("--strict", help="Exit with 5 if any row was set aside.")
_JSON = typer.Option("--json", help="Print JSON in place of a table.")

Columns = dict[str, Any]


def _show_version(wanted: bool) -> None:
    if wanted:
        from toxiclf import __version__

        typer.echo(f"toxiclf {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Nothing to do before a command."""


@app.command()
def train(
    comments: Annotated[str, _COMMENTS],
    test: Annotated[str | None, typer.Option(metavar="FILE", help="Test part of its own, in place of a share.")] = None,
    text: Annotated[str | None, _TEXT] = None,
    label: Annotated[str | None, _LABEL] = None,
    negative: Annotated[str | None, _NEGATIVE] = None,
    positive: Annotated[list[str] | None, _POSITIVE] = None,
    header: Annotated[bool | None, _HEADER] = None,
    delimiter: Annotated[str | None, _DELIMITER] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help="Preset (ngram_logistic, logistic, svm, svm_linear, random_forest, dnn) or recipe file.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="ngram_logistic (default), logistic, svm, random_forest, dnn.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a recipe key, such as decision.objective=f2."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random step.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the run [default: runs/SOURCE-MODEL].")
    ] = None,
    strict: Annotated[bool, _STRICT] = False,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Train a classifier on labelled comments; writes report, figures, recipe and bundle."""
    from toxiclf.recipe import Recipe
    from toxiclf.training import check_writable, read_parts
    from toxiclf.training import train as train_model

    chosen = Recipe.load(recipe, model=model, settings=settings or (), seed=seed)
    folder = out or Path("runs") / f"{_stem(comments)}-{chosen.model.name}"
    check_writable(folder)
    columns = _columns(text, label, negative, positive, header, delimiter)
    rows, test_rows = read_parts(comments, test, **columns)
    for note in rows.notes + (test_rows.notes if test_rows is not None else ()):
        _say(note)
    trained = train_model(rows, chosen, test=test_rows, say=_say)
    trained.save(folder)
    report = trained.report
    if as_json:
        _print_json({**report.to_dict(), "out": str(folder)})
    else:
        _print_class_weights(report.data["class_weights"])
        _print_table(report.table())
        _print_findings(report.findings)
        typer.echo(f"report: {folder / 'report.md'}")
        if not trained.diverged:
            typer.echo(f"bundle: {folder / 'bundle'}")
    if trained.diverged:
        raise typer.Exit(6)
    if trained.rejected:
        _say(f"{len(trained.rejected):,} rows were set aside: {folder / 'rejected.csv'}")
        if strict:
            raise typer.Exit(5)


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Bundle folder of a run.")],
    comments: Annotated[str, _COMMENTS],
    text: Annotated[str | None, _TEXT] = None,
    label: Annotated[str | None, _LABEL] = None,
    negative: Annotated[str | None, _NEGATIVE] = None,
    positive: Annotated[list[str] | None, _POSITIVE] = None,
    header: Annotated[bool | None, _HEADER] = None,
    delimiter: Annotated[str | None, _DELIMITER] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write report.json, report.md and figures here.")
    ] = None,
    strict: Annotated[bool, _STRICT] = False,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Measure a bundle on labelled comments; of a corpus with a test part, on that part."""
    from toxiclf.evaluation.run import evaluate_bundle

    evaluated = evaluate_bundle(bundle, comments, **_columns(text, label, negative, positive, header, delimiter))
    report = evaluated.report
    for note in report.data["notes"]:
        _say(note)
    if out is not None:
        evaluated.save(out)
    if as_json:
        _print_json(report.to_dict())
    else:
        _print_table(report.table())
        _print_findings(report.findings)
    if evaluated.rejected:
        _say(
            f"{len(evaluated.rejected):,} rows were set aside"
            + (f": {out / 'rejected.csv'}" if out else "; --out DIR keeps them")
        )
        if strict:
            raise typer.Exit(5)


@app.command()
def predict(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="CSV, TSV, JSON Lines or text file; - is standard input.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(metavar="DIR", help="Bundle folder of a run.")] = None,
    text: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="Score this comment; may be given several times.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="COL", help="Column with the comment; detected if left out.")
    ] = None,
    header: Annotated[bool | None, _HEADER] = None,
    delimiter: Annotated[str | None, _DELIMITER] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here (.csv, .tsv or .jsonl) in place of standard output.")
    ] = None,
    rejected: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rows set aside [default: OUT.rejected.csv, or rejected.csv].")
    ] = None,
    strict: Annotated[bool, _STRICT] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON Lines.")] = False,
) -> None:
    """Score comments with a bundle, as a stream of any size."""
    from toxiclf.moderator import load

    if bundle is None:
        raise UsageError("which bundle? give --bundle DIR, the bundle folder that `toxiclf train` wrote")
    if (file is None) == (not text):
        raise UsageError('give a FILE, - for standard input, or --text "…"; one of them')
    if text and any(given is not None for given in (column, header, delimiter, out, rejected)):
        raise UsageError(
            "--column, --header, --delimiter, --out and --rejected speak of a FILE; leave them out with --text"
        )
    moderator = load(bundle)
    if text:
        verdicts = moderator.check(text)
        if as_json:
            for comment, verdict in zip(text, verdicts, strict=True):
                _print_json({"text": comment, **verdict.as_dict()})
        else:
            heading = ["comment", "label", "score", "threshold", "verdict"]
            lines = [
                [
                    comment,
                    entry.label,
                    f"{entry.score:.4f}",
                    f"{entry.threshold:.4f}",
                    "toxic" if entry.is_toxic else "ok",
                ]
                for comment, verdict in zip(text, verdicts, strict=True)
                for entry in verdict.entries
            ]
            _print_table([heading, *lines])
        return
    from toxiclf.predicting import predict_rows

    assert file is not None  # one of the two was given
    result = predict_rows(
        moderator,
        file,
        column=column,
        out=out,
        rejected=rejected,
        json_lines=as_json,
        say=_say,
        header=header,
        delimiter=delimiter,
    )
    if result.rejected:
        _say(f"{result.rejected:,} rows were set aside: {result.rejected_file}")
        if strict:
            raise typer.Exit(5)


@app.command()
def inspect(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Bundle folder of a run.")],
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Verify a bundle and show what is in it."""
    from toxiclf.moderator import load

    manifest = load(bundle).manifest
    if as_json:
        _print_json(manifest.model_dump(mode="json"))
        return
    calibrations = manifest.calibration.labels
    _print_table(
        [
            ["label", "threshold", "calibration"],
            *(
                [name, f"{threshold:.4f}", _calibration(manifest.calibration.method, entry)]
                for name, threshold, entry in zip(manifest.labels, manifest.thresholds, calibrations, strict=True)
            ),
        ]
    )
    facts = {
        "model": manifest.model,
        "labels": f"exclude each other; negative value {manifest.negative}" if manifest.negative else "independent",
        "text column": manifest.text_column,
        "tokenizer": ", ".join(manifest.tokenizer_versions.values()) or "none",
        "recipe": manifest.recipe_sha256,
        "data": manifest.data_sha256,
        "versions": ", ".join(f"{name} {version}" for name, version in manifest.versions.items()),
    }
    _print_table([["", ""], *([name, value] for name, value in facts.items())])
    _print_table([["file", "bytes", "sha256"], *([n, f"{f.size:,}", f.sha256] for n, f in manifest.files.items())])
    typer.echo("verified: every file is as the manifest says")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    _plain_streams()
    try:
        code = app(args=None if arguments is None else list(arguments), standalone_mode=False)
    except typer.Abort:
        return _failed("interrupted", 130)
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except ToxiclfError as error:
        return _failed(str(error), error.exit_code)
    except _usage_error() as error:
        error.show()
        return int(error.exit_code)
    except OSError as error:
        return _failed(f"{error.strerror or error}: {error.filename or 'while reading or writing'}", 1)
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("toxiclf"):
            raise
        return _failed(str(MissingExtraError(f"this command uses {error.name}, which", "train")), 2)
    return code if isinstance(code, int) else 0


def _usage_error() -> Any:
    """The base of Typer's complaints about flags; Typer has no public name for it, and keeps it in other places by version."""
    return next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def _failed(message: str, code: int) -> int:
    typer.echo(f"toxiclf: {message}", err=True)
    return code


def _say(message: str) -> None:
    typer.echo(message, err=True)


def _plain_streams() -> None:
    """Write UTF-8 whatever the locale, and never fail on a lone surrogate."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Callable[..., None] | None = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def _columns(
    text: str | None, label: str | None, negative: str | None, positive: list[str] | None, header: bool | None,
    delimiter: str | None,
) -> Columns:  # fmt: skip
    names = tuple(name.strip() for name in next(csv.reader([label], skipinitialspace=True))) if label else ()
    return {
        "text": text, "label": names, "negative": negative, "positive": tuple(positive or ()),
        "header": header, "delimiter": delimiter,
    }  # fmt: skip


def _stem(source: str) -> str:
    return source.removeprefix("corpus:").replace("/", "-") if source.startswith("corpus:") else Path(source).stem


def _calibration(method: str, entry: Any) -> str:
    if method == "platt":
        return f"platt: sigmoid({entry.slope:.4f} · raw {entry.intercept:+.4f})"
    return f"isotonic, {len(entry.knots_raw)} knots" if method == "isotonic" else "none"


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, ensure_ascii=False, allow_nan=False))


def _print_class_weights(weights: Sequence[dict[str, Any]]) -> None:
    heading = ["problem", "class", "training rows", "weight"]
    _print_table([heading, *([w["problem"], w["class"], f"{w['rows']:,}", f"{w['weight']:.3f}"] for w in weights)])


def _print_findings(findings: Sequence[Any]) -> None:
    for finding in findings:
        typer.echo(f"{finding.severity}: {finding.code}: {finding.message} {finding.next_step}")


def _print_table(lines: Sequence[Sequence[str]]) -> None:
    """A table by rich on a terminal; tab-separated lines off one, whole and easy to cut."""
    if not sys.stdout.isatty():
        for line in lines:
            if any(line):
                typer.echo("\t".join(cell.strip() for cell in line))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold", show_header=any(lines[0]))
    for heading in lines[0]:
        table.add_column(Text(heading), overflow="fold")
    for line in lines[1:]:
        table.add_row(*(Text(cell) for cell in line))
    Console().print(table)
