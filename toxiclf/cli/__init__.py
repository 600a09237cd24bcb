"""The command line: its commands, and how errors become messages and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from toxiclf._console import print_line, say
from toxiclf.cli import (
    benchmark,
    calibrating,
    compare,
    corpora,
    figures,
    listing,
    pretrain,
    prevalence,
    scoring,
    training,
)
from toxiclf.cli._help import CONTEXT, EXAMPLES, GroupedCommand
from toxiclf.errors import MissingExtraError, ToxiclfError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
    help="Classify toxic comments when the toxic ones are rare; Korean first.",
    epilog="Exit codes: 0 done, 1 internal error, 2 usage or a missing extra, 3 unfit data, 4 bundle rejected, "
    "5 with --strict: rows were rejected, 6 training diverged, 130 interrupted.",
)
for command in (
    training.train,
    training.evaluate,
    calibrating.calibrate,
    compare.compare,
    figures.figures,
    benchmark.benchmark,
    scoring.predict,
    scoring.inspect,
    scoring.pack,
    pretrain.pretrain,
    prevalence.estimate_prevalence,
):
    name = command.__name__.replace("_", "-")
    app.command(name, cls=GroupedCommand, epilog=EXAMPLES[name])(command)
app.command("list", cls=GroupedCommand, epilog=EXAMPLES["list"])(listing.list_names)
app.add_typer(corpora.app, name="corpora")


def _show_version(wanted: bool) -> None:
    if wanted:
        from toxiclf import __version__

        print_line(f"toxiclf {__version__}")
        raise typer.Exit


@app.callback()
def before_commands(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Define ``--version``, which needs no command; do nothing else."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, then exit the process with the exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    _plain_streams()
    try:
        code = app(args=None if arguments is None else list(arguments), standalone_mode=False)
    except typer.Abort:
        return _failed("interrupted", 130)
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except ToxiclfError as error:
        return _failed(error.message, error.exit_code)
    except _usage_error() as error:
        error.show()
        return int(error.exit_code)
    except OSError as error:
        return _failed(f"{error.strerror or error}: {error.filename or 'while reading or writing'}", 1)
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("toxiclf"):
            raise
        return _failed(str(MissingExtraError(f"this command uses {error.name}, which", "train")), 2)
    if code == 130:  # Typer catches the interrupt itself and prints no message
        return _failed("interrupted", 130)
    return code if isinstance(code, int) else 0


def _usage_error() -> Any:
    """Return the base class of Typer's errors about arguments and flags.

    Typer has no public name for this class, and its module differs between versions.
    """
    return next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def _failed(message: str, code: int) -> int:
    say(f"toxiclf: {message}")
    return code


def _plain_streams() -> None:
    """Make standard output and standard error write UTF-8 in any locale; lone surrogates are written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Callable[..., None] | None = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
