"""Trees of any library: the graph sends each row where the library does, and adds up what the leaves say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.models.small import targets_of, task_of
from toxiclf.errors import DataError
from toxiclf.graph import Graph
from toxiclf.models import make_model
from toxiclf.models._base import Model
from toxiclf.models._trees import float32_below
from toxiclf.recipe import model_options

TREES: dict[str, dict[str, Any]] = {
    "random_forest": {"trees": 7, "min_samples_leaf": 1},
    "lightgbm": {"trees": 9, "min_samples_leaf": 2},
    "xgboost": {"trees": 9, "min_samples_leaf": 1},
    "balanced_random_forest": {"trees": 7},
    "easy_ensemble": {"ensembles": 3, "trees": 4, "max_depth": 2},
    "rusboost": {"trees": 6, "max_depth": 3},
}
OTHERS: dict[str, dict[str, Any]] = {
    "knn": {"neighbours": 5}, "isolation_forest": {"trees": 9, "samples": 32}, "one_class_svm": {}
}  # fmt: skip
WIDTH = 5
every_tree_model = pytest.mark.parametrize("name", TREES)
every_model = pytest.mark.parametrize("name", [*TREES, *OTHERS])


def vectors(count: int, seed: int = 0) -> np.ndarray:
    """Rows of which many share a number exactly, so that splits fall on ties."""
    return np.random.default_rng(seed).normal(size=(count, WIDTH)).round(1).astype(np.float32)


def learnable(count: int = 150, columns: int = 1, *, exclusive: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Rows and targets that the first numbers decide, but for some noise."""
    X = vectors(count)
    noise = targets_of(count, columns=columns, exclusive=exclusive)
    told = (X[:, :columns] > 0.4).astype(np.uint8)
    if exclusive:
        told[told.cumsum(axis=1) > 1] = 0
    flipped = np.random.default_rng(1).random(count) < 0.2
    return X, np.where(flipped[:, None], noise, told).astype(np.uint8)


def fitted(
    name: str, *, columns: int = 1, exclusive: bool = False, seed: int = 0, weight: Any = "none", **more: Any
) -> Model:
    options = model_options({"name": name, **TREES.get(name, {}), **OTHERS.get(name, {}), **more})
    X, targets = learnable(columns=columns, exclusive=exclusive)
    return make_model(options).fit(X, task_of(targets, exclusive=exclusive, seed=seed, weight=weight))


def scored(model: Model, X: np.ndarray, columns: int = 1) -> np.ndarray:
    """By the graph."""
    graph = Graph()
    return graph.session(model.write(graph, graph.vectors("vectors", WIDTH)), columns)({"vectors": X})


@every_model
@pytest.mark.parametrize(("columns", "exclusive"), [(1, False), (2, False), (2, True)])
def test_the_graph_says_what_the_library_says(name: str, columns: int, exclusive: bool) -> None:
    if columns > 1 and name in ("isolation_forest", "one_class_svm"):
        pytest.skip("these take one label")
    model = fitted(name, columns=columns, exclusive=exclusive)
    for X in (vectors(60, seed=2), learnable()[0], vectors(30) * 100, np.zeros((1, WIDTH), dtype=np.float32)):
        assert np.abs(scored(model, X, columns) - model.raw(X)).max() <= 1e-5


@every_tree_model
def test_a_number_that_equals_a_threshold_goes_where_the_library_sends_it(name: str) -> None:
    model = fitted(name)
    X = vectors(200, seed=3)
    near = np.concatenate([np.nextafter(X, np.float32(side)) for side in (-np.inf, np.inf)])
    assert np.abs(scored(model, near) - model.raw(near)).max() <= 1e-5


@every_model
def test_the_seed_gives_the_same_model_again(name: str) -> None:
    X = vectors(50, seed=4)
    first, again = (fitted(name, seed=3).raw(X) for _ in range(2))
    assert (first == again).all()
    if name not in ("knn", "one_class_svm"):  # nothing is drawn there
        assert (fitted(name, seed=4).raw(X) != first).any()


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "knn"])
def test_class_weights_raise_the_class_that_weighs_more(name: str) -> None:
    X = vectors(50, seed=4)
    plain, heavy = (fitted(name, weight=weight).raw(X) for weight in ("none", {"label 0": 9.0}))
    assert heavy.mean() > plain.mean() + 0.2


