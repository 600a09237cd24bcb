"""Errors reach other processes whole: multiprocessing pickles them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

from toxiclf import errors
from toxiclf.rows import Rejected


def _all(kind: type[errors.ToxiclfError]) -> list[type[errors.ToxiclfError]]:
    return [kind, *(each for below in kind.__subclasses__() for each in _all(below))]


MADE: dict[type, tuple[object, ...]] = {
    errors.MissingExtraError: ("the tokenizer kiwi", "kiwi"),
    errors.RejectedRowsError: ("too many rows: use --max-rejected 1", [("a.csv", Rejected(3, "no text", "\x1b"))]),
}


@pytest.mark.parametrize("kind", _all(errors.ToxiclfError), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("copied", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])  # noqa: S301
def test_an_error_is_pickled_and_copied(
    kind: type[errors.ToxiclfError], copied: Callable[[errors.ToxiclfError], errors.ToxiclfError]
) -> None:
    error = kind(*MADE.get(kind, ("name the column \u202e with --text",)))
    error.add_note("a note")
    other = copied(error)
    assert type(other) is kind
    assert (str(other), other.message, other.exit_code) == (str(error), error.message, error.exit_code)
    assert (other.args, other.__dict__) == (error.args, error.__dict__)
