"""A tokenizer, a view, a resampler, an augmentation method and a loss are one file each, found by its entry point."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.test_one_file import BLOCKED, SAMPLE, package, run, toxiclf

KINDS = ("tokenizer", "view", "resampler", "augmenter", "loss")

PAIRS = '''
"""Two characters at a time."""

from toxiclf._registry import register
from toxiclf.text.tokenizers import Tokenizer


@register("tokenizer", summary="Two characters a token")
class Pairs(Tokenizer):
    """Cuts words into pieces of two characters (Cavnar and Trenkle 1994)."""

    name = "pairs"

    def tokenize(self, texts, workers=1):
        return [[text[start:end] for start, end in self.spans(text)] for text in texts]

    def spans(self, text):
        spans, at = [], 0
        for word in text.split():
            at = text.index(word, at)
            spans += [(i, min(i + 2, at + len(word))) for i in range(at, at + len(word), 2)]
            at += len(word)
        return spans
'''

MIRROR = '''
"""Words written backwards."""

import re

from toxiclf._registry import register
from toxiclf.text.obfuscation import Edit, View


@register("view", summary="Words written backwards", order=75)
class Mirror(View):
    """Reads abusive words that are written backwards (발시)."""

    reads_syllables = True

    def trigger(self):
        return re.compile("발시|신병")

    def edits(self, form):
        return [Edit(*place.span(), place[0][::-1], sure=True) for place in self.trigger().finditer(form.text)]
'''

TWICE = '''
"""Each rare row several times."""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from toxiclf._registry import register


class TwiceOptions(BaseModel):
    """Options of ``twice``."""

    times: Annotated[int, Field(ge=1)] = 2


@register("resampler", summary="Each rare row several times", options=TwiceOptions, keys=())
def twice(settings):
    """Repeats all rows of the rarer class, a fixed number of times."""
    return Twice(settings.options.times)


class Twice:
    def __init__(self, times):
        self.times = times

    def fit_resample(self, X, y):
        names, counts = np.unique(y, return_counts=True)
        rare = np.repeat(np.flatnonzero(y == names[counts.argmin()]), self.times - 1)
        rows = np.concatenate([np.arange(len(y)), rare])
        return X[rows], y[rows]
'''

SHOUT = '''
"""A mark at the end."""

from typing import Annotated

from pydantic import BaseModel, Field

from toxiclf._registry import register
from toxiclf.balance.augmentation import Method


class ShoutOptions(BaseModel):
    """Options of ``shout``."""

    mark: Annotated[str, Field(min_length=1)] = "!"


@register("augmenter", summary="Marks at the end", options=ShoutOptions, keys=())
class Shout(Method):
    """Adds marks to the end of a comment."""

    auto_rate = 1.0
    needs = "nothing"

    def variant(self, text, rng):
        return text + " " + self.step.options.mark * int(rng.integers(1, 9))
'''

HALVED = '''
"""Cross-entropy, halved."""

from dataclasses import dataclass

from toxiclf._registry import register
from toxiclf.balance.losses import Loss


@register("loss", summary="Cross-entropy, halved")
@dataclass(frozen=True)
class Halved(Loss):
    """Half of each cross-entropy."""

    def weighted(self, cross_entropies, weights):
        return 0.5 * weights * cross_entropies
'''

SETTINGS = {
    "text.tokenizer": "pairs",
    "text.views": '["lookalikes", "mirror"]',
    "vectors.size": "8",
    "vectors.epochs": "1",
    "balance.resample": '[{method = "twice", times = 3}]',
    "balance.augment": '[{method = "shout", mark = "?"}]',
    "decision.folds": "2",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with one of each."""
    return package(tmp_path_factory.mktemp("data"), pairs=PAIRS, mirror=MIRROR, twice=TWICE, shout=SHOUT, halved=HALVED)