@pytest.mark.parametrize("name", ["balanced_random_forest", "easy_ensemble", "rusboost"])
def test_a_tiny_class_will_do_and_no_class_is_refused_in_a_sentence(name: str) -> None:
    X = vectors(100)
    options = model_options({"name": name, **TREES[name]})
    targets = np.zeros((100, 1), dtype=np.uint8)
    with pytest.raises(
        DataError, match=f"{name} draws the same number of rows of each class, .* only one class; label more"
    ):
        make_model(options).fit(X, task_of(targets))
    X[:3] += 5
    targets[:3] = 1
    raw = make_model(options).fit(X, task_of(targets)).raw(X)
    assert raw[:3].mean() > raw[3:].mean()


@pytest.mark.parametrize("name", ["isolation_forest", "one_class_svm"])
def test_models_of_one_class_do_not_look_at_the_other(name: str) -> None:
    X, targets = learnable()
    other = X.copy()
    other[targets[:, 0] == 1] += 50
    options = model_options({"name": name, **OTHERS[name]})
    first, again = (make_model(options).fit(rows, task_of(targets)).raw(X) for rows in (X, other))
    assert (first == again).all()
    far = np.full((1, WIDTH), 30, dtype=np.float32)
    assert make_model(options).fit(X, task_of(targets)).raw(far) > first.mean()
    with pytest.raises(DataError, match="learns from comments without the label, but the training set has 1 of them"):
        make_model(options).fit(X[:3], task_of(np.array([[1], [0], [1]], dtype=np.uint8)))


def test_the_very_comment_does_not_outvote_all_neighbours_for_good() -> None:
    X, _ = learnable()
    model = fitted("knn")
    raw = model.raw(X)
    assert np.isfinite(raw).all()
    assert np.abs(raw).max() < 12
    alike = fitted("knn", weighting="uniform").raw(X)
    assert len(np.unique(alike.round(6))) <= 6  # five neighbours vote 0 to 5 times


@pytest.mark.parametrize("weighting", ["distance", "uniform"])
def test_of_equal_rows_the_first_ones_vote_here_and_in_the_graph(weighting: str) -> None:
    X, targets = learnable(200)
    X[::3], X[1::5] = X[1], 0  # many more than vote
    model = make_model(model_options({"name": "knn", "neighbours": 9, "weighting": weighting}))
    model.fit(X, task_of(targets))
    assert np.abs(scored(model, X) - model.raw(X)).max() <= 1e-5


def test_more_neighbours_than_rows_are_refused_in_a_sentence() -> None:
    X, targets = learnable(10)
    with pytest.raises(DataError, match=r"model\.neighbours is 50, but a fit has only 10 comments; lower it"):
        make_model(model_options({"name": "knn"})).fit(X, task_of(targets))


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_large_margins_agree_and_are_the_same_alone_and_beside_others(name: str) -> None:
    X = vectors(2000, seed=5)
    targets = np.zeros((2000, 1), dtype=np.uint8)
    targets[:20] = 1
    options = model_options({"name": name, "trees": 300})
    model = make_model(options).fit(X, task_of(targets, weight="balanced"))
    raw = model.raw(X)
    assert np.abs(raw).max() > 5
    together = scored(model, X)
    assert np.abs(together - raw).max() <= 2e-6
    assert (np.vstack([scored(model, X[i : i + 1]) for i in range(3)]) == together[:3]).all()


@given(
    arrays(np.float32, 5, elements=st.floats(-1e6, 1e6, width=32)),
    arrays(np.float64, 5, elements=st.floats(-1e6, 1e6)),
)
def test_rounding_a_threshold_down_never_sends_a_row_elsewhere(rows: np.ndarray, thresholds: np.ndarray) -> None:
    for edge in (thresholds, rows.astype(np.float64), np.nextafter(rows.astype(np.float64), -np.inf)):
        assert ((rows <= float32_below(edge)) == (rows.astype(np.float64) <= edge)).all()
