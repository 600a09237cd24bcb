"""The command line: its commands, and how errors become messages and exit codes."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
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
from toxiclf.errors import MissingExtraError, ToxiclfError, UsageError, visible

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
    help="Classify toxic comments when the toxic ones are rare; Korean first.",
    epilog="Exit codes: 0 done, 1 internal error, 2 usage or a missing extra, 3 unfit data, 4 bundle rejected, "
    "5 with --strict: rows were rejected, 6 training diverged, 130 interrupted, 143 terminated.",
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
        from toxiclf._compiled import MODULES, compiled

        left_out = "" if all(map(compiled, MODULES)) else " (slower: a compiled module is missing)"
        print_line(f"toxiclf {__version__}{left_out}")
        raise typer.Exit


@app.callback()
def before_commands(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Define ``--version``, which needs no command; do nothing else."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    try:
        return execute(arguments)
    except KeyboardInterrupt:
        return _failed("interrupted", 130)


def execute(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Raises
    ------
    KeyboardInterrupt : the user, or a signal, ended the command.
    BrokenPipeError : nobody reads what the command prints.
    """
    _plain_streams()
    streams = sys.stdout, sys.stderr
    try:
        code = app(
            args=_decoded(sys.argv[1:] if arguments is None else arguments), prog_name="toxiclf", standalone_mode=False
        )
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as error:  # Typer's answer to a broken pipe
        raise BrokenPipeError from error
    except ToxiclfError as error:
        return _failed(error.message, error.exit_code)
    except _usage_error() as error:
        return _misused(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is None and (lacking := _lacking(error)):
            return _failed(lacking, 2)
        return _failed(f"{error.strerror or error}: {error.filename or 'while reading or writing'}", 1)
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("toxiclf"):
            raise
        return _failed(str(MissingExtraError(f"this command uses {error.name}, which", "train")), 2)
    finally:
        sys.stdout, sys.stderr = streams  # Typer replaces them after a broken pipe
    if code == 130:  # Typer catches the interrupt itself
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _decoded(arguments: Sequence[str]) -> list[str]:
    """Return the arguments.

    Raises
    ------
    UsageError : one holds bytes that could not be decoded.
    """
    for argument in arguments:
        if not argument.isascii() and re.search("[\ud800-\udfff]", argument):
            utf8 = sys.getfilesystemencoding().lower() in ("utf-8", "utf8")
            step = "write it in UTF-8, or rename the file" if utf8 else "set PYTHONUTF8=1, or use a UTF-8 locale"
            raise UsageError(f"the argument {argument} cannot be decoded; {step}")
    return list(arguments)


def _usage_error() -> Any:
    """Return the base class of Typer's errors about arguments and flags.

    Typer has no public name for this class, and its module differs between versions.
    """
    return next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def _misused(error: Any) -> int:
    """Print Typer's error about an argument or a flag, and return its exit code."""
    if type(error).__name__ != "NoArgsIsHelpError":  # its message is the help
        error.message = visible(error.message)
    text = io.StringIO()
    error.show(file=text)
    for line in text.getvalue().splitlines():
        say(line)
    return int(error.exit_code)


def _failed(message: str, code: int) -> int:
    say(f"toxiclf: {message}")
    return code


def _lacking(error: OSError) -> str:
    """Return a message if the temporary or the working folder is missing, as in some containers; else ""."""
    if "temporary directory" in str(error):
        return "no folder for temporary files is writable; set TMPDIR to a folder that you may write to"
    try:
        Path.cwd()
    except OSError:
        return "the working folder does not exist or cannot be read; change to another folder"
    return ""


def _plain_streams() -> None:
    """Make standard output and standard error write UTF-8 in any locale; lone surrogates are written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Callable[..., None] | None = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