@pytest.mark.check
def test_they_train_together_and_the_bundle_scores_where_they_are(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    settings = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    arguments = ["train", str(SAMPLE), "--model", "logistic", *settings, "--out", str(folder), "--keep-augmented"]
    toxiclf(arguments, installed)
    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert (
        report["recipe"]["text"] | {"tokenizer": "pairs", "views": ["lookalikes", "mirror"]} == report["recipe"]["text"]
    )
    assert report["recipe"]["balance"]["resample"] == [{"method": "twice", "times": 3}]
    with (folder / "augmented.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {row["copy"][len(row["comment"]) :].strip(" ?") for row in csv.DictReader(file)} == {""}
    text = json.loads((folder / "bundle" / "text.json").read_text("utf-8"))
    assert text["obfuscation"] == ["lookalikes", "mirror"]

    code = f"import toxiclf; print(toxiclf.load({str(folder / 'bundle')!r}).score(['발시 놈']))"
    assert run(["-c", code], installed).returncode == 0
    without = run(["-c", code])
    assert "there is no tokenizer 'pairs' here; install a newer toxiclf, or the package" in without.stderr


def test_a_loss_takes_part(installed: Path) -> None:
    code = (
        "from toxiclf.recipe import Recipe\n"
        "print(Recipe.load('cnn', settings=['balance.loss=halved']).balance.loss_function.weighted(3.0, 2.0))"
    )
    assert run(["-c", code], installed).stdout == "3.0\n"


@pytest.mark.check
def test_a_network_trains_with_a_loss_of_another_package(installed: Path, tmp_path: Path) -> None:
    settings = ("balance.loss=halved", "balance.class_weight=none", "model.epochs=2", "decision.folds=2")
    flags = [word for setting in settings for word in ("--set", setting)]
    toxiclf(["train", str(SAMPLE), "--model", "dnn", *flags, "--out", str(tmp_path / "run")], installed)
    first, *_ = json.loads((tmp_path / "run" / "history.json").read_text("utf-8"))
    assert first["loss"] < 0.5  # cross-entropy begins near .69 halved by the loss


def test_a_view_reads_beside_the_others_and_in_its_place(installed: Path) -> None:
    code = (
        "from toxiclf.text.obfuscation import expanded, readings\n"
        "print(expanded('야 발시 시1발'), readings('발시')[0].rule, expanded('발시', ['mirror']), expanded('발시', ['jamo']))"
    )
    done = run(["-c", code], installed)
    assert done.stdout == "야 발시 시1발 시발 mirror 발시 시발 발시\n", done.stderr


WRONG = {
    "balance.resample={method = 'twice', tims = 3}": "unknown key 'tims'; did you mean 'times'? known: method, times",
    "balance.resample={method = 'twice', times = 0}": "times is 0; Input should be greater than or equal to 1",
    "balance.resample=twise": "balance.resample.0.method is 'twise'; did you mean 'twice'?",
    "balance.augment=shoot": "balance.augment.0.method is 'shoot'; did you mean 'shout'?",
    "balance.augment={method = 'shout', rate = 0.5}": "balance.augment: rate has no effect on shout",
    "text.tokenizer=pears": "text.tokenizer is 'pears'; did you mean 'pairs'?",
    "text.views=miror": "did you mean 'mirror'?",
    "balance.ratio=0.5": "balance.ratio has no effect without balance.resample",
}


def test_names_and_options_that_are_wrong_are_refused_with_the_nearest(installed: Path) -> None:
    code = (
        "from toxiclf.recipe import Recipe\nfrom toxiclf.errors import UsageError\n"
        f"for setting in {list(WRONG)!r}:\n"
        "    try:\n        Recipe.load('logistic', settings=[setting])\n"
        "    except UsageError as error:\n        print(error)"
    )
    sentences = run(["-c", code], installed).stdout.splitlines()
    for sentence, wanted in zip(sentences, WRONG.values(), strict=True):
        assert wanted in sentence


def test_their_files_need_the_base_install_only() -> None:
    code = (
        "import sys\n"
        f"for name in {BLOCKED!r}:\n    sys.modules[name] = None\n"
        "from toxiclf._registry import components\n"
        f"entries = [entry for kind in {KINDS!r} for entry in components(kind).values()]\n"
        "assert len(entries) >= 37\nassert all(entry.summary and entry.target.__doc__ for entry in entries)"
    )
    done = run(["-c", code])
    assert done.returncode == 0, done.stderr
