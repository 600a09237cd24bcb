"""Render the result tables of a run in LaTeX, for a paper."""

from __future__ import annotations

import re
from collections.abc import Sequence

from toxiclf._registry import register
from toxiclf.errors import visible
from toxiclf.evaluation.report import Report
from toxiclf.report.population import population, rows_and_rate
from toxiclf.report.tables import headline_table, result_tables

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "Δ": r"$\Delta$", "±": r"$\pm$",
    "[": "{[}", "*": "{*}",  # at the start of a row, they would be arguments of the command that ends the row above
}  # fmt: skip
_BOLD = re.compile(r"\*\*(.+)\*\*")


@register("format", "latex", summary="The result tables of a run in LaTeX, with booktabs")
def report_latex(report: Report) -> str:
    r"""Return the tables of the summary as ``tabular``, under a comment that names their comments.

    If a production prevalence is set, a table of the evaluated rows without weights follows.
    """
    parts = [(population(report).heading, table) for table in result_tables(report)]
    if report.production_prevalence:
        parts.append((rows_and_rate(report), headline_table(report)))
    return "\n\n".join(f"{latex_comment(heading)}\n{latex_table(table)}" for heading, table in parts) + "\n"


def latex_table(lines: Sequence[Sequence[str]]) -> str:
    r"""Return a table, whose first line is the heading, as a ``tabular``.

    It needs ``\usepackage{booktabs}``; Hangul needs another package, such as kotex. A cell between two pairs of
    asterisks is bold.

    >>> print(latex_table([["", "f1"], ["a & b", "0.5 (0.4–0.6)"]]))
    \begin{tabular}{lr}
    \toprule
     & f1 \\
    \midrule
    a \& b & 0.5 (0.4--0.6) \\
    \bottomrule
    \end{tabular}
    """
    heading, *rows = [" & ".join(map(_cell, line)) + r" \\" for line in lines]
    columns = "l" + "r" * (len(lines[0]) - 1)
    parts = [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        heading,
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(parts)


def _cell(text: str) -> str:
    bold = _BOLD.fullmatch(text)
    return latex_text(text) if bold is None else rf"\textbf{{{latex_text(bold[1])}}}"


def latex_text(text: str) -> str:
    """Escape characters that are special in LaTeX, or that an editor does not show."""
    return "".join(_SPECIAL.get(character, character) for character in visible(text))


def latex_comment(text: str) -> str:
    """Return a comment of one line."""
    return f"% {visible(text)}"
