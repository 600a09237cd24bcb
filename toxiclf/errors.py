"""The errors toxiclf raises on purpose; each one carries the exit code of the command line."""

from __future__ import annotations

from collections.abc import Iterable


class ToxiclfError(Exception):
    """Base of all expected errors: a sentence that says what is wrong and what to do next."""

    exit_code = 1


class UsageError(ToxiclfError, ValueError):
    """A flag, a recipe key or a call was wrong; a ValueError, too, as scikit-learn's tools expect."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name is in no registry: wherever it stands, it is a slip."""


class MissingExtraError(UsageError):
    """An optional dependency is not installed; the message holds the pip command."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra [{extra}], which is not installed; run: pip install 'toxiclf[{extra}]'"
        )
        self.extra = extra


class DataError(ToxiclfError, ValueError):
    """The data cannot be used as they are; a ValueError, too, as scikit-learn's tools expect."""

    exit_code = 3


class BundleError(ToxiclfError):
    """A bundle failed verification and was not loaded."""

    exit_code = 4


class TrainingError(ToxiclfError):
    """Training ended without a usable model (it diverged)."""

    exit_code = 6


def unknown_name(kind: str, given: object, known: Iterable[str]) -> UnknownNameError:
    """Build the error for a name that is in no registry, with the nearest known name.

    >>> print(unknown_name("model", "smv", ["svm", "dnn"]))
    unknown model 'smv'; did you mean 'svm'? known: svm, dnn
    """
    import difflib  # takes longer than the rest of this file

    names = list(known)
    near = difflib.get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f" did you mean '{near[0]}'?" if near else ""
    return UnknownNameError(f"unknown {kind} '{given}';{hint} known: {', '.join(names)}")
