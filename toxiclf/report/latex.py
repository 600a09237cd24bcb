"""The result table of a run in LaTeX, for a paper."""

from __future__ import annotations

from collections.abc import Sequence

from toxiclf._registry import register
from toxiclf.evaluation.report import Report
from toxiclf.report.tables import result_tables

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--",
}  # fmt: skip


@register("format", "latex", summary="The result tables of a run in LaTeX, with booktabs")
def report_latex(report: Report) -> str:
    r"""The result table as a ``tabular`` of the package booktabs; one more at the production prevalence, where one is set."""
    return "\n\n".join(latex_table(table) for table in result_tables(report)) + "\n"


def latex_table(lines: Sequence[Sequence[str]]) -> str:
    r"""A ``tabular``, heading first; needs ``\usepackage{booktabs}``, and Hangul a package such as kotex.

    >>> print(latex_table([["", "f1"], ["a & b", "0.5 (0.4–0.6)"]]))
    \begin{tabular}{lr}
    \toprule
     & f1 \\
    \midrule
    a \& b & 0.5 (0.4--0.6) \\
    \bottomrule
    \end{tabular}
    """
    heading, *rows = [" & ".join(map(latex_text, line)) + r" \\" for line in lines]
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


def latex_text(text: str) -> str:
    """Text as LaTeX prints it."""
    return "".join(_SPECIAL.get(character, character) for character in text)
