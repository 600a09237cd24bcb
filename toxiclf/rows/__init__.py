"""Read rows of CSV, TSV, ``|``-separated, JSON Lines and plain text files as a stream, and write rows; needs no extra.

No row is lost silently: a row that cannot be read is yielded as a :class:`Rejected` with its line and the reason.
"""

from toxiclf.rows.format import Format
from toxiclf.rows.reader import RowReader
from toxiclf.rows.records import Rejected, Row
from toxiclf.rows.sniffing import LABEL_NAMES, TEXT_NAMES
from toxiclf.rows.writer import RowWriter, neutralised, write_rejected

__all__ = [
    "LABEL_NAMES",
    "TEXT_NAMES",
    "Format",
    "Rejected",
    "Row",
    "RowReader",
    "RowWriter",
    "neutralised",
    "write_rejected",
]
