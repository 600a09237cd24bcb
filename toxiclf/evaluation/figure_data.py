"""Compute the points of figures that cannot be drawn from ``predictions.csv``; ``report.json`` saves these points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from toxiclf.evaluation.sections import FigureData, LengthCounts

MOST_POINTS = 2000
"""Most comments in a t-SNE map, because t-SNE is slow for more; also most points of each set in the GAN figure."""
_MOST_OUTPUTS = 5000  # raw outputs that the figure of an anomaly model shows at most

LONGEST = 200
"""Upper end of the length histogram in characters; longer comments count as this long."""
_STEP = 5  # width of a histogram bar in characters


def figure_points(outputs: Mapping[str, Mapping[str, Any]], seed: int) -> FigureData:
    """Convert outputs of training to the points of figures, as JSON types without texts of comments.

    Parameters
    ----------
    outputs : a dict with any of three keys. "gan" has ``training``, ``held_out`` and ``generated``, float (n, 2) each.
        "metric" has ``before`` and ``after``, float (n, n_dimensions) each, and ``classes`` and ``rows`` (row numbers),
        (n,) each. "errors" has ``raw`` (outputs of the model) and ``classes``, (n,) each, ``threshold`` (of the raw
        outputs, or None) and ``called`` (the name of the raw outputs).
    seed : seed of t-SNE, and of the choice of points if there are too many.

    Returns
    -------
    The same keys, with lists in place of arrays. In "metric", ``before`` and ``after`` are two-dimensional t-SNE maps
    (van der Maaten and Hinton 2008), and ``wide`` has the number of dimensions of each before t-SNE. In "errors",
    ``rows`` has the row numbers of the chosen points, ascending.
    """
    return cast(FigureData, {name: make(outputs[name], seed) for name, make in _MAKE.items() if name in outputs})


def some_rows(n: int, seed: int, most: int = MOST_POINTS) -> NDArray[np.intp]:
    """Draw at most ``most`` of n rows at random, and return their row numbers, ascending."""
    rows = np.arange(n)
    if n > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return rows


def length_counts(texts: Sequence[str], targets: NDArray[np.uint8], labels: Sequence[str]) -> LengthCounts:
    """Compute histograms of comment lengths for each label; lengths above ``LONGEST`` count as ``LONGEST``.

    Parameters
    ----------
    texts : texts of the comments.
    targets : 0/1 targets, (n, n_labels).

    Returns
    -------
    ``edges`` of the bars in characters, and ``labels``: label → counts of comments without the label, then with it.
    """
    lengths = np.minimum([len(text) for text in texts], LONGEST)
    edges = np.arange(0, max(20, int(lengths.max())) + _STEP, _STEP)
    counts = {
        label: [np.histogram(lengths[targets[:, j] == value], bins=edges)[0].tolist() for value in (0, 1)]
        for j, label in enumerate(labels)
    }
    return {"edges": edges.tolist(), "labels": counts}


def tsne_maps(points: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Map the points before and after a learned metric to two dimensions by t-SNE (van der Maaten and Hinton 2008).

    Parameters
    ----------
    points : a dict with the keys ``before`` and ``after``, (n, n_dimensions) each; other keys are kept.
    seed : random seed of t-SNE.

    Returns
    -------
    ``points`` with ``before`` and ``after`` as lists (n, 2), rounded to two decimals, and with a new key ``wide``: the
    n_dimensions that each of the two had before t-SNE.
    """
    from sklearn.manifold import TSNE

    spaces = {key: np.asarray(points[key], dtype=np.float64) for key in ("before", "after")}
    perplexity = min(30.0, (len(spaces["before"]) - 1) / 3)
    maps = {
        # half the steps and a coarser tree than by default take a third of the time; the map looks the same
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
