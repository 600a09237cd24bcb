"""Findings: each is a component of kind ``finding``, a function from a :class:`CheckedRun` to findings.

One function may raise several findings that exclude each other; it is then registered under each of their codes.
"""

from __future__ import annotations

from toxiclf._registry import components
from toxiclf.evaluation.checks._run import CheckedRun, Finding, Severity

__all__ = ["CheckedRun", "Finding", "Severity", "run_checks"]


def run_checks(run: CheckedRun) -> list[Finding]:
    """Findings of every check, in the order of their components."""
    checks = dict.fromkeys(component.target for component in components("finding").values())
    return [finding for check in checks for finding in check(run)]
