"""How the command line prints parts of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toxiclf._console import print_line, print_table


def print_stages(stages: Sequence[dict[str, Any]]) -> None:
    """A table of class counts before and after each remedy; nothing where there was none."""
    if len(stages) > 1:
        counts = [[s["name"], f"{s['rows']:,}", *(f"{n:,}" for n in s["classes"].values())] for s in stages]
        print_table([["training rows", "all", *stages[0]["classes"]], *counts])


def print_class_weights(weights: Sequence[dict[str, Any]]) -> None:
    """The class weights of a report."""
    heading = ["problem", "class", "training rows", "weight"]
    print_table([heading, *([w["problem"], w["class"], f"{w['rows']:,}", f"{w['weight']:.3f}"] for w in weights)])


def print_findings(findings: Sequence[Any]) -> None:
    """The findings of a report, a line each."""
    for finding in findings:
        print_line(f"{finding.severity}: {finding.code}: {finding.message} {finding.next_step}")
