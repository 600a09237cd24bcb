"""Comments of the rarer class written once more: how many, from what, and what no copy may be; as a function and as a sampler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import estimator_checks_generator
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

import toxiclf
from toxiclf._registry import components
from toxiclf.balance._fitness import check_differ, check_rows
from toxiclf.balance.augmentation import Augmented, augmented
from toxiclf.balance.augmenter import TextAugmenter
from toxiclf.balance.weights import rarer_rows
from toxiclf.datasets.comments import Comments
from toxiclf.errors import DataError, UsageError
from toxiclf.recipe import AugmentStep
from toxiclf.text.normalize import Normalizer

NORMALIZER = Normalizer()
TOXIC = [
    "저 시발놈은 진짜 답이 없다",
    "꺼져라 이 멍청한 새끼야 ㅋㅋ",
    "배우는 연기를 개같이 하고 감독은 병신이네!",
    "너 같은 쓰레기는 진짜 처음 본다",
    "기레기 새끼들 또 소설을 쓰고 있네",
    "아가리 닥치고 집에 가서 잠이나 자라",
    "어휴 저 또라이는 언제 사람이 되냐",
    "한심한 년들 때문에 나라가 망한다",
]
CLEAN = [f"{number}번 손님 주문하신 커피가 나왔습니다" for number in range(20)]
TEXTS = [*CLEAN[:10], *TOXIC, *CLEAN[10:]]
RARE = np.array([text in TOXIC for text in TEXTS])

METHODS = tuple(components("augmenter"))
any_method = pytest.mark.parametrize("method", METHODS)


def made(
    *steps: AugmentStep, texts: list[str] = TEXTS, rare: NDArray[np.bool_] = RARE, avoid: Any = (), seed: int = 0
) -> Augmented:
    return augmented(texts, rare, steps, normalizer=NORMALIZER, avoid=avoid, seed=seed)


def step(method: str, **options: Any) -> AugmentStep:
    return AugmentStep(method=method, **options)  # type: ignore[arg-type]


def keys(texts: list[str]) -> list[str]:
    return [NORMALIZER(text) for text in texts]


# -- the copies


@any_method
def test_each_comment_of_the_rarer_class_gets_the_copies_asked_for(method: str) -> None:
    result = made(step(method, copies=3))
    assert result.asked == len(result.texts) == 3 * len(TOXIC)
    assert np.bincount(result.sources, minlength=len(TEXTS)).tolist() == (3 * RARE).tolist()
    assert result.methods == [method] * len(result.texts)
    assert result.sources.dtype == np.intp


def test_steps_follow_each_other_and_all_write_from_the_given_texts() -> None:
    result = made(step("aeda"), step("jamo", copies=2))
    assert result.methods == ["aeda"] * 8 + ["jamo"] * 16
    assert result.asked == 24
    assert result.texts[:8] == made(step("aeda")).texts


@any_method
def test_no_copy_equals_a_given_text_one_to_avoid_or_another_copy(method: str) -> None:
    first = made(step(method, copies=2))
    result = made(step(method, copies=5), avoid=keys(first.texts))
    written = keys(result.texts)
    assert len(set(written)) == len(written)
    assert not set(written) & {"", *keys(TEXTS), *keys(first.texts)}
    assert len(written) > 3 * len(TOXIC)


@any_method
def test_the_seed_reproduces_and_another_differs(method: str) -> None:
    one, again, other = (made(step(method, copies=2), seed=seed) for seed in (1, 1, 2))
    assert one.texts == again.texts
    assert (one.sources == again.sources).all()
    assert one.texts != other.texts


@any_method
def test_copies_of_a_comment_do_not_depend_on_other_rows(method: str) -> None:
    here = made(step(method))
    kept = [text for text in reversed(TEXTS) if text != TOXIC[0]]
    there = made(step(method), texts=kept, rare=np.array([text in TOXIC for text in kept]))
    copies = dict(zip([TEXTS[i] for i in here.sources], here.texts, strict=True))
    assert {kept[i]: copy for i, copy in zip(there.sources, there.texts, strict=True)}.items() <= copies.items()


def test_equal_comments_get_different_copies() -> None:
    texts = [*TOXIC[:2], *["저 시발놈은 진짜 답이 없다"] * 15, *CLEAN]
    result = made(step("keyboard"), texts=texts, rare=np.arange(len(texts)) < 17)
    assert len(set(result.texts)) == len(result.texts) == 17
    assert np.bincount(result.sources, minlength=17)[:17].max() == 1


def test_comments_that_cannot_be_varied_are_made_up_for_by_others_in_turn() -> None:
    silent = ["ㅗㅗ", "ㅉㅉ", "fxxx", "!!!"]
    texts = [*TOXIC, *silent, *CLEAN]
    result = made(step("jamo", copies=2), texts=texts, rare=np.arange(len(texts)) < 12)
    assert len(result.texts) == result.asked == 24
    counts = np.bincount(result.sources, minlength=12)
    assert counts[8:].sum() == 0
    assert counts[:8].tolist() == [3] * 8


def test_a_number_that_cannot_be_reached_is_a_shortfall_and_ends() -> None:
    texts = ["시발", "병신", "ㅗ", "ㅗㅗ", "ㅗㅗㅗ", "!", *CLEAN]
    result = made(step("jamo", copies=50), texts=texts, rare=np.arange(len(texts)) < 6)
    assert result.asked == 300
    assert sorted(result.texts) == sorted(["ㅅㅣ발", "시ㅂㅏㄹ", "ㅂㅕㅇ신", "병ㅅㅣㄴ"])


def test_a_step_that_makes_nothing_says_so() -> None:
    texts = [*(f"http://x.y/{number}" for number in range(6)), *CLEAN]
    with pytest.raises(DataError, match=r"balance.augment: jamo cannot change any of the 6 comments .* needs Hangul"):
        made(step("aeda"), step("jamo"), texts=texts, rare=np.arange(len(texts)) < 6)


def test_copies_are_as_raw_as_their_sources() -> None:
    texts = [f"저  놈은   {number}번 진짜 바보다 ㅋㅋㅋㅋㅋㅋ" for number in range(6)] + CLEAN
    result = made(step("jamo"), texts=texts, rare=np.arange(len(texts)) < 6)
    assert all("  " in copy and "ㅋㅋㅋㅋㅋㅋ" in copy for copy in result.texts)


@any_method
def test_odd_comments_do_not_stop_the_others(method: str) -> None:
    odd = ["", "   ", "\ud800", "\x00", "😀", "시발\ud83d\x00 놈", "긴 글 " * 800, "ㅗ" * 50]
    texts = [*odd, *TOXIC, *CLEAN]
    result = made(step(method, copies=2), texts=texts, rare=np.arange(len(texts)) < 16)
    assert len(result.texts) == result.asked == 32
    assert not {0, 1, 3} & set(result.sources.tolist())


def test_a_real_corpus_gets_all_its_copies(sample: Comments) -> None:
    rare = sample.targets[:, 0] == 1
    steps = [step(method) for method in METHODS]
    result = made(*steps, texts=list(sample.texts), rare=rare)
    assert len(result.texts) == result.asked == 7 * rare.sum()
    assert rare[result.sources].all()


# -- rows that are unfit


def test_rows_that_cannot_be_augmented_are_refused_with_a_sentence() -> None:
    six = np.arange(len(TEXTS)) < 6
    for rare, sentence in [
        (
            np.zeros(len(TEXTS), bool),
            "needs rows of at least two classes, but all 28 rows are 'the more frequent class'; add",
        ),
        (np.ones(len(TEXTS), bool), "all 28 rows are 'the rarer class'"),
        (np.arange(len(TEXTS)) < 5, "needs at least 6 rows of each class, but 'the rarer class' has 5; label more"),
    ]:
        with pytest.raises(DataError, match=sentence):
            made(step("aeda"), rare=rare)
    same = ["같은 댓글", "같은  댓글", " 같은 댓글"] * 2 + CLEAN
    with pytest.raises(DataError, match="all 6 rows of the rarer class are the same; label other comments"):
        made(step("aeda"), texts=same, rare=np.arange(len(same)) < 6)
    assert made(step("aeda"), rare=six).asked == 6


def test_what_is_asked_of_rows_is_asked_of_vectors_too() -> None:
    check_rows({"a": 6, "b": 100}, "smote")
    check_rows({"a": 2, "b": 3}, "random_over", fewest=1)
    check_differ(2, 6, "smote")
    with pytest.raises(DataError, match="smote needs rows of at least two classes, but there are none"):
        check_rows({"a": 0, "b": 0}, "smote")


# -- the sampler


@any_method
def test_the_sampler_returns_originals_first_and_copies_with_their_labels(method: str) -> None:
    y = ["악성" if rare else "정상" for rare in RARE]
    sampler = TextAugmenter(method, copies=2, random_state=0)
    X_more, y_more = sampler.fit_resample(TEXTS, y)
    assert isinstance(X_more, list)
    assert isinstance(y_more, list)
    assert X_more[: len(TEXTS)] == TEXTS
    assert y_more == y + ["악성"] * 16
    assert len(X_more) == len(y_more) == len(TEXTS) + 16
    assert sampler.source_indices_[: len(TEXTS)].tolist() == list(range(len(TEXTS)))
    assert [y[i] for i in sampler.source_indices_] == y_more
    assert X_more[len(TEXTS) :] == made(step(method, copies=2)).texts


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series])
def test_the_sampler_takes_every_kind_of_comments(kind: Any) -> None:
    X_more, y_more = TextAugmenter("aeda", random_state=0).fit_resample(kind(TEXTS), kind(RARE.astype(int)))
    assert type(X_more) is {list: list, pd.Series: pd.Series}.get(kind, np.ndarray)
    assert list(X_more)[len(TEXTS) :] == made(step("aeda")).texts
    assert list(y_more) == [*RARE.astype(int), *[1] * 8]
    assert X_more is not TEXTS


def test_frames_stay_frames() -> None:
    X, y = pd.DataFrame({"comment": TEXTS}), pd.DataFrame({"toxic": RARE.astype(int)})
    X_more, y_more = TextAugmenter("aeda", random_state=0).fit_resample(X, y)
    assert X_more["comment"].tolist()[len(TEXTS) :] == made(step("aeda")).texts
    assert y_more["toxic"].tolist() == [*y["toxic"], *[1] * 8]


def test_rarer_rows_are_those_of_all_classes_but_the_most_frequent() -> None:
    assert rarer_rows(np.array([0, 0, 1])).tolist() == [False, False, True]
    assert rarer_rows(np.array([1, 1, 0])).tolist() == [False, False, True]
    assert rarer_rows(np.array(["a", "b"])).tolist() == [False, True]
    assert rarer_rows(np.array(["x", "y", "y", "z"])).tolist() == [True, False, False, True]
    assert rarer_rows(np.array([[1, 0], [1, 0], [0, 1], [1, 1], [1, 0]])).tolist() == [False, False, True, True, False]


def test_a_matrix_of_labels_is_kept_row_by_row() -> None:
    y = np.column_stack([RARE, np.ones(len(TEXTS), bool)]).astype(np.uint8)
    sampler = TextAugmenter("spacing", random_state=0)
    X_more, y_more = sampler.fit_resample(TEXTS, y)
    assert y_more.shape == (len(TEXTS) + 8, 2)
    assert (y_more == y[sampler.source_indices_]).all()
    assert y_more.dtype == np.uint8
    assert len(X_more) == len(y_more)


def test_a_random_state_reproduces_and_none_does_not() -> None:
    def copies(state: Any) -> list[str]:
        texts: list[str] = TextAugmenter("keyboard", random_state=state).fit_resample(TEXTS, RARE.tolist())[0]
        return texts

    assert copies(1) == copies(1) != copies(2)
    assert copies(np.random.RandomState(1)) == copies(np.random.RandomState(1))
    assert copies(None) != copies(None)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"method": "edda"}, "balance.augment.*'edda'"),
        ({"copies": 0}, "balance.augment.*copies"),
        ({"rate": 2.0}, "balance.augment.*rate"),
        ({"method": "aeda", "similarity": 0.7}, "similarity has no effect on aeda"),
        ({"repeat_cap": 0}, "text.repeat_cap"),
    ],
)
def test_parameters_that_do_not_fit_are_a_sentence(options: dict[str, Any], sentence: str) -> None:
    sampler = TextAugmenter(**options)  # untouched until it is used
    with pytest.raises(UsageError, match=sentence):
        sampler.fit_resample(TEXTS, RARE)


def test_rows_that_do_not_fit_are_a_sentence() -> None:
    sampler = TextAugmenter("aeda", random_state=0)
    with pytest.raises(UsageError, match="y has several columns; expected one class for each comment, or a 0/1 matrix"):
        sampler.fit_resample(TEXTS, np.column_stack([RARE * 2, RARE]))
    with pytest.raises(UsageError, match="X is one string"):
        sampler.fit_resample("댓글", [1])
    with pytest.raises(UsageError, match="row 1 of X is None"):
        sampler.fit_resample(["댓글", None], [1, 0])
    with pytest.raises(DataError, match="X has 0 comments"):
        sampler.fit_resample([], [])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        sampler.fit_resample(TEXTS, RARE[1:])
    with pytest.raises(DataError, match="needs rows of at least two classes"):
        sampler.fit_resample(TEXTS, np.zeros(len(TEXTS)))
    with pytest.raises(DataError, match="'the rarer class' has 5; label more"):
        sampler.fit_resample(TEXTS, [1] * 5 + [0] * 23)
    with pytest.raises(DataError, match="are the same"):
        sampler.fit_resample(["같다"] * 20, [1] * 6 + [0] * 14)


def test_it_is_a_scikit_learn_object() -> None:
    sampler = TextAugmenter("aeda", copies=2, random_state=7)
    assert repr(sampler) == "TextAugmenter(copies=2, method='aeda', random_state=7)"
    assert clone(sampler).get_params() == sampler.get_params()
    assert clone(sampler).set_params(rate=0.5).rate == 0.5
    assert sampler.fit(TEXTS, RARE) is sampler


def test_it_stands_in_pipelines_and_searches(sample: Comments) -> None:
    texts, y = list(sample.texts)[:400], sample.targets[:400, 0]
    pipeline = make_pipeline(
        TextAugmenter("keyboard", random_state=0),
        TfidfVectorizer(analyzer="char", ngram_range=(1, 2)),
        LogisticRegression(),
    )
    assert cross_val_score(pipeline, texts, y, cv=2, scoring="average_precision").mean() > 1.5 * y.mean()
    grid = GridSearchCV(pipeline, {"textaugmenter__method": ["aeda", "jamo"]}, cv=2)
    assert set(grid.fit(texts, y).predict(texts)) <= {0, 1}


def test_it_stands_before_a_toxic_classifier(sample: Comments) -> None:
    recipe = {"model": {"name": "ngram_logistic", "jamo": 3, "syllable": 2}, "decision": {"folds": 2}}
    pipeline = make_pipeline(TextAugmenter("aeda", random_state=0), toxiclf.ToxicClassifier(recipe))
    predicted = pipeline.fit(list(sample.texts), sample.targets[:, 0]).predict(list(sample.texts))
    assert predicted.shape == (len(sample.texts),)


# -- imbalanced-learn's own checks, which feed numbers: each row's numbers are the words of a comment


class AugmentedNumbers(TextAugmenter):
    """Takes rows of numbers as comments, and gives the rows that the comments were made from."""

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        rows = np.asarray(X)
        y_more = super().fit_resample([" ".join(map(str, row)) for row in rows.tolist()], y)[1]
        more = rows[self.source_indices_]
        return more.tolist() if isinstance(X, list) else more, y_more


NOT_OF_TEXTS = {
    "check_samplers_multiclass_ova": "takes a 0/1 matrix for classes that exclude each other; here its labels are independent",
}


def imbalanced_learns_checks() -> list[Any]:
    cases = []
    for estimator, check in estimator_checks_generator(AugmentedNumbers("aeda", random_state=0)):
        name = check.func.__name__
        marks = [pytest.mark.xfail(reason=NOT_OF_TEXTS[name], strict=True)] if name in NOT_OF_TEXTS else []
        cases.append(pytest.param(estimator, check, marks=marks, id=name))
    return cases


@pytest.mark.parametrize(("estimator", "check"), imbalanced_learns_checks())
def test_imbalanced_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_copies_of_all_comments_leave_the_shares_where_one_class_runs_dry() -> None:
    """Two syllables can be taken apart in few ways."""
    texts = [f"{syllable}놈" for syllable in "가나다라마바사아"] + [
        f"오늘은 {n}시에 저녁 먹고 들어갈게요" for n in range(80)
    ]
    step = AugmentStep(method="jamo", copies=10, of="all")
    made = augmented(texts, np.arange(88) < 8, [step], normalizer=Normalizer(), avoid=(), seed=0)
    rare = int((made.sources < 8).sum())
    assert 0 < rare < 80
    assert made.asked == 880
    assert len(made.texts) - rare == 10 * rare


def test_copies_break_no_personal_string() -> None:
    texts = [
        f"{word}에게 전화 010 1234 5678 로 연락 주세요"
        for word in ["철수", "영희", "민수", "지영", "현우", "서연", "도윤", "하은"]
    ] + ["좋은 하루 되세요"] * 12
    made, _ = TextAugmenter("aeda", copies=4, random_state=0).fit_resample(texts, [1] * 8 + [0] * 12)
    assert len(made) > 20
    assert not any("1234" in text for text in made[20:])
    made, _ = TextAugmenter("aeda", copies=4, mask_personal=False, random_state=0).fit_resample(
        texts, [1] * 8 + [0] * 12
    )
    assert any("1234" in text for text in made[20:])
