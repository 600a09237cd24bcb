"""What comments with a label, and those without, are called: of several labels, one without is not harmless for that."""

from __future__ import annotations

from collections.abc import Sequence


def kind(labels: Sequence[str], label: str) -> str:
    """Comments with a label.

    >>> kind(["toxic"], "toxic"), kind(["hate", "insult"], "hate")
    ('toxic', "'hate'")
    """
    return "toxic" if len(labels) == 1 else f"'{label}'"


def other(labels: Sequence[str], label: str) -> str:
    """Comments without it."""
    return "harmless" if len(labels) == 1 else f"not '{label}'"


def harmless(labels: Sequence[str]) -> str:
    """All of these."""
    return "harmless comments" if len(labels) == 1 else "comments without the label"
