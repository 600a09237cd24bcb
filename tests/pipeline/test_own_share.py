"""What the share of toxic comments in evaluated rows would give, if scores were corrected to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import toxiclf
from toxiclf._registry import component
from toxiclf.bundle.calibration import Calibration, LabelCalibration
from toxiclf.bundle.manifest import Manifest
from toxiclf.evaluation.analysis import threshold_curve
from toxiclf.evaluation.report import Report
from toxiclf.pipeline.decision import choose_threshold
from toxiclf.pipeline.evaluate import evaluate_bundle
from toxiclf.pipeline.own_share import own_shares, threshold_at
from toxiclf.report.own_share import own_share_tables


def drawn(share: float, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Raw outputs and targets of comments, (n, 1) each."""
    random = np.random.default_rng(seed)
    targets = (random.random((count, 1)) < share).astype(np.uint8)
    return random.normal(3.0 * targets - 1.5, 1.0).astype(np.float32), targets


@pytest.fixture
def manifest(bundle: Path) -> Manifest:
    """The manifest of a model that was calibrated where three of four comments are toxic."""
    label = LabelCalibration(slope=3.0, intercept=float(np.log(3)))
    calibration = Calibration(method="platt", exclusive=False, labels=(label,))
    raw, targets = drawn(0.75, 4000, 0)
    threshold, _ = choose_threshold(calibration.apply(raw)[:, 0], targets[:, 0], "f1")
    return toxiclf.load(bundle).manifest.model_copy(
        update={"calibration": calibration, "rates": (0.75,), "thresholds": (threshold,)}
    )


def test_the_share_of_the_rows_gives_other_scores_and_another_threshold(manifest: Manifest) -> None:
    raw, targets = drawn(0.1, 4000, 1)
    held_out, known = drawn(0.75, 4000, 2)
    curves = threshold_curve(manifest.calibration.apply(held_out), known, manifest.thresholds, manifest.labels)
    (entry,) = own_shares(manifest, manifest.calibration.apply(raw), targets, curves)
    as_it_is, corrected, chosen, tuned = entry["decisions"]
    assert entry["prior"] == f"{targets.mean():.3g}"
    flagged = manifest.at(float(entry["prior"])).calibration.apply(raw)[:, 0] >= np.float32(manifest.thresholds[0])
    assert corrected["accuracy"] == pytest.approx((flagged == (targets[:, 0] == 1)).mean(), abs=1e-3)
    assert as_it_is["precision"] < 0.75
    assert as_it_is["f1"] + 0.05 < chosen["f1"] <= tuned["f1"]
    assert chosen["f1"] > tuned["f1"] - 0.05
    assert "tuned on them" in tuned["how"]


def test_rows_with_the_share_of_training_need_nothing(manifest: Manifest) -> None:
    raw, targets = drawn(0.75, 4000, 3)
    assert own_shares(manifest, manifest.calibration.apply(raw), targets, None) == []
    none = targets[targets[:, 0] == 0]
    assert own_shares(manifest, manifest.calibration.apply(raw)[: len(none)], none, None) == []


def test_a_curve_gives_the_threshold_of_its_own_rows_at_their_share(manifest: Manifest) -> None:
    raw, targets = drawn(0.3, 3000, 4)
    scores = manifest.calibration.apply(raw)
    curve = threshold_curve(scores, targets, [0.5], ["toxic"])["toxic"]
    (exact, _), near = choose_threshold(scores[:, 0], targets[:, 0], "f1"), threshold_at(curve, "f1", targets.mean())
    assert near == pytest.approx(exact, abs=0.03)
    assert threshold_at(curve, "f1", 0.02) > near


def test_evaluate_shows_it(bundle: Path, sample: toxiclf.Comments, tmp_path: Path) -> None:
    toxic = np.flatnonzero(sample.targets[:, 0])
    others = np.flatnonzero(sample.targets[:, 0] == 0)[: len(toxic)]
    report = evaluate_bundle(bundle, sample.take(np.concatenate([toxic, others])))
    (table,) = own_share_tables(report)
    assert table[0][0] == "toxic: 50.0 % of these rows, 14.6 % of calibration rows"
    assert [line[0].partition(",")[0].partition(" by")[0] for line in table[1:]] == [
        "as the bundle decides", "--prior 0.5", "--prior 0.5", "--prior 0.5",
    ]  # fmt: skip
    assert "## Corrected to the prevalence of the evaluated comments" in report.to_markdown()
    assert "14.6 % of calibration rows" in component("format", "html").target(report)
    assert Report.model_validate_json(report.to_json()) == report
    assert "own_share" not in evaluate_bundle(bundle, sample, prior=0.02).analysis
