"""Quantification: the share of toxic comments among comments without labels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import toxiclf
from toxiclf.bundle import store
from toxiclf.bundle.calibration import Calibration, LabelCalibration
from toxiclf.bundle.manifest import Manifest
from toxiclf.bundle.score_counts import ScoreCounts
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError, UsageError
from toxiclf.moderator import Moderator
from toxiclf.quantification import PrevalenceEstimate, estimate_prevalence

OLD = Path(__file__).parent / "fixtures" / "0.1" / "bundle"
FAR, NEAR = 1.5, 0.05  # distance between the mean raw outputs of the two classes, in standard deviations


class Written(Moderator):
    """A moderator whose comments are their own raw outputs."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest

    def raw(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[float(text)] for text in texts], dtype=np.float32)


def drawn(share: float, count: int, rng: np.random.Generator, apart: float = FAR) -> tuple[NDArray[Any], NDArray[Any]]:
    """Raw outputs of comments, of which a share is toxic, and which are."""
    toxic = rng.random(count) < share
    return rng.normal(np.where(toxic, apart, -apart), 1.0), toxic


def written(raw: Iterable[float]) -> list[str]:
    return [str(value) for value in raw]


@pytest.fixture
def manifest(bundle: Path) -> Manifest:
    """The manifest of a model that was calibrated on 3,000 comments, a third of them toxic."""
    raw, toxic = drawn(1 / 3, 3000, np.random.default_rng(1))
    slope = LabelCalibration(slope=2 * FAR, intercept=float(np.log(0.5)))
    return toxiclf.load(bundle).manifest.model_copy(
        update={
            "calibration": Calibration(method="platt", exclusive=False, labels=(slope,)),
            "rates": (1 / 3,),
            "score_counts": (ScoreCounts.of(raw, toxic),),
        }
    )


def estimated(manifest: Manifest, raw: Iterable[float]) -> PrevalenceEstimate:
    (entry,) = estimate_prevalence(Written(manifest), written(raw)).values()
    return entry


@pytest.mark.parametrize("share", [0.01, 0.1, 0.35, 0.9])
def test_the_share_of_toxic_comments_is_found(manifest: Manifest, share: float) -> None:
    raw, toxic = drawn(share, 3000, np.random.default_rng(2))
    entry = estimated(manifest, raw)
    assert entry.n_comments == 3000
    assert entry.low <= toxic.mean() <= entry.high
    assert entry.pacc is not None
    assert abs(entry.share - toxic.mean()) < 0.03
    assert abs(entry.pacc - toxic.mean()) < 0.03
    assert (entry.reliable, entry.note) == (True, "")


def test_fewer_comments_give_a_wider_interval(manifest: Manifest) -> None:
    raw, _ = drawn(0.1, 3000, np.random.default_rng(3))
    few, many = estimated(manifest, raw[:150]), estimated(manifest, raw)
    assert few.high - few.low > 2 * (many.high - many.low)


def test_a_prior_that_is_set_changes_nothing(manifest: Manifest) -> None:
    raw, _ = drawn(0.1, 500, np.random.default_rng(4))
    assert estimated(manifest.at(0.01), raw) == estimated(manifest, raw)


def test_no_toxic_comment_at_all_gives_a_prior_that_can_be_set(manifest: Manifest) -> None:
    entry = estimated(manifest, np.full(200, -4.0))
    assert entry.share == 0
    assert 1 / 200 < entry.high < 5 / 200  # a few toxic comments can be missed by chance
    assert 0 < entry.prior < 0.05


def test_comments_that_differ_in_more_than_the_share_are_said(manifest: Manifest) -> None:
    entry = estimated(manifest, np.random.default_rng(5).normal(0.0, 0.2, 1000))
    assert not entry.reliable
    assert "differ from those of training in more than the share of toxic ones" in entry.note
    assert "toxiclf calibrate" in entry.note


