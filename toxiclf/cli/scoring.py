"""The commands ``toxiclf predict``, ``toxiclf inspect`` and ``toxiclf pack``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toxiclf._console import print_json, print_line, print_table, say
from toxiclf.cli import options
from toxiclf.cli._rejected import report_rejected
from toxiclf.errors import UsageError

if TYPE_CHECKING:
    from toxiclf.bundle.manifest import Manifest
    from toxiclf.moderator import Moderator
    from toxiclf.verdict import Verdict


_TABLES = (
    ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".xlsx", ".xlsm", ".gz", ".bz2", ".xz", ".zip",
)  # fmt: skip


@options.reads_columns(only=["header", "delimiter", "sheet"])  # its --text may be a comment
def predict(
    *,
    given: Annotated[
        str | None,
        typer.Argument(
            metavar="COMMENT|FILE|-",
            help="A comment, or a CSV, TSV, JSON, Excel or text file; - is standard input.",
            show_default=False,
        ),
    ] = None,
    bundle: Annotated[
        Path | None,
        options.of_model(metavar="DIR|FILE.zip", help="Bundle folder of a run, or a file that `toxiclf pack` wrote."),
    ] = None,
    text: Annotated[list[str] | None, options.TEXT] = None,
    column: Annotated[str | None, options.of_input(hidden=True)] = None,
    columns: dict[str, Any],
    out: Annotated[
        Path | None,
        options.of_output(metavar="FILE", help="Write to this file (.csv, .tsv or .jsonl) instead of standard output."),
    ] = None,
    rejected: Annotated[
        Path | None,
        options.of_output(metavar="FILE", help="File of rejected rows [default: OUT.rejected.csv, or rejected.csv]."),
    ] = None,
    prior: Annotated[str | None, options.PRIOR] = None,
    threshold: Annotated[str | None, options.THRESHOLD] = None,
    explain: Annotated[
        bool,
        options.of_output(
            "--explain", help="Name the tokens that raise or lower each score; takes many times as long."
        ),
    ] = False,
    strict: Annotated[bool, options.STRICT] = False,
    as_json: Annotated[bool, options.of_output("--json", help="Write JSON Lines.")] = False,
) -> None:
    """Score comments with a bundle; a file may have any size, because it is read as a stream."""
    from toxiclf.bundle.prevalence import in_words
    from toxiclf.moderator import load

    if bundle is None:
        raise UsageError("--bundle is missing; give the bundle folder that `toxiclf train` wrote")
    of_files = {"column": column, **columns, "out": out, "rejected": rejected}
    flags = [f"--{name}" for name, value in of_files.items() if value is not None]
    if given is not None:
        source = _file(given, certain=bool(flags or text))
        comments = [] if source else [given]
        if text and (len(text) > 1 or column is not None):
            raise UsageError("--text names the column of the comments in the file; give it once")
        column = text[0] if text else column
    elif text:
        source, comments = None, text
        if flags:
            raise UsageError(f"{', '.join(flags)} needs a file; give it as the argument, or leave the flag out")
        say('--text names a column of a file; write a comment as the argument: toxiclf predict "…" --bundle DIR')
    else:
        raise UsageError('give a comment, such as toxiclf predict "오늘도 좋은 하루", a file, or - for standard input')
    moderator = load(bundle, prior=options.parsed_prior(prior), thresholds=options.parsed_threshold(threshold))
    if moderator.prior is not None:
        say(f"scores are corrected to the {in_words(moderator.prior)}")
    if source is None:
        verdicts = moderator.check(comments, explain=explain)
        if as_json:
            for comment, verdict in zip(comments, verdicts, strict=True):
                print_json({"text": comment, **verdict.as_dict()})
        else:
            _print_verdicts(moderator, comments, verdicts, explain=explain)
        return
    from toxiclf.predict import predict_rows

    result = predict_rows(
        moderator,
        source,
        column=column,
        out=out,
        rejected=rejected,
        json_lines=as_json,
        say=say,
        explain=explain,
        **columns,
    )
    report_rejected(result.rejected, result.rejected_file, strict=strict, unsaved="give --rejected FILE to save them")


def _print_verdicts(
    moderator: Moderator, comments: Sequence[str], verdicts: Sequence[Verdict], *, explain: bool
) -> None:
    """Print a line for each comment and label and, if verdicts are explained, a second table with a line for each token."""
    negative = moderator.manifest.negative if moderator.manifest.arg_max else None
    pairs = list(zip(comments, verdicts, strict=True))
    lines = [[comment, *cells] for comment, verdict in pairs for cells in _cells(verdict, negative)]
    print_table([["comment", "label", "score", *(["threshold"] if negative is None else []), "verdict"], *lines])
    if explain:
        tokens = [
            [comment, entry.label, token.text, f"{token.start}–{token.end}", f"{token.effect:+.4f}"]
            for comment, verdict in pairs
            for entry in verdict.entries
            for token in entry.tokens or ()
        ]
        print_table([["comment", "label", "token", "position", "effect on the score"], *tokens])


def _cells(verdict: Verdict, negative: str | None) -> list[list[str]]:
    """Return the cells of each label: its name, score, threshold and verdict.

    Where the class with the highest score is the verdict, there are cells of each class, ``negative`` first, without
    thresholds, and only that class has a verdict.
    """
    if negative is None:
        return [
            [entry.label, f"{entry.score:.4f}", f"{entry.threshold:.4f}", "toxic" if entry.is_toxic else "ok"]
            for entry in verdict.entries
        ]
    scores = {entry.label: entry.score for entry in verdict.entries}
    scores = {negative: max(0.0, 1.0 - sum(scores.values())), **scores}
    word = "toxic" if verdict.is_toxic else "ok"
    return [[name, f"{score:.4f}", word if name == verdict.label else ""] for name, score in scores.items()]


def _file(given: str, *, certain: bool) -> str | None:
    """Return the file that the argument names; None if it is a comment.

    Parameters
    ----------
    certain : whether other flags say that it is a file.

    Raises
    ------
    UsageError : the argument is empty, a pattern of several files, or an address.
    """
    if not given.strip():
        raise UsageError("the comment is empty; give a comment, a file, or - for standard input")
    if given == "-" or _exists(given):
        return given
    one_word = not any(map(str.isspace, given))
    if one_word and re.match(r"corpus:|[a-z][a-z0-9+.-]*://", given, re.IGNORECASE):
        raise UsageError(
            f"predict cannot read {given}; give a file (`toxiclf corpora path NAME` prints the path of a corpus) or, if it is "
            f'a comment, --text "{given}"'
        )
    certain = certain or (one_word and given.lower().endswith(_TABLES))
    if one_word and has_magic(given) and (certain or "/" in given):
        found = sorted(glob(given))  # noqa: PTH207  # the pattern may be absolute
        if len(found) > 1:
            raise UsageError(
                f"{given} matches {len(found)} files, such as {found[0]}; predict reads one file: call it for each"
            )
        if found:
            return found[0]
    return given if certain else None


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except OSError:  # a comment is too long for a name
        return False


def inspect(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Bundle folder of a run, or a file that `toxiclf pack` wrote.")
    ],
    as_json: Annotated[bool, options.JSON] = False,
) -> None:
    """Verify a bundle and show what is in it."""
    from toxiclf.moderator import load

    manifest = load(bundle).manifest
    if as_json:
        print_json(manifest.model_dump(mode="json"))
        return
    calibrations = manifest.calibration.labels
    print_table(
        [
            ["label", "threshold", "calibration", "calibrated at", "production prevalence"],
            *(
                [name, f"{threshold:.4f}", _calibration(manifest.calibration.method, entry), *_rates(manifest, j)]
                for j, (name, threshold, entry) in enumerate(
                    zip(manifest.labels, manifest.thresholds, calibrations, strict=True)
                )
            ),
        ]
    )
    facts = {
        "model": manifest.model,
        "labels": f"exclude each other; negative value {manifest.negative}; the verdict is "
        + ("the class with the highest score" if manifest.arg_max else "by thresholds")
        if manifest.negative
        else "independent",
        "text column": manifest.text_column,
        "tokenizer": ", ".join(manifest.tokenizer_versions.values()) or "none",
        "word vectors": manifest.word_vectors.get("source", "none"),
        "recipe": manifest.recipe_sha256,
        "data": manifest.data_sha256,
        "calibrated on": _origin(manifest),
        "versions": ", ".join(f"{name} {version}" for name, version in manifest.versions.items()),
    }
    print_table([["", ""], *([name, value] for name, value in facts.items())])
    print_table(
        [["file", "bytes", "sha256"], *([n, f"{f.size:,}", f"{f.sha256[:16]}…"] for n, f in manifest.files.items())]
    )
    print_line("verified: every file matches the manifest")


def pack(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Bundle folder of a run, or a file that `toxiclf pack` wrote.")
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, such as bundle.zip.")],
) -> None:
    """Verify a bundle and write it as one file, which every command that takes a bundle can read."""
    from toxiclf.bundle import store

    store.pack(bundle, file)
    print_line(f"packed: {file}")


def _calibration(method: str, entry: Any) -> str:
    if method == "platt":
        shift = f" {entry.shift:+.4f}" if entry.shift else ""
        return f"platt: sigmoid({entry.slope:.4f} · raw {entry.intercept:+.4f}{shift})"
    if method == "isotonic":
        return f"isotonic, {len(entry.knots_raw)} knots" + (f", log-odds {entry.shift:+.4f}" if entry.shift else "")
    return "none"


def _origin(manifest: Manifest) -> str:
    """Return where calibration and thresholds come from."""
    origin = manifest.calibrated_on
    if origin is None:
        return "held-out rows of training"
    counts = ", ".join(f"{count:,} {label}" for label, count in zip(manifest.labels, origin.counts, strict=False))
    return f"{origin.rows:,} other comments ({counts}), data {origin.data_sha256}; the older bundle has seal {origin.bundle_seal}"


def _rates(manifest: Manifest, j: int) -> list[str]:
    """Return two cells for label ``j``: its share when calibration was fitted, and its production prevalence."""
    from toxiclf.bundle.prevalence import percent

    cells = [percent(manifest.rates[j]) if manifest.rates else "not known"]
    return [*cells, percent(manifest.prior[j]) if manifest.prior is not None else "not set"]
