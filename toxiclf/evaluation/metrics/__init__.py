"""Metrics: each is a component of kind ``metric``, a function of :class:`toxiclf.evaluation.metrics._counts.ResampledRows`."""

from __future__ import annotations

from toxiclf._registry import components


def metric_names(shown_in: str = "", *, production: bool = False) -> tuple[str, ...]:
    """Names of metrics, in order.

    Parameters
    ----------
    shown_in : a place, see the trait ``shown_in``; empty for all metrics, in the order of report.json.
    production : among all, whether to list those too that are defined at a production prevalence only.

    >>> metric_names("headline")[:3]
    ('average_precision', 'f1', 'precision')
    """
    metrics = components("metric")
    if not shown_in:
        return tuple(name for name, metric in metrics.items() if production or not metric["production_only"])
    placed = {name: metric["shown_in"][shown_in] for name, metric in metrics.items() if shown_in in metric["shown_in"]}
    return tuple(sorted(placed, key=lambda name: (placed[name], name)))


def lower_is_better(name: str) -> bool:
    """Whether lower values of a metric are better; False for an unknown metric.

    >>> lower_is_better("brier"), lower_is_better("f1")
    (True, False)
    """
    metric = components("metric").get(name)
    return metric is not None and bool(metric["lower_is_better"])
