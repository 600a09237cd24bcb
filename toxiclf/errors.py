"""The errors that toxiclf raises on purpose, each with the exit code that the command line returns for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copyreg import __newobj__  # type: ignore[attr-defined]  # its stubs lack it
from typing import Any

_FLAG = re.compile(
    r"--(?:no-)?(text|label|negative|positive|label-separator|positive-from|header|delimiter|sheet|by|max-rejected)(?![\w-])"
)
"""Flags that are also parameters of :func:`toxiclf.read_comments`."""


UNSEEN = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Characters that a terminal obeys or does not show: control and format characters, line and paragraph separators,
surrogates, and blank letters such as the Hangul filler; not the tab and the variation selectors of emoji."""


def visible(text: str) -> str:
    """Escape characters that a terminal obeys or does not show, so that the result is one line and shows all it holds.

    >>> visible("\x1b[31m빨강\\nok\u202e")
    '\\\\x1b[31m빨강\\\\nok\\\\u202e'
    """
    return UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def visible_lines(text: str) -> str:
    """Escape each line of a text as :func:`visible` does; its line feeds stay."""
    return "\n".join(map(visible, text.split("\n")))


class ToxiclfError(Exception):
    """Base class of all errors that toxiclf raises on purpose; the message says what is wrong and what to do next.

    The message is one line: control and invisible characters of the names and files it quotes are escaped.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy without calling ``__init__``, whose parameters are not those of :class:`Exception`."""
        return __newobj__, (type(self), *self.args), self.__dict__

    @property
    def message(self) -> str:
        """The message as the command line prints it, with flags such as ``--label``."""
        return super().__str__()

    def __str__(self) -> str:
        """Return the message and, if it names flags, the parameters of the same meaning in Python.

        >>> print(DataError("name the column with --text"))
        name the column with --text (in Python: text=)
        """
        parameters = dict.fromkeys(f"{flag.replace('-', '_')}=" for flag in _FLAG.findall(self.message))
        return f"{self.message} (in Python: {', '.join(parameters)})" if parameters else self.message


class UsageError(ToxiclfError, ValueError):
    """A flag, a recipe key or an argument is wrong. It is also a ValueError, as scikit-learn's tools expect."""

    exit_code = 2


class TextsError(UsageError, TypeError):
    """Comments given in Python are not strings, or not a list of them. It is also a TypeError."""


class UnknownNameError(UsageError):
    """There is no model, technique, recipe key or other choice with the given name."""


class MissingExtraError(UsageError):
    """A library of an optional extra is not installed; the message contains the pip command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra [{extra}], which is not installed; install it as you installed toxiclf, such as: "
            f"pip install '.[{extra}]'"
        )
        self.extra = extra


class DataError(ToxiclfError, ValueError):
    """The given data cannot be used. It is also a ValueError, as scikit-learn's tools expect."""

    exit_code = 3


class RejectedRowsError(DataError):
    """Too many rows of a file were rejected.

    Attributes
    ----------
    rejected : the rejected rows, each with the name of its file, as in :class:`toxiclf.Comments`.
    """

    def __init__(self, message: str, rejected: Sequence[tuple[str, Any]]) -> None:
        super().__init__(message)
        self.rejected = rejected


class BundleError(ToxiclfError):
    """A bundle cannot be used: it is missing, damaged, changed, or of a newer format."""

    exit_code = 4


class TrainingError(ToxiclfError):
    """There is no usable model: training diverged, or the network cannot be exported to ONNX."""

    exit_code = 6


_MOST_LISTED = 8


def listed(names: Iterable[str]) -> str:
    """List names for a message; beyond eight, the rest are counted.

    >>> listed(["text", "label"]), listed("abcdefghij")
    ('text, label', 'a, b, c, d, e, f, g, h and 2 more')
    """
    names = list(names)
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def unknown_name(kind: str, given: object, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a name that does not exist; its message suggests the nearest known name and lists all.

    >>> print(unknown_name("model", "smv", ["svm", "dnn"]))
    unknown model 'smv'; did you mean 'svm'? known: svm, dnn
    """
    import difflib  # only when needed: it loads more slowly than this file

    names = list(known)
    near = difflib.get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f" did you mean '{near[0]}'?" if near else ""
    return UnknownNameError(f"unknown {kind} '{given}';{hint} known: {', '.join(names)}")
