"""The command ``toxiclf estimate-prevalence``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from toxiclf._console import print_json, print_line, print_table, say
from toxiclf.cli import options


@options.reads_columns(only=["text", "header", "delimiter", "sheet"])
def estimate_prevalence(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Bundle folder of a run, or a file that `toxiclf pack` wrote.")
    ],
    live: Annotated[
        str,
        typer.Argument(
            metavar="LIVE|-",
            help="File of unlabeled comments, a random sample of production; - is standard input.",
        ),
    ],
    columns: dict[str, Any],
    as_json: Annotated[bool, options.JSON] = False,
) -> None:
    """Estimate the share of toxic comments among comments without labels, with a 95 % interval."""
    from toxiclf.bundle.prevalence import percent
    from toxiclf.moderator import load
    from toxiclf.predict import read_texts
    from toxiclf.quantification import estimate_prevalence as estimate

    moderator = load(bundle)
    texts = read_texts(live, moderator.manifest.text_column, say=say, **columns)
    estimates = list(estimate(moderator, texts).values())
    if as_json:
        for entry in estimates:
            print_json({**entry.as_dict(), "prior": entry.prior if entry.reliable else None})
        return

    trained = moderator.manifest.rates
    heading = ["label", "comments", "share (95 % interval)", "adjusted count", "in training"]
    print_table(
        [
            heading,
            *(
                [
                    entry.label,
                    f"{entry.n_comments:,}",
                    _cell(entry.share, entry.low, entry.high),
                    _cell(entry.pacc, entry.pacc_low, entry.pacc_high),
                    percent(round(trained[j], 4)) if trained else "not known",
                ]
                for j, entry in enumerate(estimates)
            ),
        ]
    )
    for entry in estimates:
        if entry.note:
            say(entry.note)
    usable = [entry for entry in estimates if entry.reliable]
    if usable and moderator.manifest.calibration.method != "none":
        named = len(estimates) > 1
        prior = ",".join(f"{entry.label}={entry.prior:g}" if named else f"{entry.prior:g}" for entry in usable)
        print_line(f"next: {shlex.join(('toxiclf', 'predict', live, '--bundle', str(bundle), '--prior', prior))}")
    elif usable:
        print_line(
            "next: scores of this bundle are not calibrated; train with decision.prior, or use toxiclf calibrate"
        )


def _cell(*values: float | None) -> str:
    """Return a share with its interval as percentages; "–" if it is not known."""
    from toxiclf.bundle.prevalence import percent

    share, *ends = (None if value is None else percent(round(value, 4)) for value in values)
    return "–" if share is None else f"{share} ({' to '.join(str(end) for end in ends)})"
