"""Read rows of CSV, TSV, ``|``-separated, JSON and plain text files as a stream, and write rows; workbooks need an extra.

No row is lost silently: a row that cannot be read is yielded as a :class:`Rejected` with its line and the reason.
"""

from toxiclf.rows.format import Format
from toxiclf.rows.guesses import Guess, naming
from toxiclf.rows.names import column_named, find_column, folded, source_name
from toxiclf.rows.reader import UNDECODABLE, WRONG_WIDTH, Layout, RowReader
from toxiclf.rows.records import Rejected, Row, names_of, paths_in
from toxiclf.rows.sniffing import LABEL_NAMES, is_text_name
from toxiclf.rows.workbook import is_workbook
from toxiclf.rows.writer import RowWriter, neutralised, write_rejected

__all__ = [
    "LABEL_NAMES",
    "UNDECODABLE",
    "WRONG_WIDTH",
    "Format",
    "Guess",
    "Layout",
    "Rejected",
    "Row",
    "RowReader",
    "RowWriter",
    "column_named",
    "find_column",
    "folded",
    "is_text_name",
    "is_workbook",
    "names_of",
    "naming",
    "neutralised",
    "paths_in",
    "source_name",
    "write_rejected",
]
