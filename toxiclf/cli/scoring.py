"""The commands ``toxiclf predict`` and ``toxiclf inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toxiclf._console import print_json, print_line, print_table, say
from toxiclf.cli import options
from toxiclf.errors import UsageError

if TYPE_CHECKING:
    from toxiclf.bundle.manifest import Manifest


def predict(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="CSV, TSV, JSON Lines or text file; - is standard input.")
    ] = None,
    bundle: Annotated[Path | None, options.of_model(metavar="DIR", help="Bundle folder of a run.")] = None,
    text: Annotated[
        list[str] | None,
        options.of_input(metavar="TEXT", help="Score this comment; may be given several times."),
    ] = None,
    column: Annotated[
        str | None,
        options.of_input(metavar="COL", help="Column with the comment; detected if left out."),
    ] = None,
    header: Annotated[bool | None, options.HEADER] = None,
    delimiter: Annotated[str | None, options.DELIMITER] = None,
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
    strict: Annotated[bool, options.STRICT] = False,
    as_json: Annotated[bool, options.of_output("--json", help="Write JSON Lines.")] = False,
) -> None:
    """Score comments with a bundle; a file may have any size, because it is read as a stream."""
    from toxiclf.bundle.prevalence import in_words
    from toxiclf.moderator import load

    if bundle is None:
        raise UsageError("--bundle is missing; give the bundle folder that `toxiclf train` wrote")
    if (file is None) == (not text):
        raise UsageError('give exactly one of FILE, - for standard input, and --text "…"')
    if text and any(given is not None for given in (column, header, delimiter, out, rejected)):
        raise UsageError(
            "--column, --header, --delimiter, --out and --rejected work only with a FILE; leave them out with --text"
        )
    moderator = load(bundle, prior=options.parsed_prior(prior), thresholds=options.parsed_threshold(threshold))
    if moderator.prior is not None:
        say(f"scores are corrected to the {in_words(moderator.prior)}")
    if text:
        verdicts = moderator.check(text)
        if as_json:
            for comment, verdict in zip(text, verdicts, strict=True):
                print_json({"text": comment, **verdict.as_dict()})
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
            print_table([heading, *lines])
        return
    from toxiclf.predict import predict_rows

    assert file is not None  # checked above: FILE or --text was given
    result = predict_rows(
        moderator,
        file,
        column=column,
        out=out,
        rejected=rejected,
        json_lines=as_json,
        say=say,
        header=header,
        delimiter=delimiter,
    )
    if result.rejected:
        say(f"{result.rejected:,} rows were rejected: {result.rejected_file}")
        if strict:
            raise typer.Exit(5)


def inspect(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Bundle folder of a run.")],
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
        "labels": f"exclude each other; negative value {manifest.negative}" if manifest.negative else "independent",
        "text column": manifest.text_column,
        "tokenizer": ", ".join(manifest.tokenizer_versions.values()) or "none",
        "word vectors": manifest.word_vectors.get("source", "none"),
        "recipe": manifest.recipe_sha256,
        "data": manifest.data_sha256,
        "versions": ", ".join(f"{name} {version}" for name, version in manifest.versions.items()),
    }
    print_table([["", ""], *([name, value] for name, value in facts.items())])
    print_table(
        [["file", "bytes", "sha256"], *([n, f"{f.size:,}", f"{f.sha256[:16]}…"] for n, f in manifest.files.items())]
    )
    print_line("verified: every file matches the manifest")


def _calibration(method: str, entry: Any) -> str:
    if method == "platt":
        shift = f" {entry.shift:+.4f}" if entry.shift else ""
        return f"platt: sigmoid({entry.slope:.4f} · raw {entry.intercept:+.4f}{shift})"
    if method == "isotonic":
        return f"isotonic, {len(entry.knots_raw)} knots" + (f", log-odds {entry.shift:+.4f}" if entry.shift else "")
    return "none"


def _rates(manifest: Manifest, j: int) -> list[str]:
    """Return two cells for label ``j``: its share when calibration was fitted, and its production prevalence."""
    from toxiclf.bundle.prevalence import percent

    cells = [percent(manifest.rates[j]) if manifest.rates else "not known"]
    return [*cells, percent(manifest.prior[j]) if manifest.prior is not None else "not set"]
