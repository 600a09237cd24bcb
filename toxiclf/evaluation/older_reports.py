"""Read reports of older formats: give their sets and metrics the present names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def with_present_names(content: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return the content of a report with present names; format 1 had other names for the sets.

    Formats 1 and 2 had ``macro_f1``, the mean F1 of both classes. It is now ``f1_macro`` for one label, and
    ``f1_both_classes`` for each of several labels. Its mean over several labels, which is not their ``f1_macro``, keeps
    its name.
    """
    if number < 3:
        labels = content.get("labels")
        one = isinstance(labels, Mapping) and len(labels) == 1
        old = _with_present_metrics(content, one=one)
        for section in set(old) & {"baseline", "production", "live_rate"}:
            old[section] = _with_present_metrics(old[section], one=one)
        content = old
    content, data, on = dict(content), content.get("data"), content.get("evaluated_on")
    if isinstance(data, Mapping) and "parts" in data:
        content["data"] = {"sets" if key == "parts" else key: value for key, value in data.items()}
    if isinstance(on, str):
        content["evaluated_on"] = re.sub(r"\b(training|validation|test) part\b", r"\1 set", on)
    return content


def _with_present_metrics(section: Any, *, one: bool) -> Any:
    """Return a section with summary and labels, in which ``macro_f1`` has its present name; ``one`` for one label."""
    if not isinstance(section, Mapping):
        return section
    section, labels = dict(section), section.get("labels")
    if one and "summary" in section:
        section["summary"] = _renamed(section["summary"], "f1_macro")
    if isinstance(labels, Mapping):
        new = "f1_macro" if one else "f1_both_classes"
        section["labels"] = {label: _renamed(figures, new) for label, figures in labels.items()}
    return section


def _renamed(figures: Any, new: str) -> Any:
    if not isinstance(figures, Mapping):
        return figures
    return {new if name == "macro_f1" else name: value for name, value in figures.items()}