def test_scores_that_are_not_calibrated_have_a_share_all_the_same(manifest: Manifest) -> None:
    raw, toxic = drawn(0.1, 3000, np.random.default_rng(6))
    none = Calibration(method="none", exclusive=False, labels=(LabelCalibration(),))
    entry = estimated(manifest.model_copy(update={"calibration": none, "rates": ()}), raw)
    assert entry.low <= toxic.mean() <= entry.high


def test_a_bundle_without_counts_is_estimated_by_em_alone(manifest: Manifest) -> None:
    raw, toxic = drawn(0.1, 3000, np.random.default_rng(7))
    entry = estimated(manifest.model_copy(update={"score_counts": ()}), raw)
    assert abs(entry.share - toxic.mean()) < 0.03
    assert (entry.pacc, entry.distance) == (None, None)
    assert "by EM alone" in entry.note


def test_a_bundle_of_0_1_is_estimated(sample_path: Path) -> None:
    texts = toxiclf.read_comments(sample_path).texts
    entry = estimate_prevalence(OLD, texts)["toxic"]
    assert 0 < entry.share < 0.5


def test_what_cannot_be_estimated_is_refused_with_a_sentence(manifest: Manifest) -> None:
    raw, _ = drawn(0.1, 200, np.random.default_rng(8))
    alike = ScoreCounts.of(*drawn(1 / 3, 300, np.random.default_rng(9), NEAR))
    softmax = manifest.calibration.model_copy(update={"exclusive": True})
    with pytest.raises(DataError, match="from 99 comments; give at least 100"):
        estimated(manifest, raw[:99])
    with pytest.raises(DataError, match="cannot tell the"):
        estimated(manifest.model_copy(update={"score_counts": (alike,)}), raw)
    with pytest.raises(UsageError, match="exclude each other"):
        estimated(manifest.model_copy(update={"calibration": softmax}), raw)
    with pytest.raises(UsageError, match="train it again"):
        estimated(manifest.model_copy(update={"score_counts": (), "rates": ()}), raw)
    with pytest.raises(TypeError, match="texts is one string; expected a list of comments"):
        estimate_prevalence(Written(manifest), "댓글")


def test_training_counts_the_rows_that_it_decides_on(bundle: Path) -> None:
    manifest = toxiclf.load(bundle).manifest
    (counts,) = manifest.score_counts
    toxic, others = sum(counts.toxic), sum(counts.others)
    assert toxic / (toxic + others) == pytest.approx(manifest.rates[0])
    assert manifest.objective == "f1"


def test_the_command_prints_share_and_next_command(
    bundle: Path, sample: Comments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moderator = toxiclf.load(bundle)
    counts = ScoreCounts.of(moderator.raw(sample.texts)[:, 0], sample.targets[:, 0] == 1)
    manifest = moderator.manifest.model_copy(update={"score_counts": (counts,)})
    _, files = store.read(bundle)
    live, bundle = tmp_path / "live comments.txt", tmp_path / "bundle"
    store.save(bundle, manifest, files)
    live.write_text("\n".join(text.replace("\n", " ") for text in sample.texts), "utf-8")
    assert run(["estimate-prevalence", str(bundle), str(live)]) == 0
    heading, line, step = capsys.readouterr().out.splitlines()
    assert heading.split("\t") == ["label", "comments", "share (95 % interval)", "adjusted count", "in training"]
    assert line.startswith(f"toxic\t{len(sample)}\t")
    assert step.startswith(f"next: toxiclf predict '{live}' --bundle {bundle} --prior 0.")
    assert run(["estimate-prevalence", str(bundle), str(live), "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry["low"] < entry["share"] < entry["high"]
    assert entry["prior"] == pytest.approx(entry["share"], rel=0.01)


def test_the_command_names_no_prior_where_comments_differ(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = tmp_path / "live.txt"
    live.write_text("뷁\n" * 100 + "\n", "utf-8")
    assert run(["estimate-prevalence", str(bundle), str(live)]) == 0
    printed = capsys.readouterr()
    assert "--prior" not in printed.out
    assert "toxiclf calibrate" in printed.err
