"""Metrics: each is a component of kind ``metric``, a function over one label, or over all labels at once.

The trait ``over`` says which: ``_counts.ResampledRows`` is the input over one label (``"label"``),
``_counts.ResampledLabels`` over all labels (``"labels"``) or over the classes of exclusive labels (``"classes"``).
"""

from __future__ import annotations

from typing import Literal

from toxiclf._registry import Component, components

Kind = Literal["one", "labels", "classes"]
"""Kind of a report: of one label, of several labels, or of the classes of labels that exclude each other and have one
verdict, the class with the highest score."""


def kind_of(n_labels: int, *, arg_max: bool) -> Kind:
    """Return the kind of a report with this number of labels; ``arg_max`` is whether the highest score decides."""
    return "classes" if arg_max else "one" if n_labels == 1 else "labels"


def metric_names(shown_in: str = "", *, of: Kind | None = None, production: bool = False) -> tuple[str, ...]:
    """Return the names of all metrics, or of the metrics of one table, in the order in which they are shown.

    Parameters
    ----------
    shown_in : name of a table, such as "headline"; empty for all metrics, as in ``report.json``. Each metric is
        registered with a dict ``shown_in``, whose keys are the names of the tables that show it.
    of : only the metrics that a report of this kind has; None for all.
    production : whether to include metrics that are defined only at a production prevalence; no effect if ``shown_in``
        is given.

    >>> metric_names("headline")[:3]
    ('average_precision', 'f1', 'precision')
    """
    metrics = {name: metric for name, metric in components("metric").items() if of is None or _has(of, metric)}
    if not shown_in:
        return tuple(name for name, metric in metrics.items() if production or not metric["production_only"])
    placed = {name: metric["shown_in"][shown_in] for name, metric in metrics.items() if shown_in in metric["shown_in"]}
    return tuple(sorted(placed, key=lambda name: (placed[name], name)))


def main_metrics(of: Kind) -> tuple[str, ...]:
    """Return the metrics of the main table of a report, over all its labels or classes.

    >>> main_metrics("labels")[:2]
    ('average_precision_macro', 'f1_macro')
    """
    return metric_names("headline" if of == "one" else of, of=of)


def of_labels(name: str) -> bool:
    """Return whether each label has a value of a metric, and not only all labels together."""
    return "label" in components("metric")[name]["over"]


def at_once(name: str, of: Kind) -> bool:
    """Return whether the summary of a report has a metric over all labels or classes at once.

    Otherwise the summary has the mean over labels. A single label has two classes, toxic and not toxic.
    """
    return ("labels" if of == "labels" else "classes") in components("metric")[name]["over"]


def _has(of: Kind, metric: Component) -> bool:
    over = {"label", "labels" if of == "labels" else "classes"}
    return bool(over & set(metric["over"])) and (of != "one" or bool(metric["one_label"]))


def lower_is_better(name: str) -> bool:
    """Return whether lower values of a metric are better; False for an unknown metric.

    >>> lower_is_better("brier"), lower_is_better("f1")
    (True, False)
    """
    metric = components("metric").get(name)
    return metric is not None and bool(metric["lower_is_better"])
