"""Checks of a run: each is a component of kind ``finding``, a function that yields findings on a :class:`CheckedRun`.

A function that can yield findings with different codes is registered once under each code.
"""

from __future__ import annotations

from toxiclf._registry import components
from toxiclf.evaluation.checks._run import CheckedRun, Finding, Severity

__all__ = ["CheckedRun", "Finding", "Severity", "run_checks"]


def run_checks(run: CheckedRun) -> list[Finding]:
    """Run every check; return all findings, in the order in which the checks are registered."""
    checks = dict.fromkeys(component.target for component in components("finding").values())
    return [finding for check in checks for finding in check(run)]
