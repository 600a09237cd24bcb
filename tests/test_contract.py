"""Every registered model goes through every promise, on the sample corpus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest

import toxiclf
from tests.conftest import TINY_MODEL, Made, rest_in_check, tiny
from toxiclf._registry import components
from toxiclf.bundle.scorer import Scorer
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError
from toxiclf.pipeline.fit import PipelineFitter
from toxiclf.pipeline.save import TrainedModel
from toxiclf.recipe import ModelOptions, Recipe, presets

Trained = Callable[[str, str], TrainedModel]
KINDS = ("one", "two", "exclusive")
ODD_TEXTS = ["", " ", "ㅤ", "\x00", "\ud800", "😀👨‍👩‍👧", "漢字", "ㅋ" * 5000, "시1발", "a" * 3000, "가 " * 3000]

# the same loop and the same head: lstm goes through the promises for them, and tests/models has their graphs
AS_LSTM = ("lstm2", "bilstm", "bilstm2")
# the same classes or kin, whose own tests have seeds and graphs of several labels
AS_OTHERS = ("xgboost", "easy_ensemble", "rusboost", "overcomplete_autoencoder", "vae", "one_class_svm")
MODELS_HERE = [model for model in components("model") if model not in AS_LSTM]
SEVERAL_LABELS = ("ngram_logistic", "logistic", "svm", "random_forest", "dnn", "dnn_sequence", "lstm", "cnn")
# a model a family goes through every promise in `make test`, and all do in `make check`
QUICK = (
    "ngram_logistic", "svm", "random_forest", "cnn", "stacking", "balanced_random_forest", "autoencoder",
)  # fmt: skip
QUICK_KINDS = [*((model, "one") for model in QUICK), ("svm", "two"), ("ngram_logistic", "exclusive")]
every_model = pytest.mark.parametrize("model", rest_in_check(MODELS_HERE, QUICK))
every_graph = pytest.mark.parametrize(
    ("model", "kind"),
    rest_in_check(
        [(model, "one") for model in MODELS_HERE] + [(model, kind) for model in SEVERAL_LABELS for kind in KINDS[1:]],
        QUICK_KINDS,
    ),
)
every_model_and_kind = pytest.mark.parametrize(
    ("model", "kind"),
    rest_in_check(
        [(model, "one") for model in MODELS_HERE]
        + [(model, kind) for model in ("ngram_logistic", "svm", "cnn") for kind in KINDS[1:]],
        QUICK_KINDS,
    ),
)
every_way_of_training = pytest.mark.parametrize(
    "model", rest_in_check((model for model in MODELS_HERE if model not in AS_OTHERS), set(QUICK) - {"autoencoder"})
)
every_weighted_model = pytest.mark.parametrize(
    "model",
    rest_in_check(
        (
            name
            for name, entry in components("model").items()
            if not (entry["has_members"] or entry["balances_itself"] or entry["learns_from_negatives"])
            and name not in (*AS_LSTM, *AS_OTHERS)
        ),
        QUICK,
    ),
)


def test_every_model_has_options_and_a_preset() -> None:
    assert set(TINY_MODEL) <= set(components("model"))
    assert all(issubclass(entry.options, ModelOptions) and entry.summary for entry in components("model").values())
    assert set(components("model")) <= set(presets())


@every_graph
def test_the_graph_agrees_with_the_training_library(
    model: str, kind: str, made: Callable[[str, str], Made], request: pytest.FixtureRequest
) -> None:
    comments: Comments = request.getfixturevalue({"one": "sample", "two": "two_labels"}.get(kind, kind))
    recipe, learned = Recipe.load(tiny(model)), made(model, kind).learned
    encoded = learned.fitted.encoder.encode(comments.texts)
    ours = Scorer(learned.graph).run(encoded)
    fitter = PipelineFitter.of(recipe, comments.labels, comments.negative, lambda message: None)
    theirs = learned.fitted.raw(fitter.tokenized(comments))
    assert np.abs(ours - theirs).max() <= 1e-5
    scores = learned.calibration.apply(ours), learned.calibration.apply(theirs.astype(np.float32))
    assert np.abs(scores[0] - scores[1]).max() <= 1e-5


@every_model_and_kind
def test_scores_have_one_column_a_label_and_lie_between_zero_and_one(model: str, kind: str, trained: Trained) -> None:
    moderator = trained(model, kind).moderator
    scores = moderator.score(ODD_TEXTS)
    assert scores.dtype == np.float32
    assert scores.shape == (len(ODD_TEXTS), len(moderator.labels))
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert (scores <= 1).all()
    if kind == "exclusive":
        assert (scores.sum(axis=1) <= 1 + 1e-6).all()


@every_model
def test_no_texts_give_no_scores(model: str, trained: Trained) -> None:
    moderator = trained(model, "one").moderator
    assert moderator.score([]).shape == (0, 1)
    assert moderator.check([]) == []


@every_model
def test_a_comment_scores_the_same_alone_and_beside_longer_ones(model: str, trained: Trained, sample: Comments) -> None:
    moderator = trained(model, "one").moderator
    texts = [*sample.texts[:40], "아주 긴 댓글입니다 " * 150, *ODD_TEXTS]
    together = moderator.score(texts)
    alone = np.vstack([moderator.score([text]) for text in texts])
    assert np.abs(together - alone).max() <= 1e-6


@every_model
def test_a_comment_without_known_tokens_gets_a_defined_score_and_a_mark(model: str, trained: Trained) -> None:
    verdict = trained(model, "one").moderator.check("")
    assert verdict.no_known_tokens
    assert 0 <= verdict.score <= 1
    assert not trained(model, "one").moderator.check("진짜 재미있어요").no_known_tokens


@every_model
def test_a_long_comment_is_cut_and_marked(model: str, trained: Trained) -> None:
    moderator = trained(model, "one").moderator
    assert moderator.check("좋은 하루 " * 1000).truncated
    assert not moderator.check("좋은 하루").truncated


@every_model_and_kind
def test_a_saved_bundle_gives_the_same_scores(
    model: str, kind: str, trained: Trained, sample: Comments, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = trained(model, kind)
    folder = run.save(tmp_path_factory.mktemp("saved"))
    loaded = toxiclf.load(folder / "bundle")
    assert (loaded.score(sample.texts) == run.moderator.score(sample.texts)).all()
    assert loaded.manifest.model_copy(update={"seal": run.moderator.manifest.seal}) == run.moderator.manifest
    names = {"manifest.json", "model.onnx", "text.json", "vocabulary.json", "README.md"}
    assert {path.name for path in (folder / "bundle").iterdir()} == names  # no pickle, no code
    assert {node.domain for node in onnx.load(folder / "bundle" / "model.onnx").graph.node} <= {"", "ai.onnx.ml"}
    assert (folder / "report.json").exists()
    assert (folder / "history.json").exists() == Recipe.load(tiny(model)).has_network


@every_model
def test_a_tiny_minority_gives_finite_scores_and_a_word_of_warning(model: str, sample: Comments) -> None:
    toxic, others = (np.flatnonzero(sample.targets[:, 0] == value) for value in (1, 0))
    few = sample.take(np.concatenate([toxic[:10], others[:200]]))
    run = toxiclf.train(few, tiny(model))
    assert np.isfinite(run.moderator.score(sample.texts)).all()
    assert "small_validation" in run.report.codes()


@every_model
def test_one_class_is_refused_in_a_sentence(model: str, sample: Comments) -> None:
    not_toxic = sample.take(np.flatnonzero(sample.targets[:, 0] == 0)[:50])
    with pytest.raises(DataError, match="toxic"):
        toxiclf.train(not_toxic, tiny(model))


@every_way_of_training
def test_the_seed_reproduces_and_another_seed_differs(model: str, trained: Trained, sample: Comments) -> None:
    recipe = tiny(model)
    first = trained(model, "one")
    again = toxiclf.train(sample, recipe)
    other = toxiclf.train(sample, {**recipe, "seed": 7})
    assert again.report.rows == first.report.rows
    assert (again.moderator.score(sample.texts) == first.moderator.score(sample.texts)).all()
    assert (other.moderator.score(sample.texts) != first.moderator.score(sample.texts)).any()


@every_weighted_model
def test_class_weights_change_what_is_learned(model: str, trained: Trained, sample: Comments) -> None:
    recipe = {**tiny(model), "balance": {"class_weight": "none"}}
    plain = toxiclf.train(sample, recipe)
    assert plain.report.data["class_weights"][1]["weight"] == 1.0
    assert (plain.moderator.score(sample.texts) != trained(model, "one").moderator.score(sample.texts)).any()


@every_weighted_model
def test_balanced_weights_are_n_by_k_times_count(model: str, trained: Trained) -> None:
    weights = trained(model, "one").report.data["class_weights"]
    n = sum(entry["rows"] for entry in weights)
    assert [entry["weight"] for entry in weights] == [n / (2 * entry["rows"]) for entry in weights]


@every_model
def test_every_run_carries_the_baseline_row(model: str, trained: Trained) -> None:
    report = trained(model, "one").report
    table = report.table()
    assert report.rows
    assert any("ngram_logistic" in name for name in table[0])
    assert all(0 <= row.low <= row.value <= row.high <= 1 for row in report.rows if row.value and row.metric != "mcc")
