"""The command ``toxiclf calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from toxiclf._console import print_json, print_line, print_table, say
from toxiclf.cli import options
from toxiclf.cli._rejected import report_rejected, saving_rejected, write_beside
from toxiclf.errors import UsageError


@options.reads_columns(without=["by"])
def calibrate(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Bundle folder of a run, or a file that `toxiclf pack` wrote.")
    ],
    comments: Annotated[str, options.COMMENTS],
    *,
    out: Annotated[
        Path | None,
        options.of_output(
            metavar="DIR|FILE.zip", help="New bundle: a folder or one file; an older bundle is replaced."
        ),
    ] = None,
    columns: dict[str, Any],
    settings: Annotated[
        list[str] | None,
        options.of_decision(
            "--set",
            metavar="KEY=VALUE",
            help="Set decision.objective, decision.calibrate, decision.prior or decision.folds.",
        ),
    ] = None,
    seed: Annotated[int, options.of_decision(metavar="N", help="Seed of the folds and of the bootstrap.")] = 0,
    strict: Annotated[bool, options.STRICT] = False,
    as_json: Annotated[bool, options.JSON] = False,
) -> None:
    """Give a bundle a new calibration and thresholds, from a few hundred of your own labeled comments."""
    from toxiclf.bundle import store
    from toxiclf.pipeline.recalibrate import calibrate as calibrated
    from toxiclf.pipeline.recalibrate import figures_table
    from toxiclf.recipe import Recipe

    if out is None:
        raise UsageError("--out is missing; give the folder of the new bundle, or a file that ends in .zip")
    if out.resolve() in (bundle.resolve(), (bundle / "bundle").resolve()):
        raise UsageError(f"--out {out} is the bundle itself; choose another name, so that the old calibration is kept")
    store.check_replaceable(out)
    decision: dict[str, Any] = {}
    for setting in settings or ():
        section, _, key = setting.partition("=")[0].partition(".")
        if section != "decision":
            raise UsageError(f"--set {setting} has no effect on calibrate; it takes keys of decision")
        decision[key] = getattr(Recipe.load(settings=[setting]).decision, key)
    with saving_rejected(out):
        result = calibrated(bundle, comments, decision=decision, seed=seed, **columns)
    for note in result.notes:
        say(note)
    result.save(out)
    manifest = result.moderator.manifest
    if as_json:
        figures = [
            {
                "label": entry.label,
                "metric": entry.metric,
                **{name: dict(zip(("value", "low", "high"), getattr(entry, name), strict=True)) for name in _PARTS},
            }
            for entry in result.figures
        ]
        thresholds = dict(zip(manifest.labels, manifest.thresholds, strict=True))
        print_json({"out": str(out), "rows": len(result.comments), "thresholds": thresholds, "figures": figures})
    else:
        print_table(figures_table(result.figures))
        print_line(
            f"of {len(result.comments):,} comments; after is cross-fitted: each fold has calibration and thresholds of the others"
        )
        print_line(f"bundle: {out}")
    if rejected := result.comments.rejected:
        report_rejected(len(rejected), write_beside(out, rejected), strict=strict)


_PARTS = ("before", "after", "change")
