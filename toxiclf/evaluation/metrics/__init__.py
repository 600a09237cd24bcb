"""Metrics: each is a component of kind ``metric``, a function that takes ``_counts.ResampledRows``."""

from __future__ import annotations

from toxiclf._registry import components


def metric_names(shown_in: str = "", *, production: bool = False) -> tuple[str, ...]:
    """Return the names of all metrics, or of the metrics of one table, in the order in which they are shown.

    Parameters
    ----------
    shown_in : name of a table, such as "headline"; empty for all metrics, as in ``report.json``. Each metric is
        registered with a dict ``shown_in``, whose keys are the names of the tables that show it.
    production : whether to include metrics that are defined only at a production prevalence; no effect if ``shown_in``
        is given.

    >>> metric_names("headline")[:3]
    ('average_precision', 'f1', 'precision')
    """
    metrics = components("metric")
    if not shown_in:
        return tuple(name for name, metric in metrics.items() if production or not metric["production_only"])
    placed = {name: metric["shown_in"][shown_in] for name, metric in metrics.items() if shown_in in metric["shown_in"]}
    return tuple(sorted(placed, key=lambda name: (placed[name], name)))


def lower_is_better(name: str) -> bool:
    """Return whether lower values of a metric are better; False for an unknown metric.

    >>> lower_is_better("brier"), lower_is_better("f1")
    (True, False)
    """
    metric = components("metric").get(name)
    return metric is not None and bool(metric["lower_is_better"])
