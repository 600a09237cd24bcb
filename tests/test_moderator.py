"""What a moderation tool relies on when it calls a loaded bundle."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import toxiclf
from tests.conftest import cases
from toxiclf.datasets.comments import Comments
from toxiclf.errors import BundleError
from toxiclf.moderator import Moderator
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import mecab
from toxiclf.verdict import LabelVerdict, Verdict

if TYPE_CHECKING:
    from toxiclf.pipeline.save import TrainedModel

Trained = Callable[[str, str], "TrainedModel"]
Preprocessed = tuple[list[str], NDArray[np.bool_]]
TEXTS = [
    "오늘도 좋은 하루 되세요",
    "꺼져 이 멍청아",
    "",
    "ㅋㅋㅋㅋㅋㅋ",
    "시\u200b1발",
    "\ud800\x00",
    "좋은 하루 " * 400,
    "ꙮ",
]


@pytest.fixture(scope="module")
def moderator(bundle: Path) -> Moderator:
    """A loaded bundle with one label."""
    return toxiclf.load(bundle)


def test_no_texts_have_no_scores_and_no_verdicts(moderator: Moderator, trained: Trained) -> None:
    for loaded, labels in ((moderator, 1), (trained("ngram_logistic", "two").moderator, 2)):
        scores = loaded.score([])
        assert scores.shape == (0, labels)
        assert scores.dtype == np.float32
        assert loaded.check([]) == []


def test_one_text_gets_a_verdict_and_a_list_gets_a_list(moderator: Moderator) -> None:
    for text in TEXTS:
        verdict = moderator.check(text)
        assert isinstance(verdict, Verdict)
        assert moderator.check([text]) == [verdict]


@pytest.mark.parametrize("kind", ["one", "two"])
def test_a_verdict_says_what_score_and_threshold_say(trained: Trained, kind: str) -> None:
    moderator = trained("ngram_logistic", kind).moderator
    scores = moderator.score(TEXTS)
    toxic = scores >= moderator.thresholds
    for row, verdict in enumerate(moderator.check(TEXTS)):
        assert [entry.label for entry in verdict.entries] == list(moderator.labels)
        assert [entry.score for entry in verdict.entries] == scores[row].tolist()
        assert [entry.threshold for entry in verdict.entries] == moderator.thresholds.tolist()
        assert [entry.is_toxic for entry in verdict.entries] == toxic[row].tolist()
        assert [entry.is_toxic for entry in verdict.entries] == [e.score >= e.threshold for e in verdict.entries]
        assert verdict.is_toxic == toxic[row].any()
        assert verdict.score == scores[row].max()
        assert verdict.labels == tuple(
            label for label, is_toxic in zip(moderator.labels, toxic[row], strict=True) if is_toxic
        )


def test_exclusive_labels_have_one_verdict_the_class_with_the_highest_score(trained: Trained) -> None:
    moderator = trained("ngram_logistic", "exclusive").moderator
    texts = [*TEXTS, "꺼져 이 멍청한 새끼야", "ㅋㅋㅋ", "오늘도 좋은 하루 되세요"]
    scores = moderator.score(texts).astype(float)
    highest = np.column_stack([1 - scores.sum(axis=1), scores]).argmax(axis=1)
    assert set(highest) == {0, 1, 2}
    for row, verdict in enumerate(moderator.check(texts)):
        assert verdict.label == ["none", "toxic", "웃음"][highest[row]] == verdict.as_dict()["label"]
        assert verdict.is_toxic == (highest[row] > 0)
        assert verdict.labels == ((verdict.label,) if verdict.is_toxic else ())
        assert [entry.score for entry in verdict.entries] == scores[row].tolist()
        assert all(entry.threshold is None for entry in verdict.entries)


def test_given_thresholds_decide_for_exclusive_labels(saved: Callable[[str, str], Path]) -> None:
    moderator = toxiclf.load(saved("ngram_logistic", "exclusive"), thresholds=0.0)
    verdict = moderator.check("안녕하세요")
    assert verdict.label is None
    assert verdict.labels == ("toxic", "웃음")


def test_the_prior_moves_the_verdict_on_exclusive_labels(saved: Callable[[str, str], Path]) -> None:
    folder = saved("ngram_logistic", "exclusive")
    text = "꺼져 이 멍청한 새끼야"
    assert toxiclf.load(folder).check(text).label == "toxic"
    assert toxiclf.load(folder, prior={"toxic": 0.000001, "웃음": 0.000001}).check(text).label == "none"


def test_an_entry_is_found_by_its_label(trained: Trained) -> None:
    verdict = trained("ngram_logistic", "two").moderator.check("꺼져")
    assert verdict["웃음"] == verdict.entries[1]
    with pytest.raises(KeyError, match="'spam'; the labels are toxic, 웃음"):
        verdict["spam"]


def test_a_verdict_is_plain_json(trained: Trained) -> None:
    verdict = trained("ngram_logistic", "two").moderator.check("꺼져 ㅋㅋ")
    content = json.loads(json.dumps(verdict.as_dict()))
    assert content["is_toxic"] == verdict.is_toxic
    assert [LabelVerdict(**entry) for entry in content["labels"]] == list(verdict.entries)
    assert (content["truncated"], content["no_known_tokens"]) == (False, False)


def test_marks_tell_of_cut_and_of_unknown_comments(moderator: Moderator) -> None:
    marks = {text: (v.truncated, v.no_known_tokens) for text, v in zip(TEXTS, moderator.check(TEXTS), strict=True)}
    assert marks["좋은 하루 " * 400] == (True, False)
    assert marks[""] == marks["ꙮ"] == (False, True)
    assert marks["꺼져 이 멍청아"] == (False, False)


def test_order_and_company_do_not_change_a_score(moderator: Moderator, sample: Comments) -> None:
    texts = [*TEXTS, *sample.texts[:600]]
    scores = moderator.score(texts)
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = moderator.score([texts[i] for i in order])
    assert np.abs(shuffled - scores[order]).max() <= 1e-6
    alone = np.vstack([moderator.score([text]) for text in texts[:40]])
    assert np.abs(alone - scores[:40]).max() <= 1e-6


def test_obfuscation_by_invisible_characters_changes_nothing(moderator: Moderator) -> None:
    plain, hidden = moderator.score(["꺼져 이 멍청아", "꺼\u200b져\x00 \u3164이 멍\ufe0f청\u202e아 "])
    assert plain == hidden


@settings(deadline=None, max_examples=cases(100))
@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=4))
def test_any_string_gets_a_probability(moderator: Moderator, texts: list[str]) -> None:
    scores = moderator.score(texts)
    assert scores.shape == (len(texts), 1)
    assert ((scores >= 0) & (scores <= 1)).all()


def series(texts: list[str], **options: Any) -> Any:
    return pytest.importorskip("pandas").Series(texts, **options)


@pytest.mark.parametrize("make", [list, tuple, iter, np.array, series, partial(series, dtype="string")])
def test_texts_come_in_any_iterable(moderator: Moderator, make: Callable[[list[str]], Iterable[str]]) -> None:
    texts = ["가나다", "꺼져"]
    assert np.array_equal(moderator.score(make(texts)), moderator.score(texts))  # type: ignore[arg-type]
    assert moderator.check(make(texts)) == moderator.check(texts)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["가", None], "row 1 of texts is None; expected a string: leave out rows without a text"),
        (["가", float("nan")], r"row 1 of texts is nan \(float\); expected a string: leave out rows without a text"),
        (["가", 1], "row 1 of texts is of the type int; expected a string"),
        (["가", b"x"], "row 1 of texts is of the type bytes; expected a string: decode it first"),
        (["가", ["나"]], "row 1 of texts is of the type list; expected a string"),
        (None, "texts is None; expected a list of comments"),
        (1.5, "texts is of the type float; expected a list of comments"),
        (b"xy", "texts is of the type bytes; expected a list of comments: decode it first"),
        ({"가": 1}, "texts is of the type dict; expected a list of comments"),
        ({"가"}, "texts is of the type set; expected a list of comments"),
        (np.array([["가", "나"]]), r"texts has the shape \(1, 2\); expected one column of comments: select it$"),
        (np.array("가"), r"texts has the shape \(\); expected one column of comments"),
    ],
)
def test_what_is_no_list_of_strings_is_refused(moderator: Moderator, texts: Any, sentence: str) -> None:
    for call in (moderator.score, moderator.check, moderator.raw):
        with pytest.raises(TypeError, match=sentence):
            call(texts)


def test_a_table_is_refused_with_the_name_of_its_column(moderator: Moderator) -> None:
    table = pytest.importorskip("pandas").DataFrame({"comment": ["가"]})
    with pytest.raises(ValueError, match=r'has the shape \(1, 1\); .*: select it, such as texts\["comment"\]'):
        moderator.score(table)


def test_a_bare_string_is_checked_but_not_scored(moderator: Moderator) -> None:
    for call in (moderator.score, moderator.raw):
        with pytest.raises(TypeError, match=r"texts is one string; expected a list of comments: write \[comment\]"):
            call("꺼져")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_moderator_is_pickled_and_copied_at_any_time(bundle: Path, threads: int) -> None:
    moderator = toxiclf.load(bundle, threads=threads, prior=0.02, thresholds=0.7)
    moderator.spans("꺼져 이 멍청아")  # loads MeCab
    texts = [*TEXTS, *TEXTS[1:2] * 1100]  # two chunks
    wanted = moderator.check(texts)
    for other in (pickle.loads(pickle.dumps(moderator)), copy.deepcopy(moderator)):  # noqa: S301  # our own
        assert other.check(texts) == wanted
        assert (other.manifest.to_bytes(), other._threads) == (moderator.manifest.to_bytes(), threads)


@pytest.mark.check
def test_another_process_takes_a_moderator(trained: Trained) -> None:
    moderator = trained("logistic", "two").moderator
    wanted = moderator.check(TEXTS)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(moderator.check, TEXTS).result() == wanted


def test_a_pickle_is_verified_as_a_bundle(moderator: Moderator) -> None:
    make, (manifest, *text, graph, threads) = moderator.__reduce__()
    with pytest.raises(BundleError, match="changed after it was written"):
        make(manifest.replace(b'"toxic"', b'"benign"'), *text, graph, threads)
    with pytest.raises(BundleError, match=r"model\.onnx is not the file that the manifest describes"):
        make(manifest, *text, bytes(len(graph)), threads)


def test_thresholds_can_be_given_but_not_assigned_into(saved: Callable[[str, str], Path], trained: Trained) -> None:
    folder = saved("ngram_logistic", "two")
    own = toxiclf.load(folder).thresholds
    assert toxiclf.load(folder, thresholds=0.25).thresholds.tolist() == [0.25, 0.25]
    changed = toxiclf.load(folder, thresholds={"웃음": 0.0})
    assert changed.thresholds.tolist() == [own[0], 0.0]
    assert changed.check("안녕하세요").labels == ("웃음",)
    with pytest.raises(ValueError, match="read-only"):
        changed.thresholds[0] = 0.5


@pytest.mark.parametrize(
    ("thresholds", "sentence"),
    [
        (1.2, r"the threshold of label 'toxic' is 1.2; expected a number in \[0, 1\]"),
        (float("nan"), "the threshold of label 'toxic' is nan"),
        (True, "the threshold of label 'toxic' is True"),
        ({"toxic": "0.5"}, "the threshold of label 'toxic' is 0.5"),
        ({"spam": 0.5}, "thresholds are given for 'spam'; the labels are toxic"),
        ({}, "thresholds are given for no label; the labels are toxic"),
    ],
)
def test_wrong_thresholds_are_refused(bundle: Path, thresholds: Any, sentence: str) -> None:
    with pytest.raises(toxiclf.UsageError, match=sentence):
        toxiclf.load(bundle, thresholds=thresholds)


@pytest.mark.parametrize(
    ("model", "kind"),
    [("ngram_logistic", "two"), pytest.param("logistic", "exclusive", marks=pytest.mark.check)],
)
def test_a_verdict_is_explained_by_tokens_of_the_comment(trained: Trained, model: str, kind: str) -> None:
    moderator = trained(model, kind).moderator
    texts = ["ㅋㅋㅋㅋㅋㅋ 정말  꺼\u200b져 이 멍청아", *TEXTS[:6]] * 5  # two chunks
    verdicts = shared(moderator, 2).check(texts, explain=True)
    assert moderator.check(texts[0], explain=True) == verdicts[0]
    for text, verdict, plain in zip(texts, verdicts, moderator.check(texts), strict=True):
        for entry, other in zip(verdict.entries, plain.entries, strict=True):
            assert (replace(entry, tokens=None), other.tokens) == (other, None)
            assert entry.tokens is not None
            assert all(text[token.start : token.end] == token.text for token in entry.tokens)
            sizes = [abs(token.effect) for token in entry.tokens]
            assert sizes == sorted(sizes, reverse=True)
    strongest = verdicts[0]["toxic"].tokens[0]  # type: ignore[index]
    without = texts[0][: strongest.start] + texts[0][strongest.end :]
    whole, rest = moderator.score([texts[0], without])[:, 0]
    assert strongest.effect == pytest.approx(whole - rest, abs=1e-5)
    content = json.loads(json.dumps(verdicts[0].as_dict()))
    assert content["labels"][0]["tokens"][0] == asdict(strongest)


@pytest.mark.parametrize("model", ["ngram_logistic", "logistic"])
def test_threads_share_one_moderator(trained: Trained, sample: Comments, model: str) -> None:
    moderator = trained(model, "one").moderator
    texts = sample.texts[:200]
    wanted = moderator.score(texts)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda shift: moderator.score([*texts[shift:], *texts[:shift]]), range(0, 200, 10)))
    for shift, scores in zip(range(0, 200, 10), found, strict=True):
        assert np.abs(scores - np.roll(wanted, -shift, axis=0)).max() <= 1e-6


def shared(moderator: Moderator, threads: int) -> Moderator:
    """The same model, its batches shared by threads."""
    return Moderator(moderator.manifest, moderator._encoder, moderator._scorer, threads)


@pytest.mark.parametrize(
    "model",
    [
        "ngram_logistic",
        pytest.param("logistic", marks=pytest.mark.check),
        pytest.param("bilstm", marks=pytest.mark.long),
    ],
)
def test_threads_that_share_a_batch_change_nothing(trained: Trained, sample: Comments, model: str) -> None:
    moderator = trained(model, "one").moderator
    texts = [*TEXTS, *sample.texts] * 3  # three chunks
    verdicts, scores = moderator.check(texts), moderator.score(texts)
    for threads in (2, 3):
        assert shared(moderator, threads).check(texts) == verdicts
        assert np.array_equal(shared(moderator, threads).score(texts), scores)


def test_threads_of_a_loaded_bundle_give_the_same_verdicts(
    bundle: Path, moderator: Moderator, sample: Comments
) -> None:
    assert toxiclf.load(bundle, threads=2).check(sample.texts * 3) == moderator.check(sample.texts * 3)


@pytest.fixture
def used(moderator: Moderator, monkeypatch: pytest.MonkeyPatch) -> set[threading.Thread]:
    """The threads in which comments are scored."""
    threads = set()
    batch = Preprocessor.batch

    def recorded(preprocessor: Preprocessor, texts: Sequence[str]) -> Preprocessed:
        threads.add(threading.current_thread())
        return batch(preprocessor, texts)

    monkeypatch.setattr(Preprocessor, "batch", recorded)
    return threads


def test_a_batch_leaves_no_thread_behind(moderator: Moderator, used: set[threading.Thread]) -> None:
    shared(moderator, 2).check(TEXTS[:1] * 5000)
    assert 1 <= len(used) <= 2
    assert threading.current_thread() not in used
    assert not any(thread.is_alive() for thread in used)


def test_few_comments_need_no_thread(moderator: Moderator, used: set[threading.Thread], sample: Comments) -> None:
    shared(moderator, 2).check("가")
    shared(moderator, 2).check(sample.texts)
    assert used == {threading.current_thread()}


def test_an_error_in_a_thread_ends_the_batch(moderator: Moderator, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def failing(preprocessor: Preprocessor, texts: Sequence[str]) -> Preprocessed:
        calls.append(len(texts))
        time.sleep(0.01)
        raise BundleError("this graph fails")

    monkeypatch.setattr(Preprocessor, "batch", failing)
    before = threading.active_count()
    with pytest.raises(BundleError, match="this graph fails"):
        shared(moderator, 2).score(["가"] * 100_000)
    assert threading.active_count() == before
    assert len(calls) < 50  # of some hundred chunks


def test_an_interrupt_ends_the_batch_and_its_threads(moderator: Moderator, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    batch = Preprocessor.batch

    def interrupted(preprocessor: Preprocessor, texts: Sequence[str]) -> Preprocessed:
        calls.append(len(texts))
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)  # Python has the main thread handle it, wherever it was raised
        time.sleep(0.01)
        return batch(preprocessor, texts)

    monkeypatch.setattr(Preprocessor, "batch", interrupted)
    before = threading.active_count()
    gc.disable()  # hypothesis keeps time in a callback of the collector, in which an interrupt would be lost
    try:
        with pytest.raises(KeyboardInterrupt):
            shared(moderator, 2).check(["가"] * 300_000)
    finally:
        gc.enable()
    assert threading.active_count() == before
    assert len(calls) < 50  # of some three hundred chunks
    monkeypatch.undo()
    assert shared(moderator, 2).check(["가"] * 3000) == moderator.check(["가"] * 3000)


def test_what_is_encoded_at_once_is_bounded(moderator: Moderator, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[list[str]] = []
    batch = Preprocessor.batch

    def recorded(preprocessor: Preprocessor, texts: list[str]) -> Preprocessed:
        batches.append(texts)
        return batch(preprocessor, texts)

    monkeypatch.setattr(Preprocessor, "batch", recorded)
    texts = ["가나 " * 500] * 200 + ["가"] * 3000 + ["나 " * 200_000, "다"]
    assert len(moderator.check(texts)) == len(texts)
    assert [text for batch in batches for text in batch] == texts
    assert max(map(len, batches)) == 1024
    assert all(len(batch) == 1 or sum(map(len, batch)) <= 2**17 for batch in batches)


def test_where_mecab_can_only_be_called_by_its_wrapper_verdicts_are_the_same(
    trained: Trained, saved: Callable[[str, str], Path], sample: Comments, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = trained("logistic", "one").moderator.check(sample.texts)
    monkeypatch.setattr(mecab, "_unlocked", lambda tagger: None)
    assert toxiclf.load(saved("logistic", "one"), threads=2).check(sample.texts * 3) == wanted * 3


def test_a_bundle_loads_from_a_path_or_a_string_or_the_folder_of_its_run(bundle: Path, moderator: Moderator) -> None:
    for place in (bundle, str(bundle), bundle.parent):
        assert toxiclf.load(place).manifest == moderator.manifest


@pytest.mark.parametrize("threads", [0, -1, 1.5, float("nan"), "2", True, None])
def test_threads_are_a_whole_number(bundle: Path, threads: Any) -> None:
    with pytest.raises(toxiclf.UsageError, match=r"^threads is .*; expected a whole number of at least 1$"):
        toxiclf.load(bundle, threads=threads)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda folder: toxiclf.load(None), "folder is None; expected the path of a bundle"),
        (lambda folder: toxiclf.estimate_prevalence(folder, ["가"] * 100, seed=-1), "seed is -1"),
        (lambda folder: toxiclf.estimate_prevalence(folder, ["가"] * 100, seed=1.5), "seed is 1.5"),
        (lambda folder: toxiclf.estimate_prevalence(3, ["가"] * 100), "folder is of the type int"),
        (lambda folder: toxiclf.Recipe.load(3), "recipe is of the type int"),
        (lambda folder: toxiclf.Recipe.load(None, settings=3), "settings is of the type int"),
        (lambda folder: toxiclf.read_comments("corpus:sample", delimiter=3), "the delimiter is 3"),
        (
            lambda folder: toxiclf.read_comments("corpus:sample", label_separator=3),
            "label_separator is of the type int",
        ),
        (lambda folder: toxiclf.load(folder).spans(None), "row 0 of texts is None"),
    ],
)
def test_an_argument_of_a_wrong_type_is_named(bundle: Path, call: Callable[[Path], Any], sentence: str) -> None:
    with pytest.raises(toxiclf.UsageError) as caught:
        call(bundle)
    assert str(caught.value).startswith(sentence)


def test_calibrate_takes_no_moderator(moderator: Moderator) -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(toxiclf.UsageError, match="bundle is of the type Moderator"):
        toxiclf.calibrate(moderator, "corpus:sample")  # type: ignore[arg-type]
