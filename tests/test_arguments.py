"""Wrong arguments in Python are refused in a sentence that names the parameter, before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toxiclf
from tests.conftest import SAMPLE
from toxiclf.errors import ToxiclfError
from toxiclf.evaluation.report import Report

NO_PATHS = (None, True, 1.5, math.nan, -1, b"x", [], {}, "\ud800", "a\0b")
NO_NUMBERS = (True, False, math.nan, math.inf, -1, "2", "x", b"x", [], {}, object())
NO_WHOLE_NUMBERS = (*NO_NUMBERS, 1.5, 10**30)
NO_SEEDS = (True, 1.5, math.nan, -1, "2", [], 10**30)
NO_MAPPINGS = (True, 1.5, math.nan, "x", [1], object())
TEXTS = ["안녕", "꺼져", "좋은 하루", "병신아"] * 6
TARGETS = [0, 1] * 12
ROWS = np.arange(48.0).reshape(24, 2)
FIVE = [0] * 16 + [1] * 8


def _recipe(key: str) -> Callable[[Any, Path], object]:
    return lambda value, bundle: toxiclf.Recipe().changed({key: value})


def _read(name: str) -> Callable[[Any, Path], object]:
    return lambda value, bundle: toxiclf.read_comments(SAMPLE, **{name: value})


def _ngrams(name: str) -> Callable[[Any, Path], object]:
    return lambda value, bundle: toxiclf.NgramVectorizer(**{"min_comments": 1, name: value}).fit(TEXTS)


def _vectors(name: str) -> Callable[[Any, Path], object]:
    return lambda value, bundle: toxiclf.AverageVectorizer(pretrained="none", **{name: value}).fit(TEXTS)


def _resampler(name: str) -> Callable[[Any, Path], object]:
    return lambda value, bundle: toxiclf.Resampler(**{name: value}).fit_resample(ROWS, FIVE)


def _augmenter(name: str) -> Callable[[Any, Path], object]:
    return lambda value, bundle: toxiclf.TextAugmenter(**{name: value}).fit_resample(TEXTS, TARGETS)


def _train(name: str) -> Callable[[Any, Path], object]:
    return lambda value, bundle: toxiclf.train(SAMPLE, **{name: value})


CASES: tuple[tuple[str, Callable[[Any, Path], object], tuple[Any, ...]], ...] = (
    ("folder", lambda value, bundle: toxiclf.load(value), NO_PATHS),
    ("threads", lambda value, bundle: toxiclf.load(bundle, threads=value), (*NO_NUMBERS, 0, 1.5, None)),
    ("prior", lambda value, bundle: toxiclf.load(bundle, prior=value), (*NO_NUMBERS[:8], 0, 1, object())),
    ("threshold", lambda value, bundle: toxiclf.load(bundle, thresholds=value), (*NO_NUMBERS[:-2], 1.5, object())),
    ("bundle", lambda value, bundle: toxiclf.pack(value, bundle / "x.zip"), NO_PATHS),
    ("file", lambda value, bundle: toxiclf.pack(bundle, value), NO_PATHS),
    ("runs", lambda value, bundle: toxiclf.compare(value), (None, True, 1.5, math.nan, -1, "x", b"x", Path("x"), object())),
    ("run", lambda value, bundle: toxiclf.compare([bundle, value]), NO_PATHS),
    ("folder", lambda value, bundle: Report.read(value), NO_PATHS),
    ("figure", lambda value, bundle: Report.read(bundle.parent).figure(value), (None, True, 1.5, math.nan, "x", [], {})),
    ("bundle", lambda value, bundle: toxiclf.calibrate(value, SAMPLE), NO_PATHS),
    ("comments", lambda value, bundle: toxiclf.calibrate(bundle, value), NO_PATHS),
    ("decision", lambda value, bundle: toxiclf.calibrate(bundle, SAMPLE, decision=value), NO_MAPPINGS),
    ("seed", lambda value, bundle: toxiclf.calibrate(bundle, SAMPLE, seed=value), (*NO_SEEDS, None)),
    ("seed", lambda value, bundle: toxiclf.estimate_prevalence(bundle, TEXTS * 9, seed=value), (*NO_SEEDS[:-1], None)),
    ("folder", lambda value, bundle: toxiclf.estimate_prevalence(value, TEXTS * 9), NO_PATHS),
    ("texts", lambda value, bundle: toxiclf.estimate_prevalence(bundle, value), (None, True, 1.5, "x", b"x", {}, [1])),
    ("texts", lambda value, bundle: toxiclf.load(bundle).check(value), (None, True, 1.5, b"x", {}, [1], [math.nan])),
    ("texts", lambda value, bundle: toxiclf.load(bundle).spans(value), (None, True, 1.5, b"x", {}, [1])),
    ("comments", lambda value, bundle: toxiclf.read_comments(value), NO_PATHS),
    ("label", _read("label"), (object(), b"x")),
    ("negative", _read("negative"), (object(), b"x", {})),
    ("positive", _read("positive"), (object(), b"x", {})),
    ("label_separator", _read("label_separator"), (True, 1.5, math.nan, -1, b"x", [], {})),
    ("positive_from", _read("positive_from"), (True, math.nan, math.inf, "2", b"x", [], {})),
    ("header", _read("header"), (1, 0, 1.5, math.nan, "yes", b"x", [], {})),
    ("delimiter", _read("delimiter"), (True, 1.5, math.nan, -1, b"x", [], "ab", "")),
    ("sheet", _read("sheet"), (True, 1.5, math.nan, -1, b"x", [], "x")),
    ("part", _read("part"), (None, True, 1.5, math.nan, "x", b"x", [])),
    ("like", _read("like"), (True, 1.5, math.nan, "x", b"x", [], {})),
    ("max_rejected", _read("max_rejected"), (None, *NO_NUMBERS, 1.5, 10**30)),
    ("recipe", _train("recipe"), (True, 1.5, math.nan, -1, b"x", [], object())),
    ("say", _train("say"), (None, True, 1.5, "x", [])),
    ("checkpoints", _train("checkpoints"), (True, 1.5, "x", [], {})),
    ("search_log", _train("search_log"), NO_PATHS[1:]),
    ("comments", lambda value, bundle: toxiclf.train(value), NO_PATHS),
    ("recipe", lambda value, bundle: toxiclf.ToxicClassifier(value).fit(TEXTS, TARGETS), (True, 1.5, math.nan, b"x", [1])),
    ("X", lambda value, bundle: toxiclf.ToxicClassifier().fit(value, TARGETS), (None, True, 1.5, "x", b"x", {}, [1])),
    ("seed", _recipe("seed"), NO_SEEDS),
    *((key.rpartition(".")[2], _recipe(key), NO_NUMBERS) for key in ("split.test", "split.validation", "model.C")),
    *(
        (key.rpartition(".")[2], _recipe(key), (*NO_WHOLE_NUMBERS, 0))
        for key in ("model.jamo", "model.syllable", "model.min_comments", "text.max_chars", "vectors.size", "decision.folds")
    ),
    ("jamo", _recipe("model.jamo"), (17,)),  # a bundle of longer n-grams would be refused
    ("max_tokens", _recipe("text.max_tokens"), (True, "2", "x", 0, 1.5)),
    *((name, _ngrams(name), (*NO_WHOLE_NUMBERS, 0)) for name in ("jamo", "syllable", "min_comments", "max_chars", "repeat_cap")),
    *((name, _ngrams(name), ("x", 2, [], None)) for name in ("html_entities", "mask_personal")),
    *((name, _vectors(name), (*NO_WHOLE_NUMBERS, 0)) for name in ("size", "window", "min_count", "epochs", "max_chars")),
    ("neighbours", _resampler("neighbours"), (*NO_NUMBERS, 0, 1.5)),
    ("random_state", _resampler("random_state"), NO_SEEDS[1:]),
    ("gan", _resampler("gan"), NO_MAPPINGS),
    ("ratio", _resampler("ratio"), (*NO_NUMBERS, 1.5, 0)),
    ("random_state", _augmenter("random_state"), NO_SEEDS[1:-1]),
    ("options", _augmenter("options"), NO_MAPPINGS),
    *((name, _augmenter(name), (*NO_WHOLE_NUMBERS, 0)) for name in ("copies", "max_chars", "repeat_cap")),
    *((name, _augmenter(name), NO_NUMBERS) for name in ("rate", "similarity")),
)  # fmt: skip


@pytest.mark.parametrize(("name", "call", "values"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_a_wrong_argument_is_refused_and_named(
    name: str, call: Callable[[Any, Path], object], values: tuple[Any, ...], bundle: Path
) -> None:
    for value in values:
        with pytest.raises(ToxiclfError) as caught:
            call(value, bundle)
        assert name in str(caught.value), (value, str(caught.value))
        assert "\n" not in str(caught.value)
