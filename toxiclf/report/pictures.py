"""Figures of what a run learned besides scores: important numbers, generated rows, a metric, errors of anomaly models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE

MOST_POINTS = 2000
"""Comments in a map at most; t-SNE takes long for more."""
_MOST_BARS = 30
_COLOURS = ("tab:blue", "tab:red")  # without the label, with it
_NAMES = ("not toxic", "toxic")
_Picture = Mapping[str, Any]


def write_pictures(folder: Path, pictures: Mapping[str, _Picture]) -> list[str]:
    """Draw what there is.

    Parameters
    ----------
    pictures : by name, the points of each: "selection" (``importances``, (n,), and whether each is ``kept``); "gan"
        (``training``, ``held_out``, ``generated``: (n, 2) each); "metric" (``before`` and ``after``, (n, 2) each as
        :func:`mapped` made them, how ``wide`` they were, ``classes``); "errors" (``raw`` and ``classes``, (n,), ``threshold`` or
        None, and what to ``call`` them).

    Returns
    -------
    The names of the PNG files in ``folder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for name, draw in _DRAW.items():
        if name in pictures:
            for stem, figure in draw(pictures[name]):
                figure.savefig(folder / f"{stem}.png", dpi=110, metadata={"Software": None})
                names.append(f"{stem}.png")
    return names


def mapped(pictures: Mapping[str, _Picture], seed: int) -> dict[str, _Picture]:
    """The same points, those before and after a metric as maps in the plane by t-SNE (van der Maaten and Hinton 2008)."""
    found = dict(pictures)
    if "metric" in found:
        given = {key: np.asarray(found["metric"][key], dtype=np.float64) for key in ("before", "after")}
        perplexity = min(30.0, (len(given["before"]) - 1) / 3)
        maps = {
            # half the steps and a coarser tree than by default: a third of the time, and the same map to the eye
            key: TSNE(perplexity=perplexity, init="pca", max_iter=500, angle=0.8, random_state=seed).fit_transform(
                points
            )
            for key, points in given.items()
        }
        found["metric"] = {**found["metric"], **maps, "wide": {key: points.shape[1] for key, points in given.items()}}
    return found


def _selection(picture: _Picture) -> Sequence[tuple[str, Figure]]:
    """The most important numbers of a comment's vector."""
    importances, kept = np.asarray(picture["importances"]), np.asarray(picture["kept"])
    order = np.argsort(-importances, kind="stable")[:_MOST_BARS][::-1]
    figure = Figure(figsize=(6, 0.22 * len(order) + 1.2), layout="constrained")
    axis = figure.subplots()
    colours = ["tab:blue" if kept[i] else "lightgrey" for i in order]
    axis.barh([f"number {i + 1}" for i in order], importances[order], color=colours)
    axis.tick_params(axis="y", labelsize=7)
    axis.set(xlabel="importance to a forest of the training rows (kept: blue)")
    return [("importance", figure)]


def _gan(picture: _Picture) -> Sequence[tuple[str, Figure]]:
    """Real and generated rows of the rarer class, by the principal components of the real ones."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axis = figure.subplots()
    styles = (
        ("generated", "generated", "tab:orange", "."),
        ("training", "real, trained on", "tab:blue", "."),
        ("held_out", "real, held out", "black", "x"),
    )
    for key, label, colour, marker in styles:
        points = np.asarray(picture[key])
        named = f"{label} ({len(points):,})"
        axis.scatter(points[:, 0], points[:, 1], s=18, label=named, color=colour, marker=marker, alpha=0.6)
    axis.set(xlabel="first principal component of the real rows", ylabel="second")
    axis.legend(fontsize=8)
    return [("generated_rows", figure)]


def _metric(picture: _Picture) -> Sequence[tuple[str, Figure]]:
    """Maps of comments before and after the metric."""
    classes = np.asarray(picture["classes"])
    figure = Figure(figsize=(11, 5), layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, key in zip(axes, ("before", "after"), strict=True):
        points = np.asarray(picture[key])
        _scatter(axis, points[:, 0], points[:, 1], classes)
        axis.set(xticks=[], yticks=[], title=f"{key} the metric, {picture['wide'][key]} numbers")
        axis.legend(fontsize=8)
    figure.suptitle(f"t-SNE of {len(classes):,} comments that nothing was learned from", fontsize=10)
    return [("metric", figure)]


def _errors(picture: _Picture) -> Sequence[tuple[str, Figure]]:
    """What an anomaly model says of each comment, and of how many."""
    raw, classes = np.asarray(picture["raw"]), np.asarray(picture["classes"])
    called, threshold = picture["call"], picture["threshold"]
    stem = called.replace(" ", "_")
    scatter = Figure(figsize=(7, 4.2), layout="constrained")
    axis = scatter.subplots()
    _scatter(axis, np.arange(len(raw)), raw, classes)
    axis.set(xlabel="comment", ylabel=called)
    histogram = Figure(figsize=(6, 4.2), layout="constrained")
    counts = histogram.subplots()
    least, most = float(raw.min()), float(np.quantile(raw, 0.995))
    bins = np.linspace(least, most + 1e-9, 41).tolist()
    for value, name in enumerate(_NAMES):
        counts.hist(raw[classes == value], bins=bins, alpha=0.6, density=True, label=name, color=_COLOURS[value])
    counts.set(xlabel=called, ylabel="density")
    if threshold is not None and least <= threshold <= raw.max():
        label = f"threshold {threshold:.3f}"
        axis.axhline(threshold, linestyle="--", color="black", label=label)
        counts.axvline(threshold, linestyle="--", color="black", label=label)
    else:  # far from all that there is to see
        beyond = "no comment" if threshold is not None and threshold > raw.max() else "all comments"
        scatter.suptitle(f"the threshold flags {beyond}", fontsize=10)
        histogram.suptitle(f"the threshold flags {beyond}", fontsize=10)
    for one in (axis, counts):
        one.legend(fontsize=8)
    return [(stem, scatter), (f"{stem}_histogram", histogram)]


def _scatter(axis: Axes, x: NDArray[Any], y: NDArray[Any], classes: NDArray[Any]) -> None:
    for value, name in enumerate(_NAMES):
        rows = classes == value
        axis.scatter(x[rows], y[rows], s=9, alpha=0.6, color=_COLOURS[value], label=f"{name} ({rows.sum():,})")


_DRAW: dict[str, Callable[[_Picture], Sequence[tuple[str, Figure]]]] = {
    "selection": _selection,
    "gan": _gan,
    "metric": _metric,
    "errors": _errors,
}
