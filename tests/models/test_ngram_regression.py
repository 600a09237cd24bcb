"""Regressions over n-grams, beside liblinear, which is the reference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from toxiclf.models import _ngram_regression
from toxiclf.models._ngram_regression import IS_COMPILED, ScaledRows, fit_regressions

needs_compiled = pytest.mark.skipif(not IS_COMPILED, reason="the regressions were not compiled")


@contextmanager
def liblinear_alone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ngram_regression, "IS_COMPILED", False)
        yield


def problem(regressions: int) -> tuple[ScaledRows, Any, Any, Any]:
    draw = np.random.default_rng(regressions)
    blocks = [
        sp.csr_matrix((draw.random((90, width)) < share).astype(np.float32)) for width, share in ((40, 0.2), (70, 0.05))
    ]
    scales = [draw.uniform(0.1, 0.5, 90) for _ in blocks]
    classes = (draw.random((90, regressions)) < np.linspace(0.5, 0.1, regressions)).astype(np.intp)
    costs = np.where(classes == 1, 3.0, 0.8)
    return ScaledRows(blocks, scales), draw.uniform(0.5, 3, (110, regressions)), classes, costs


@needs_compiled
@pytest.mark.parametrize("regressions", [1, 3, 10, 17])
def test_regressions_are_those_of_liblinear(regressions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, factors, classes, costs = problem(regressions)
    monkeypatch.setattr(_ngram_regression, "_TOLERANCE", 1e-4)
    found = fit_regressions(rows, factors, classes, costs, seed=1)
    with liblinear_alone():
        wanted = fit_regressions(rows, factors, classes, costs, seed=1)
    for ours, theirs in zip(found, wanted, strict=True):
        assert np.abs(ours - theirs).max() < 1e-3 * np.abs(theirs).max()


@needs_compiled
def test_a_regression_does_not_depend_on_those_beside_it() -> None:
    rows, factors, classes, costs = problem(5)
    together = fit_regressions(rows, factors, classes, costs, seed=1)
    for j in range(5):
        alone = fit_regressions(rows, factors[:, [j]], classes[:, [j]], costs[:, [j]], seed=1)
        assert np.allclose(alone[0][:, 0], together[0][:, j], rtol=1e-5, atol=1e-6)


def test_the_seed_decides() -> None:
    rows, factors, classes, costs = problem(2)
    first, again, other = (fit_regressions(rows, factors, classes, costs, seed=seed)[0] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_rows_of_a_class_with_weight_0_are_left_out() -> None:
    rows, factors, classes, costs = problem(1)
    kept = np.arange(90) % 3 > 0
    fewer = ScaledRows([block[kept] for block in rows.blocks], [scales[kept] for scales in rows.scales])
    found, _ = fit_regressions(rows, factors, classes, costs * kept[:, None], seed=0)
    wanted, _ = fit_regressions(fewer, factors, classes[kept], costs[kept], seed=0)
    assert np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()


@needs_compiled
@pytest.mark.parametrize(
    "changed",
    [
        {"starts": np.array([0, 2, 1], np.int64)}, {"starts": np.array([0, 1, 3], np.int64)},
        {"columns": np.array([0, 2], np.int32)},
        {"columns": np.array([0, -1], np.int32)}, {"scales": np.ones(1, np.float32)}, {"factors": np.ones(1)}, {"signs": b"1"},
        {"costs": np.ones(1)}, {"regressions": 0}, {"regressions": 17},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_an_error(changed: dict[str, Any]) -> None:
    from toxiclf.models import _regression

    of = {
        "starts": np.array([0, 1, 2], np.int64), "columns": np.array([0, 1], np.int32), "scales": np.ones(2, np.float32),
        "factors": np.ones(2), "signs": np.array([1, -1], np.int8), "costs": np.ones(2), "regressions": 1,
    } | changed  # fmt: skip
    block, rest = (
        (of["starts"], of["columns"], of["scales"]),
        (of["factors"], of["signs"], of["costs"], of["regressions"]),
    )
    with pytest.raises(ValueError, match="must have"):
        _regression.fit([block], np.array([2]), *rest, 0.01, 10, 0)
