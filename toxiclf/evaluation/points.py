"""Points of figures that cannot be drawn again from the files of a run: maps, generated rows, raw outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 2000
"""Points of each set that are kept at most; t-SNE takes long for more."""


def figure_points(outputs: Mapping[str, Mapping[str, Any]], seed: int) -> dict[str, dict[str, Any]]:
    """Points as JSON has them, by name of the figure; they name rows, and hold no text.

    Parameters
    ----------
    outputs : as training leaves them: "gan" (``training``, ``held_out``, ``generated``, float (n, 2) each), "metric" (``before``
        and ``after``, float (n, size) each, ``classes`` (n,) and ``rows`` (n,)) and "errors" (``raw`` and ``classes``, (n,),
        ``threshold``, float or None, and what raw outputs are ``called``).
    seed : of the map, and of which points are kept.

    Returns
    -------
    The same as lists. Of the metric, ``before`` and ``after`` are maps in the plane by t-SNE (van der Maaten and Hinton 2008), and
    ``wide`` is the size of each before; of errors, ``rows`` are numbers of the points that are kept, ascending.
    """
    return {name: make(outputs[name], seed) for name, make in _MAKE.items() if name in outputs}


def kept_rows(n: int, seed: int) -> NDArray[np.intp]:
    """Numbers of at most :data:`MOST_POINTS` of n rows, ascending."""
    rows = np.arange(n)
    if n > MOST_POINTS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_POINTS, replace=False))
    return rows


def _gan(outputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    sets = {key: np.asarray(outputs[key], dtype=np.float64) for key in ("training", "held_out", "generated")}
    return {key: points[kept_rows(len(points), seed)].round(4).tolist() for key, points in sets.items()}


def _metric(outputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    from sklearn.manifold import TSNE

    spaces = {key: np.asarray(outputs[key], dtype=np.float64) for key in ("before", "after")}
    perplexity = min(30.0, (len(spaces["before"]) - 1) / 3)
    maps = {
        # half the steps and a coarser tree than by default: a third of the time, and the same map to the eye
        key: TSNE(perplexity=perplexity, init="pca", max_iter=500, angle=0.8, random_state=seed).fit_transform(points)
        for key, points in spaces.items()
    }
    return {
        **{key: np.asarray(plane, dtype=np.float64).round(2).tolist() for key, plane in maps.items()},
        "wide": {key: points.shape[1] for key, points in spaces.items()},
        "classes": np.asarray(outputs["classes"]).tolist(),
        "rows": np.asarray(outputs["rows"]).tolist(),
    }


def _errors(outputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    raw, classes = np.asarray(outputs["raw"]), np.asarray(outputs["classes"])
    rows = kept_rows(len(raw), seed)
    return {
        "raw": raw[rows].astype(np.float64).tolist(),
        "classes": classes[rows].tolist(),
        "rows": rows.tolist(),
        "threshold": outputs["threshold"],
        "called": outputs["called"],
    }


_MAKE: dict[str, Callable[[Mapping[str, Any], int], dict[str, Any]]] = {"gan": _gan, "metric": _metric, "errors": _errors}
