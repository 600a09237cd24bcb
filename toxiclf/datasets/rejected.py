"""Decide whether too many rows were rejected, and say which ones and why."""

from __future__ import annotations

import math
from collections.abc import Sequence

from toxiclf.errors import RejectedRowsError, UsageError
from toxiclf.rows import UNDECODABLE, WRONG_WIDTH, Rejected

MAX_REJECTED = 0.2
"""Largest share of rejected rows with which training and evaluation continue."""

NO_TEXT, NO_STRING, NO_LABEL, WRONG_VALUE, CONTRADICTION = (
    "no text", "text is not a string", "no label", "unknown label value", "same comment with different labels",
)  # fmt: skip
_CAUSES = {
    NO_TEXT: "another column holds the text (--text)",
    NO_STRING: "another column holds the text (--text), or a cell holds many comments; write a row for each",
    NO_LABEL: 'another column holds the label (--label), or an empty cell means that a comment is not toxic (--negative "")',
    WRONG_WIDTH: "unquoted texts that contain the delimiter, or another delimiter (--delimiter)",
    UNDECODABLE: "an encoding other than UTF-8 and CP949; save the file as UTF-8",
    WRONG_VALUE: "another column holds the label (--label), or values were not named (--negative, --positive)",
    CONTRADICTION: "another column holds the text (--text), or several people labeled each comment; keep one row of each",
}
_MOST_LINES, _LONGEST_EXAMPLE = 5, 100


def check_rejected(source: str, usable: int, rejected: Sequence[tuple[str, Rejected]], most: float) -> None:
    """Check that at most a share of the rows that have a text and a label were rejected.

    Rows without a text or a label do not count: a file may be labeled in part. A comment with different labels counts, as
    no other reason does more often mean that a column was read wrong.

    Parameters
    ----------
    usable : number of rows that were not rejected.
    most : largest share, from 0 to 1.

    Raises
    ------
    UsageError : ``most`` is not a share.
    RejectedRowsError : the share is larger.
    """
    if not _is_share(most):
        raise UsageError(f"max_rejected is {most!r}; give a share from 0 to 1, such as 0.2")
    rows = [row for _, row in rejected if row.kind not in (NO_TEXT, NO_LABEL)]
    total = usable + len(rows)
    if rows and len(rows) > most * total:
        share = len(rows) / total
        enough = math.ceil(100 * share) / 100
        raise RejectedRowsError(
            f"{source}: {len(rows):,} of {total:,} rows with a text and a label were rejected ({100 * share:.0f} %; at most "
            f"{100 * most:g} % may be): {reasons(rows)}; to continue without them, use --max-rejected {enough:g}",
            rejected,
        )


def no_usable_row(source: str, rejected: Sequence[Rejected]) -> RejectedRowsError:
    """Return the error for a file in which no row is left."""
    why = f": {len(rejected):,} rows were rejected: {reasons(rejected)}" if rejected else ""
    return RejectedRowsError(f"{source} has no usable row{why}", [(source, row) for row in rejected])


def reasons(rejected: Sequence[Rejected]) -> str:
    """Count rejected rows by kind, name the first lines of each, and the likely cause of the most frequent kind.

    >>> reasons([Rejected(3, "not JSON: …", "가", "not JSON"), Rejected(7, "no text", "", "no text")])
    '1 × not JSON (line 3: not JSON: …), 1 × no text (line 7)'
    """
    kinds: dict[str, list[Rejected]] = {}
    for row in rejected:
        kinds.setdefault(row.kind or row.reason, []).append(row)
    ordered = sorted(kinds.items(), key=lambda entry: -len(entry[1]))
    cause = _CAUSES.get(ordered[0][0])
    said = ", ".join(f"{len(rows):,} × {kind} ({_places(kind, rows)})" for kind, rows in ordered)
    return said + (f"; likely cause: {cause}" if cause else "")


def _places(kind: str, rows: Sequence[Rejected]) -> str:
    lines = [f"{row.line}" for row in rows[:_MOST_LINES]]
    more = ", …" if len(rows) > _MOST_LINES else ""
    example = f": {rows[0].reason[:_LONGEST_EXAMPLE]}" if kind not in (rows[0].reason, CONTRADICTION) else ""
    return f"line{'s' * (len(rows) > 1)} {', '.join(lines)}{more}{example}"


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
