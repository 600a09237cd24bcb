"""Data of figures that the report must save, because predictions do not hold it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from toxiclf.evaluation.sections import FigureData, LengthCounts

MOST_POINTS = 2000
"""Comments in a map at most; t-SNE takes long for more."""
_MOST_OUTPUTS = 5000  # raw outputs

LONGEST = 200
"""Characters; longer comments share the last bar."""
_STEP = 5  # characters


def figure_points(outputs: Mapping[str, Mapping[str, Any]], seed: int) -> FigureData:
    """Points of figures as JSON types, by name of the figure. They refer to rows by number, and hold no text.

    Parameters
    ----------
    outputs : as training leaves them: "gan" (``training``, ``held_out``, ``generated``, float (n, 2) each), "metric" (``before``
        and ``after``, float (n, size) each, ``classes`` (n,) and ``rows`` (n,)) and "errors" (``raw`` and ``classes``, (n,),
        ``threshold``, float or None, and what raw outputs are ``called``).
    seed : of the map, and of the choice of points.

    Returns
    -------
    The same as lists. Of the metric, ``before`` and ``after`` are maps in the plane by t-SNE (van der Maaten and Hinton 2008), and
    ``wide`` is the size of each before; of errors, ``rows`` are row numbers of the chosen points, ascending.
    """
    return cast(FigureData, {name: make(outputs[name], seed) for name, make in _MAKE.items() if name in outputs})


def some_rows(n: int, seed: int, most: int = MOST_POINTS) -> NDArray[np.intp]:
    """Row numbers of at most ``most`` of n rows, drawn at random, ascending."""
    rows = np.arange(n)
    if n > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return rows


def length_counts(texts: Sequence[str], targets: NDArray[np.uint8], labels: Sequence[str]) -> LengthCounts:
    """Histogram of the lengths of comments, by class.

    Parameters
    ----------
    targets : (n, n_labels).

    Returns
    -------
    ``edges`` in characters, and ``labels``: by label, the counts between edges of comments without it, and of those with it.
    """
    lengths = np.minimum([len(text) for text in texts], LONGEST)
    edges = np.arange(0, max(20, int(lengths.max())) + _STEP, _STEP)
    counts = {
        label: [np.histogram(lengths[targets[:, j] == value], bins=edges)[0].tolist() for value in (0, 1)]
        for j, label in enumerate(labels)
    }
    return {"edges": edges.tolist(), "labels": counts}


def tsne_maps(points: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Points ``before`` and ``after`` a learned metric, (n, width) each, as maps in the plane by t-SNE.

    (van der Maaten and Hinton 2008)

    Returns
    -------
    The same with ``before`` and ``after`` of (n, 2), to two decimals, and how ``wide`` they were; ``seed`` is that of t-SNE.
    """
    from sklearn.manifold import TSNE

    spaces = {key: np.asarray(points[key], dtype=np.float64) for key in ("before", "after")}
    perplexity = min(30.0, (len(spaces["before"]) - 1) / 3)
    maps = {
        # half the steps and a coarser tree than by default: a third of the time, and the same map to the eye
        key: TSNE(perplexity=perplexity, init="pca", max_iter=500, angle=0.8, random_state=seed).fit_transform(space)
        for key, space in spaces.items()
    }
    rounded = {key: np.round(plane.astype(np.float64), 2).tolist() for key, plane in maps.items()}
    return {**points, **rounded, "wide": {key: space.shape[1] for key, space in spaces.items()}}


def _gan(outputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    sets = {key: np.asarray(outputs[key], dtype=np.float64) for key in ("training", "held_out", "generated")}
    return {key: points[some_rows(len(points), seed)].round(4).tolist() for key, points in sets.items()}


def _metric(outputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    maps = tsne_maps({key: outputs[key] for key in ("before", "after")}, seed)
    return {**maps, **{key: np.asarray(outputs[key]).tolist() for key in ("classes", "rows")}}


def _errors(outputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    raw, classes = np.asarray(outputs["raw"]), np.asarray(outputs["classes"])
    rows = some_rows(len(raw), seed, _MOST_OUTPUTS)
    return {
        "raw": raw[rows].astype(np.float64).tolist(),
        "classes": classes[rows].tolist(),
        "rows": rows.tolist(),
        "threshold": outputs["threshold"],
        "called": outputs["called"],
    }


_MAKE: dict[str, Callable[[Mapping[str, Any], int], dict[str, Any]]] = {
    "gan": _gan,
    "metric": _metric,
    "errors": _errors,
}
