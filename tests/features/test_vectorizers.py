"""Feature steps alone: scikit-learn's own checks, the same promises about texts, and pipelines around them."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

import toxiclf
from tests.numbers_as_texts import ABOUT_NUMBERS, OverNumbers, names_of_checks, scikit_learns_checks
from toxiclf import AverageVectorizer, NgramVectorizer
from toxiclf.datasets.comments import Comments
from toxiclf.features.texts import TokenizedTexts
from toxiclf.pipeline.fit import PipelineFitter
from toxiclf.recipe import Recipe

AVERAGE = AverageVectorizer(pretrained="none", size=8, epochs=1)
NGRAMS = NgramVectorizer(jamo=3, syllable=2)
ODD = ["", "ㅤ", "\ud800", "ㅋ" * 3000, "뷁"]

every_vectorizer = pytest.mark.parametrize("vectorizer", [AVERAGE, NGRAMS], ids=lambda v: type(v).__name__)


@pytest.fixture(scope="module")
def texts(sample: Comments) -> list[str]:
    return sample.texts[:400]


@pytest.fixture(scope="module")
def y(sample: Comments) -> NDArray[np.uint8]:
    return sample.targets[:400, 0]


def dense(matrix: Any) -> NDArray[np.float32]:
    return np.asarray(matrix.toarray() if sp.issparse(matrix) else matrix)


# -- scikit-learn's own checks


class NumbersAverage(OverNumbers, AverageVectorizer):
    def fit_transform(self, X: Any, y: Any = None) -> Any:
        return self.fit(X, y).transform(X)

    def transform(self, X: Any) -> Any:
        return super().transform(self._written(X))


class NumbersNgrams(OverNumbers, NgramVectorizer):
    def fit_transform(self, X: Any, y: Any = None) -> Any:
        return self.fit(X, y).transform(X)

    def transform(self, X: Any) -> Any:
        return super().transform(self._written(X))


CHECKED = [
    NumbersAverage(tokenizer="char", pretrained="none", size=4, epochs=1, min_count=1),
    NumbersNgrams(jamo=2, syllable=2, min_comments=1),
    NumbersNgrams(jamo=2, syllable=2, min_comments=1, sparse_output=False),
]


@scikit_learns_checks(*CHECKED)
def test_scikit_learns_checks_hold(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED, ids=repr)
def test_every_exempt_check_exists(estimator: Any) -> None:
    assert set(ABOUT_NUMBERS) <= names_of_checks(estimator)


@every_vectorizer
def test_scikit_learn_has_no_checks_for_texts_yet(vectorizer: Any) -> None:
    with pytest.warns(SkipTestWarning, match="requires input"):
        assert len(list(estimator_checks_generator(vectorizer))) == 1


# -- the same promises about texts


def test_ngrams_are_those_of_the_model(texts: list[str], sample: Comments) -> None:
    recipe = Recipe.load({"model": {"jamo": 3, "syllable": 2}})
    fitter = PipelineFitter.of(recipe, sample.labels, None, lambda message: None)
    rows = TokenizedTexts.of(texts, fitter.preprocessor, None)
    matrices = fitter.learn_features(rows).matrix(rows)
    ours = clone(NGRAMS).fit_transform(texts)
    assert (ours != sp.hstack([matrices["jamo"], matrices["syllable"]])).nnz == 0
    assert ours.dtype == np.float32


@pytest.mark.parametrize("pooling", ["mean", "tfidf", "sif"])
def test_averages_are_those_of_the_models(pooling: str, texts: list[str], sample: Comments) -> None:
    recipe = Recipe.load(
        {"seed": 3, "model": "svm", "vectors": {"size": 8, "epochs": 1}, "features": {"pooling": pooling}}
    )
    fitter = PipelineFitter.of(recipe, sample.labels, None, lambda message: None)
    rows = TokenizedTexts.of(texts, fitter.preprocessor, fitter.engine)
    ours = clone(AVERAGE).set_params(pooling=pooling, random_state=3).fit_transform(texts)
    assert (ours == fitter.learn_features(rows).matrix(rows)).all()
    assert ours.dtype == np.float32


@pytest.mark.check
def test_each_parameter_reaches_the_features(texts: list[str], tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(texts), "utf-8")
    one = clone(AVERAGE).fit_transform(texts)
    for params in (
        {"tokenizer": "char"}, {"pooling": "sif"}, {"architecture": "cbow"}, {"window": 1}, {"min_count": 9}, {"epochs": 2},
        {"unlabeled": [str(path)]}, {"max_tokens": 2}, {"max_chars": 5}, {"repeat_cap": 1}, {"random_state": 7},
        {"part_of_speech": ["NN"]}, {"kind": "fasttext"}, {"kind": "fasttext", "jamo_ngrams": [2, 3], "buckets": 1000},
    ):  # fmt: skip
        assert (clone(AVERAGE).set_params(**params).fit_transform(texts) != one).any(), params
    disguised = [*texts, "야 시1발"]
    without_views = clone(AVERAGE).set_params(views="none").fit(texts).transform(disguised)
    assert (without_views[-1] != clone(AVERAGE).fit(texts).transform(disguised)[-1]).any()
    shipped = AverageVectorizer().fit_transform(texts)
    assert (AverageVectorizer(pretrained="ko-comments", random_state=7).fit_transform(texts) == shipped).all()
    width = clone(NGRAMS).fit_transform(texts).shape[1]
    for params in ({"jamo": 1}, {"syllable": 1}, {"min_comments": 9}, {"max_chars": 5}, {"repeat_cap": 1}):
        assert clone(NGRAMS).set_params(**params).fit_transform(texts).shape[1] < width, params
    one_view, no_view = (
        clone(NGRAMS).set_params(views=views).fit(["시발", "시발", "시발"]) for views in ("lookalikes", "none")
    )
    assert one_view.transform(["시1발"]).sum() > no_view.transform(["시1발"]).sum()


@every_vectorizer
def test_entities_are_decoded_unless_switched_off_or_pickled_by_0_1(vectorizer: Any, texts: list[str]) -> None:
    def same(model: Any) -> bool:
        one, other = (model.transform([text]) for text in ("새끼", "&#49352;끼"))
        return bool((one != other).sum() == 0)

    fitted = clone(vectorizer).fit(texts)
    assert same(fitted)
    off = clone(vectorizer).set_params(html_entities=False).fit(texts)
    assert not same(off)
    state = off.__getstate__()
    del state["html_entities"]
    old = type(vectorizer).__new__(type(vectorizer))
    old.__setstate__(state)
    assert not same(old)
    assert not clone(old).html_entities


def test_a_name_a_column_in_the_order_of_the_columns(texts: list[str]) -> None:
    names = clone(NGRAMS).fit(texts).get_feature_names_out()
    matrix = clone(NGRAMS).fit_transform(texts)
    assert len(names) == len(set(names)) == matrix.shape[1]
    for comment in ("진짜 재미있어요", "새끼"):
        row = clone(NGRAMS).fit(texts).transform([comment])
        found = [name.removeprefix("syllable:") for name in names[row.indices] if name.startswith("syllable:")]
        known = {name.removeprefix("syllable:") for name in names if name.startswith("syllable:")}
        padded = f" {comment} "
        assert set(found) == {padded[i : i + n] for n in (1, 2) for i in range(len(padded))} & known
    masks = clone(NGRAMS).fit(["010-1234-5678 a@b.kr", "010-1234-9999 c@d.kr"] * 3).get_feature_names_out()
    assert {"syllable:⟨전화⟩", "jamo:⟨이메일⟩"} <= set(masks)
    assert "".join(masks).isprintable()
    averages = clone(AVERAGE).fit(texts).get_feature_names_out()
    assert averages.tolist() == [f"averagevectorizer{i}" for i in range(8)]


def test_output_is_sparse_dense_or_a_frame_as_asked(texts: list[str]) -> None:
    sparse = clone(NGRAMS).fit_transform(texts)
    assert sp.issparse(sparse)
    assert sparse.format == "csr"
    flat = clone(NGRAMS).set_params(sparse_output=False)
    assert (flat.fit_transform(texts) == sparse.toarray()).all()
    for vectorizer in (flat, clone(AVERAGE)):
        frame = vectorizer.set_output(transform="pandas").fit(texts).transform(texts[:3])
        assert frame.columns.tolist() == vectorizer.get_feature_names_out().tolist()
        assert frame.shape[0] == 3


@every_vectorizer
def test_fitting_and_transforming_at_once_is_the_same(vectorizer: Any, texts: list[str]) -> None:
    once = clone(vectorizer)
    assert (dense(once.fit_transform(texts)) == dense(clone(vectorizer).fit(texts).transform(texts))).all()
    assert (dense(once.transform(texts)) == dense(once.fit(texts).transform(texts))).all()


@every_vectorizer
def test_nothing_known_is_zeros_and_nothing_at_all_no_rows(vectorizer: Any, texts: list[str]) -> None:
    fitted = clone(vectorizer).fit(texts)
    matrix = dense(fitted.transform(ODD))
    assert np.isfinite(matrix).all()
    assert (matrix[:3] == 0).all()
    assert fitted.transform([]).shape == (0, matrix.shape[1])


@every_vectorizer
def test_a_comment_alone_gets_what_it_gets_among_others(vectorizer: Any, texts: list[str]) -> None:
    fitted = clone(vectorizer).fit(texts)
    together = dense(fitted.transform(texts[:20]))
    assert (np.vstack([dense(fitted.transform([text])) for text in texts[:20]]) == together).all()


@every_vectorizer
def test_pickle_joblib_and_copy_give_the_same_bits(vectorizer: Any, texts: list[str]) -> None:
    fitted = clone(vectorizer).fit(texts)
    file = io.BytesIO()
    joblib.dump(fitted, file)
    for other in (pickle.loads(pickle.dumps(fitted)), joblib.load(file), copy.deepcopy(fitted)):  # noqa: S301  # our own
        assert (dense(other.transform(texts + ODD)) == dense(fitted.transform(texts + ODD))).all()
        assert (other.get_feature_names_out() == fitted.get_feature_names_out()).all()
    assert repr(pickle.loads(pickle.dumps(vectorizer))) == repr(vectorizer)  # noqa: S301  # our own


@every_vectorizer
def test_containers_of_texts_give_equal_results(vectorizer: Any, texts: list[str]) -> None:
    fitted = clone(vectorizer).fit(texts)
    expected = dense(fitted.transform(texts))
    series = pd.Series(texts, index=range(7, 7 + len(texts)))
    for container in (tuple(texts), series, series.astype("string"), np.array(texts), series.to_frame()):
        assert (dense(fitted.transform(container)) == expected).all()


@every_vectorizer
@pytest.mark.parametrize("method", ["fit", "fit_transform", "transform"])
def test_what_is_no_list_of_texts_is_refused_with_its_row(vectorizer: Any, method: str, texts: list[str]) -> None:
    fitted = clone(vectorizer).fit(texts)
    for wrong, sentence in (
        ("한 댓글", "X is one string; expected a list of comments"),
        (["가", None], "row 1 of X is None; expected a string"),
        (np.zeros((2, 2)), r"X has the shape \(2, 2\); expected one column"),
    ):
        with pytest.raises(ValueError, match=sentence):
            getattr(fitted, method)(wrong)


@every_vectorizer
def test_before_fit_there_is_nothing(vectorizer: Any) -> None:
    for call in (lambda v: v.transform(["가"]), lambda v: v.get_feature_names_out()):
        with pytest.raises(NotFittedError):
            call(clone(vectorizer))
    assert get_tags(vectorizer).input_tags.string
    assert not get_tags(vectorizer).input_tags.two_d_array


@pytest.mark.parametrize(
    ("vectorizer", "sentence"),
    [
        (AverageVectorizer(size=-1), "recipe key vectors.size is -1;"),
        (AverageVectorizer(tokenizer="mecabb"), "recipe key text.tokenizer is 'mecabb';"),
        (AverageVectorizer(pooling="max"), "recipe key features.pooling is 'max';"),
        (AverageVectorizer(pretrained="none", min_count=99), "no token occurs 99 times"),
        (NgramVectorizer(jamo=0), "recipe key model.jamo is 0;"),
        (NgramVectorizer(min_comments=99), "no n-gram occurs in 99 of"),
    ],
)
def test_parameters_that_do_not_fit_are_a_value_error(vectorizer: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        vectorizer.fit(["가나다", "라마바"])
    assert isinstance(caught.value, toxiclf.ToxiclfError)
    with pytest.raises(toxiclf.DataError, match="X has 0 comments"):
        vectorizer.fit([])


def test_a_random_state_reproduces_and_none_does_not(texts: list[str]) -> None:
    def fitted(state: Any) -> NDArray[np.float32]:
        matrix: NDArray[np.float32] = clone(AVERAGE).set_params(random_state=state).fit_transform(texts)
        return matrix

    assert (fitted(1) == fitted(1)).all()
    assert (fitted(1) != fitted(2)).any()
    assert (fitted(np.random.RandomState(1)) == fitted(np.random.RandomState(1))).all()
    assert (fitted(None) != fitted(None)).any()


# -- pipelines around them


def test_they_stand_in_pipelines_unions_and_searches(texts: list[str], y: NDArray[np.uint8]) -> None:
    ngrams = make_pipeline(clone(NGRAMS), TfidfTransformer(), LogisticRegression(class_weight="balanced"))
    assert cross_val_score(ngrams, texts, y, cv=3, scoring="average_precision").mean() > 2 * y.mean()
    svm = make_pipeline(clone(AVERAGE), StandardScaler(), SVC())
    grid = GridSearchCV(svm, {"averagevectorizer__pooling": ["mean", "tfidf"]}, cv=2)
    assert set(grid.fit(texts, y).predict(texts)) <= {0, 1}
    both = make_union(clone(NGRAMS), clone(AVERAGE)).fit(texts)
    assert both.transform(texts).shape == (len(texts), len(both.get_feature_names_out()))


def test_smote_follows_averaged_vectors(texts: list[str], y: NDArray[np.uint8]) -> None:
    pipeline = make_resampling_pipeline(clone(AVERAGE), SMOTE(random_state=0), LogisticRegression())
    assert pipeline.fit(texts, y).predict(texts).sum() > 0
