"""The commands ``toxiclf train`` and ``toxiclf evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toxiclf._console import on_terminal, print_json, print_line, print_table, say
from toxiclf._progress import Bar
from toxiclf.cli import options
from toxiclf.cli._rejected import report_rejected, saving_rejected

if TYPE_CHECKING:
    from toxiclf.evaluation.report import Report


@options.reads_columns()
def train(
    comments: Annotated[str, options.COMMENTS],
    *,
    test: Annotated[
        str | None,
        options.of_input(metavar="FILE", help="Separate test set, instead of a share of the rows."),
    ] = None,
    columns: dict[str, Any],
    recipe: Annotated[
        str | None,
        options.of_model(metavar="NAME|FILE.toml", help="Recipe file, or preset; toxiclf list presets names all."),
    ] = None,
    model: Annotated[
        str | None,
        options.of_model(metavar="NAME", help="Model [default: ngram_logistic]; toxiclf list models names all."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        options.of_model("--set", metavar="KEY=VALUE", help="Override a recipe key, such as decision.objective=f2."),
    ] = None,
    seed: Annotated[int | None, options.of_model(metavar="N", help="Seed of every random step.")] = None,
    out: Annotated[
        Path | None,
        options.of_output(
            metavar="DIR", help="Folder of the run [default: runs/COMMENTS-MODEL, or runs/COMMENTS-RECIPE]."
        ),
    ] = None,
    resume: Annotated[
        bool,
        options.of_output(
            "--resume", help="Resume an interrupted run in the same folder after its last finished epoch."
        ),
    ] = False,
    keep_augmented: Annotated[
        bool,
        options.of_output(
            "--keep-augmented", help="Write the changed copies that balance.augment made to augmented.csv."
        ),
    ] = False,
    overwrite: Annotated[bool, options.OVERWRITE] = False,
    no_comments: Annotated[bool, options.NO_COMMENTS] = False,
    strict: Annotated[bool, options.STRICT] = False,
    as_json: Annotated[bool, options.JSON] = False,
) -> None:
    """Train a classifier on labeled comments, and write a report, the recipe and a bundle."""
    from toxiclf.errors import UsageError
    from toxiclf.pipeline.calibrate import Checkpoints
    from toxiclf.pipeline.earlier_run import RunData, check_earlier_run
    from toxiclf.pipeline.save import check_writable
    from toxiclf.pipeline.train import read_parts
    from toxiclf.pipeline.train import train as train_model
    from toxiclf.recipe import Recipe

    chosen = Recipe.load(recipe, model=model, settings=settings or (), seed=seed)
    name = Path(recipe).stem if recipe is not None and model is None else chosen.model.name
    searched = {key for space in chosen.search.space for key in space}
    if keep_augmented and not (chosen.balance.augment or any(key.startswith("balance.augment") for key in searched)):
        raise UsageError(
            "--keep-augmented needs augmentation; add --set balance.augment=aeda or another method, or leave it out"
        )
    folder = out or Path("runs") / f"{_stem(comments)}-{name}"
    check_writable(folder)
    with saving_rejected(folder):
        rows, test_rows = read_parts(comments, test, **columns)
    for note in rows.notes + (test_rows.notes if test_rows is not None else ()):
        say(note)
    if not overwrite:
        data = RunData.of(rows, test_rows, chosen)
        if note := check_earlier_run(folder, data, chosen.model_dump(mode="json"), "--overwrite"):
            say(note)
    if resume and not chosen.has_network and chosen.search.method == "none":
        raise UsageError(f"--resume works only with networks, and {chosen.model.name} is not one; leave it out")
    checkpoints = Checkpoints(folder / "checkpoints", resume)
    if checkpoints.files() and not resume:
        say(f"an interrupted run left checkpoints in {folder}; starting over (--resume would have used them)")
    elif resume and not checkpoints.files():
        say(f"there is nothing to resume in {folder}; starting from the beginning")
    try:
        trained = train_model(
            rows, chosen, test=test_rows, say=say, search_log=folder / "search.jsonl", checkpoints=checkpoints,
            bar=on_terminal(),
        )  # fmt: skip
    except KeyboardInterrupt:
        if checkpoints.files():
            say("to continue after the last finished epoch, run the same command with --resume")
        raise
    if keep_augmented and not trained.has_augmented:
        say("no comment was augmented, so there is no augmented.csv")
    keep_augmented = keep_augmented and trained.has_augmented
    with _building_report():
        trained.save(folder, keep_augmented=keep_augmented, comments=not no_comments, overwrite=True)  # checked above
    report = trained.report.analysed(comments=not no_comments)
    if as_json:
        print_json({**report.to_dict(), "out": str(folder)})
    else:
        _print_report(report)
        print_line(f"report: {folder / 'report.html'}")
        if report.search:
            print_line(f"best recipe: {folder / 'best_recipe.toml'}")
        if trained.has_bundle:
            print_line(f"bundle: {folder / 'bundle'}")
    if trained.diverged:
        raise typer.Exit(6)
    report_rejected(len(trained.rejected), folder / "rejected.csv", strict=strict)


@options.reads_columns()
def evaluate(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Bundle folder of a run, or a file that `toxiclf pack` wrote.")
    ],
    comments: Annotated[str, options.COMMENTS],
    columns: dict[str, Any],
    out: Annotated[
        Path | None,
        options.of_output(metavar="DIR", help="Also write report and predictions.csv here."),
    ] = None,
    prior: Annotated[str | None, options.PRIOR] = None,
    overwrite: Annotated[bool, options.OVERWRITE] = False,
    no_comments: Annotated[bool, options.NO_COMMENTS] = False,
    strict: Annotated[bool, options.STRICT] = False,
    as_json: Annotated[bool, options.JSON] = False,
) -> None:
    """Evaluate a bundle on labeled comments; if a corpus has a test set, only the test set is used."""
    from toxiclf.errors import UsageError
    from toxiclf.pipeline.earlier_run import check_earlier_run
    from toxiclf.pipeline.evaluate import evaluate_bundle, save_evaluation
    from toxiclf.pipeline.save import check_writable

    if no_comments and out is None:
        raise UsageError("--no-comments changes only the report that --out DIR writes; add --out, or leave it out")
    if out is not None:
        check_writable(out, bundle=False)
        if not overwrite:
            check_earlier_run(out, None, {}, "--overwrite")
    with saving_rejected(out):
        report = evaluate_bundle(bundle, comments, prior=options.parsed_prior(prior), **columns)
    n_rejected = report.data["rejected"]
    for note in report.data["notes"]:
        say(note)
    if out is not None:
        with _building_report():
            save_evaluation(report, out, comments=not no_comments)
        report = report.analysed(comments=not no_comments)
    if as_json:
        print_json(report.to_dict())
    else:
        _print_report(report)
        if out is not None:
            print_line(f"report: {out / 'report.html'}")
    report_rejected(n_rejected, out and out / "rejected.csv", strict=strict)


def _building_report() -> Bar:
    """Return a progress bar for the report, which takes seconds; where none is drawn, say what takes them."""
    bar = Bar("report", time_left=False)
    if not bar.is_drawn:
        say("building the report")
    return bar


def _print_report(report: Report) -> None:
    from toxiclf.report.terminal import terminal_parts

    for part in terminal_parts(report):
        if isinstance(part, str):
            print_line(part)
        else:
            print_table(part)
    print_line("")


def _stem(source: str) -> str:
    return source.removeprefix("corpus:").replace("/", "-") if source.startswith("corpus:") else Path(source).stem
