"""Models that decide together: weighed by what they say of comments they did not learn from, and one graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toxiclf
from tests.conftest import rest_in_check, tiny
from toxiclf.bundle.scorer import Scorer
from toxiclf.datasets.comments import Comments
from toxiclf.datasets.splitting import split
from toxiclf.errors import UsageError
from toxiclf.models.ensembles import StackingOptions, VotingOptions
from toxiclf.models.ngram_logistic import NgramLogisticOptions
from toxiclf.models.svm import SvmOptions
from toxiclf.pipeline._combining import Voting, combination, cross_fitted
from toxiclf.pipeline.calibrate import CalibratedModel, Checkpoints, learn
from toxiclf.pipeline.save import TrainedModel
from toxiclf.recipe import Recipe

every_ensemble = pytest.mark.parametrize(
    "options", [VotingOptions(name="voting"), StackingOptions(name="stacking")], ids=["voting", "stacking"]
)


def said(targets: np.ndarray, *noises: float, seed: int = 0) -> np.ndarray:
    """Raw outputs of members that know the targets up to noise, (members, n, n_labels)."""
    rng = np.random.default_rng(seed)
    return np.stack([targets + noise * rng.normal(size=targets.shape) for noise in noises])


def targets_of(count: int = 400, labels: int = 1, *, exclusive: bool = False) -> np.ndarray:
    rng = np.random.default_rng(7)
    if exclusive:
        return np.eye(labels + 1, dtype=np.uint8)[rng.integers(0, labels + 1, count)][:, 1:]
    return (rng.random((count, labels)) < 0.3).astype(np.uint8)


def classic(*members: Any, name: str = "voting", **more: Any) -> Recipe:
    return Recipe.load(
        {"model": {"name": name, "members": list(members), **more}, "decision": {"folds": 3}, "vectors": {"size": 8, "epochs": 1}}
    )  # fmt: skip


def learned(comments: Comments, recipe: Recipe) -> CalibratedModel:
    parts = split(comments, test=0.2, validation=0.1, seed=0)
    return learn(parts, recipe, lambda message: None)


def test_weights_are_those_of_the_least_cross_entropy() -> None:
    targets = targets_of()
    members = said(targets, 0.4, 0.6)
    vote = combination(
        VotingOptions(name="voting", members=("svm", "logistic")), members, targets, exclusive=False, seed=0
    )
    assert isinstance(vote, Voting)

    def entropy(weight: float) -> float:
        vote.weights_ = np.array([[weight], [1 - weight]])
        raw = vote.raw(members)
        return float(np.logaddexp(0, np.where(targets == 1, -raw, raw)).mean())

    found = float(vote.weights_[0, 0])
    grid = np.linspace(0, 1, 101)
    best = float(grid[np.argmin([entropy(weight) for weight in grid])])
    assert abs(found - best) <= 0.02


@every_ensemble
@pytest.mark.parametrize("exclusive", [False, True])
def test_a_member_that_knows_nothing_hardly_counts(options: Any, exclusive: bool) -> None:
    targets = targets_of(800, 2, exclusive=exclusive)
    found = combination(options, said(targets, 0.3, 50.0), targets, exclusive=exclusive, seed=0)
    first, second = np.abs(found.weights())
    assert (second <= 0.1 * first + 0.05).all()


@every_ensemble
def test_what_a_fold_holds_out_has_no_say_in_how_it_is_judged(options: Any) -> None:
    targets = targets_of()
    members = said(targets, 0.5, 0.8)
    outside = np.array_split(np.random.default_rng(1).permutation(len(targets)), 4)
    plain = cross_fitted(options, members, targets, outside, exclusive=False, seed=0)
    other = targets.copy()
    other[outside[2]] = 1 - other[outside[2]]
    again = cross_fitted(options, members, other, outside, exclusive=False, seed=0)
    assert (again[outside[2]] == plain[outside[2]]).all()
    assert (again[outside[0]] != plain[outside[0]]).any()


def test_equal_and_given_weights_are_taken_as_they_are() -> None:
    targets = targets_of(labels=2)
    members = said(targets, 0.4, 0.8)
    for given, shares in (("equal", [0.5, 0.5]), ((3.0, 1.0), [0.75, 0.25])):
        options = VotingOptions.model_validate({"name": "voting", "members": ["svm", "knn"], "weights": given})
        vote = combination(options, members, targets, exclusive=False, seed=0)
        assert vote.weights() == [[share, share] for share in shares]


@pytest.mark.check
def test_members_share_features_that_are_the_same(sample: Comments) -> None:
    one = learned(sample, Recipe.load({**tiny("logistic")})).graph
    both = learned(sample, classic("logistic", {"name": "logistic", "C": 0.1})).graph
    assert one is not None
    assert both is not None
    assert len(both) < 1.5 * len(one)  # the word vectors are there once
    network = learned(sample, classic("logistic", {"name": "dnn", "units": [4], "epochs": 1}, weights="equal")).graph
    assert network is not None
    assert len(network) < 1.5 * len(one)  # though the dnn watches the validation set


def test_members_may_be_given_as_options() -> None:
    options = VotingOptions(name="voting", members=(NgramLogisticOptions(), SvmOptions(name="svm", C=2.0)))
    assert Recipe.load({"model": options.model_dump(exclude_unset=True)}).members == options.members
    assert Recipe.load("voting").changed({"model.members": ["svm", "knn"]}).members[1].name == "knn"


@pytest.mark.parametrize(
    ("name", "kind"),
    rest_in_check(
        [(name, kind) for name in ("voting", "stacking") for kind in ("sample", "two_labels", "exclusive")],
        quick=[("voting", "exclusive"), ("stacking", "two_labels")],
    ),
)
def test_odd_comments_score_as_the_training_libraries_say(name: str, kind: str, request: pytest.FixtureRequest) -> None:
    comments: Comments = request.getfixturevalue(kind)
    result = learned(comments, classic({"name": "ngram_logistic", "jamo": 2, "syllable": 1}, "logistic", name=name))
    encoded = result.fitted.encoder.encode(["", "ㅋ" * 500, "漢字", *comments.texts[:50]])
    assert result.graph is not None
    raw = result.fitted.raw_of(encoded)
    assert (np.abs(Scorer(result.graph).run(encoded) - raw) <= 1e-5 + 2e-7 * np.abs(raw)).all()  # float32 has 7 digits


@pytest.mark.check
def test_the_report_says_what_each_member_is_worth(trained: Callable[[str, str], TrainedModel], tmp_path: Path) -> None:
    run = trained("voting", "one")
    facts = run.report.data["details"]["ensemble"]
    assert [member["name"] for member in facts["members"]] == ["ngram_logistic", "svm", "cnn"]
    assert sum(member["weights"][0] for member in facts["members"]) == pytest.approx(1, abs=1e-3)
    assert run.report.data["decision_source"] == "out_of_fold"
    folder = run.save(tmp_path)
    page = (folder / "report.md").read_text("utf-8")
    assert "## Members" in page
    assert f"| together |  | {facts['average_precision']:.3f} |" in page
    assert "history" in run.report.figures()
    assert {row["member"] for row in run.history} == {"cnn"}
    assert not (folder / "checkpoints").exists()


@pytest.mark.check
def test_a_member_without_a_vote_is_not_asked(sample: Comments) -> None:
    alone, both = (
        learned(sample, classic("logistic", {"name": "ngram_logistic", "jamo": 2, "syllable": 1}, weights=weights))
        for weights in ([1, 0], [1, 1])
    )
    assert alone.fitted.encoder.views.keys() == {"words"}
    assert both.fitted.encoder.views.keys() == {"words", "jamo", "syllable"}
    members = alone.fitted.facts["ensemble"]["members"]
    assert [(member["name"], member["weights"]) for member in members] == [
        ("logistic", [1.0]),
        ("ngram_logistic", [0.0]),
    ]


def test_members_with_one_name_are_told_apart(sample: Comments) -> None:
    facts = learned(sample, classic("logistic", {"name": "logistic", "C": 0.1})).fitted.facts["ensemble"]
    assert [member["name"] for member in facts["members"]] == ["logistic", "logistic 2"]


@pytest.mark.long
def test_networks_of_an_ensemble_go_on_from_checkpoints_of_their_own(sample: Comments, tmp_path: Path) -> None:
    network = {"name": "dnn", "units": [4], "epochs": 1}
    recipe = classic("logistic", network, {**network, "units": [6]}, name="stacking")
    parts = split(sample, test=0.2, validation=0.1, seed=0)
    checkpoints = Checkpoints(tmp_path)
    first = learn(parts, recipe, lambda message: None, checkpoints=checkpoints)
    assert len(checkpoints.files()) == 2 * (1 + 3)
    again = learn(parts, recipe, lambda message: None, checkpoints=Checkpoints(tmp_path, resume=True))
    assert again.graph == first.graph
    checkpoints.clear()
    assert checkpoints.files() == []


def test_resampling_is_of_the_members_that_take_averages(sample: Comments) -> None:
    recipe = classic({"name": "ngram_logistic", "jamo": 2, "syllable": 1}, "logistic").changed(
        {"balance.resample": "random_over"}
    )
    stages = learned(sample, recipe).fitted.stages
    assert [stage.name for stage in stages] == ["as given", "random_over"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"model": {"name": "voting", "members": ["svm"]}}, "members is svm; give at least two models"),
        ({"model": {"name": "voting", "members": "svm"}}, "members is svm; give at least two models"),
        ({"model": {"name": "stacking", "members": []}}, "members is empty; give at least two models"),
        ({"model": {"name": "voting", "members": ["svm", "knn", "svm"]}}, "holds svm twice with the same options"),
        ({"model": {"name": "voting", "members": ["svm", "stacking"]}}, "unknown member 'stacking'; known: ngram_logistic"),
        ({"model": {"name": "voting", "members": ["svm", "vae"]}}, "unknown member 'vae'"),
        ({"model": {"name": "voting", "members": ["svm", {"name": "cnn", "filter": 4}]}}, r"mean 'model\.members\.1\.filters'"),
        ({"model": {"name": "voting", "members": ["svm", "knn"], "weights": [1]}}, "1 numbers for 2 members; give one for each"),
        ({"model": {"name": "voting", "members": ["svm", "knn"], "weights": [0, 0]}}, "not all 0"),
        ({"model": {"name": "voting", "members": ["svm", "knn"]}, "balance": {"loss": "focal"}}, "loss has no effect"),
        ({"model": {"name": "voting", "members": ["cnn", "lstm"]}, "balance": {"resample": "smote"}}, "sequences"),
        ({"model": {"name": "voting", "members": ["cnn", "ngram_logistic"]}, "features": {"select": 3}}, "no effect"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Recipe.load(settings)


def test_search_of_an_ensemble_is_refused_with_what_to_do(sample: Comments) -> None:
    with pytest.raises(
        UsageError, match=r"a search needs a single model, but voting has 4 members; search each member"
    ):
        Recipe.load({"model": "voting", "search": {"method": "grid", "space": {"model.weights": ["auto", "equal"]}}})


@pytest.mark.check
def test_one_seed_gives_one_ensemble_in_scikit_learn(sample: Comments) -> None:
    recipe = classic({"name": "ngram_logistic", "jamo": 2, "syllable": 1}, "logistic")
    y = sample.targets[:, 0]
    first, again = (toxiclf.ToxicClassifier(recipe).fit(sample.texts, y) for _ in range(2))
    assert (first.predict_proba(sample.texts) == again.predict_proba(sample.texts)).all()
