"""A component is one file: what is put into the folder of its kind, or named by an entry point, is there everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import rest_in_check

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "corpora" / "sample_comments.csv"
BLOCKED = (
    *("sklearn", "imblearn", "keras", "tensorflow", "lightgbm", "xgboost", "scipy", "pandas", "matplotlib", "plotly", "onnx"),
    *("gensim", "safetensors", "joblib", "kiwipiepy", "konlpy", "jpype"),
)  # fmt: skip

NEAREST_MEAN = '''
"""Nearest class mean over averaged word vectors."""

from __future__ import annotations

from typing import Literal

import numpy as np

from toxiclf._registry import register
from toxiclf.models._base import Model
from toxiclf.recipe.options import ModelOptions
from toxiclf.recipe.types import Positive


class NearestMeanOptions(ModelOptions):
    """Options of ``nearest_mean``."""

    name: Literal["nearest_mean"] = "nearest_mean"
    slope: Positive = 1.0
    """Factor of the raw output."""


@register("model", "nearest_mean", options=NearestMeanOptions, summary="Nearer to the mean of one class than of the other")
class NearestMean(Model):
    """Which class mean a comment's vector is nearer to (Rocchio 1971)."""

    def fit(self, features, task, held_out=None):
        rows = [features[task.targets[:, 0] == value].mean(axis=0, dtype=np.float64) for value in (0, 1)]
        self.way_ = self.options.slope * (rows[1] - rows[0])[:, None]
        return self

    def raw(self, features):
        return features @ self.way_

    def write(self, graph, features):
        return graph.add("MatMul", features, graph.constant(self.way_))
'''

TINY_NETWORK = '''
"""A dense layer over the mean of a comment's word vectors."""

from __future__ import annotations

from typing import Literal

from toxiclf._registry import register
from toxiclf.models._network import SequenceNetwork
from toxiclf.models._options import SequenceOptions


class TinyNetworkOptions(SequenceOptions):
    """Options of ``tiny_network``."""

    name: Literal["tiny_network"] = "tiny_network"


@register(
    "model", "tiny_network", options=TinyNetworkOptions, takes="sequences", is_network=True, watches_validation=True,
    preset={"epochs": 2, "learning_rate": 0.05}, summary="A dense layer over the mean of word vectors",
)
class TinyNetwork(SequenceNetwork):
    """A dense layer over the mean of a comment's word vectors (Iyyer et al. 2015)."""

    def blocks(self, matrix, time):
        from toxiclf.models._blocks import Pooling, embedding_of, top_of

        return [embedding_of(self.options, matrix), Pooling("mean"), *top_of(self.options)]
'''


def package(folder: Path, **modules: str) -> Path:
    """A folder as installed packages are: modules, and an entry point each in the group ``toxiclf.components``."""
    metadata = folder / "throwaway-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: throwaway\nVersion: 1.0\n", "utf-8")
    entries = "".join(f"{name} = throwaway_{name}\n" for name in modules)
    (metadata / "entry_points.txt").write_text(f"[toxiclf.components]\n{entries}", "utf-8")
    for name, source in modules.items():
        (folder / f"throwaway_{name}.py").write_text(source, "utf-8")
    return folder


def run(arguments: list[str], *paths: Path) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, with these folders on its path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*paths, ROOT)))}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )


def toxiclf(arguments: list[str], *paths: Path) -> str:
    """What a command that succeeds prints."""
    done = run(["-m", "toxiclf", *arguments], *paths)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a classic model and a network."""
    return package(tmp_path_factory.mktemp("models"), nearest_mean=NEAREST_MEAN, tiny_network=TINY_NETWORK)


@pytest.mark.parametrize("name", rest_in_check(["nearest_mean", "tiny_network"], quick=["nearest_mean"]))
def test_a_model_in_one_file_trains_and_its_bundle_scores(name: str, models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    toxiclf(["train", str(SAMPLE), "--model", name, "--set", "decision.folds=2", "--out", str(folder)], models)
    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert report["recipe"]["model"]["name"] == name
    assert report["summary"]["average_precision"]["value"] > 0.5
    scores = tmp_path / "scores.jsonl"
    toxiclf(["predict", str(SAMPLE), "--bundle", str(folder / "bundle"), "--out", str(scores)])  # without the package
    assert len(scores.read_text("utf-8").splitlines()) > 100


def test_a_model_in_one_file_is_listed_named_and_documented(models: Path) -> None:
    code = """
from toxiclf.cli import run
for what in (["models"], ["presets"], ["recipe-keys", "--model", "nearest_mean"]):
    assert run(["list", *what, "--json"]) == 0
assert run(["train", "comments.csv", "--model", "nearest_maen"]) == 2
"""
    done = run(["-c", code], models)
    assert done.returncode == 0, done.stderr
    listed, presets, keys = map(json.loads, done.stdout.splitlines())
    assert {
        "name": "nearest_mean",
        "what_it_is": "Nearer to the mean of one class than of the other",
        "extra": "train",
    } in listed
    assert "tiny_network" in {row["name"] for row in presets}
    assert {
        "key": "model.slope", "type": "number > 0", "default": "1.0", "meaning": "Factor of the raw output."
    } in keys  # fmt: skip
    assert not any(row["key"].startswith("balance.loss") for row in keys)
    assert "unknown model 'nearest_maen'; did you mean 'nearest_mean'?" in done.stderr


def test_options_of_a_model_in_one_file_are_validated_alone_and_as_a_member(models: Path) -> None:
    code = """
from toxiclf import Recipe, UsageError
assert Recipe.load("tiny_network").model.epochs == 2
assert Recipe.load({"model": {"name": "voting", "members": ["svm", "nearest_mean"]}}).members[1].slope == 1
for model in ({"name": "nearest_mean", "slpoe": 2}, {"name": "voting", "members": ["svm", {"name": "nearest_mean", "slpoe": 2}]}):
    try:
        Recipe.load({"model": model})
    except UsageError as error:
        print(error)
try:
    Recipe.load("nearest_mean", settings=["balance.loss=focal"])
except UsageError as error:
    print(error)
"""
    done = run(["-c", code], models)
    assert done.returncode == 0, done.stderr
    alone, member, effect = done.stdout.splitlines()
    assert alone.startswith("unknown recipe key 'model.slpoe'; did you mean 'model.slope'?")
    assert member.startswith("unknown recipe key 'model.members.1.slpoe'; did you mean 'model.members.1.slope'?")
    assert effect == "balance.loss has no effect on the model nearest_mean; leave it out"


def test_a_component_that_cannot_be_loaded_names_its_package(tmp_path: Path) -> None:
    broken = package(tmp_path, broken="import no_such_library\n")
    done = run(["-m", "toxiclf", "list", "models"], broken)
    assert done.returncode == 2
    assert (
        "the component 'broken' of an installed package (throwaway_broken) cannot be loaded: No module named"
        in done.stderr
    )


def test_files_of_models_and_metric_learners_are_imported_without_any_training_library() -> None:
    code = f"""
import sys
for name in {BLOCKED!r}:
    sys.modules[name] = None
from toxiclf._registry import components
from toxiclf import Recipe
names = [*components("model"), *components("metric-learner")]
assert Recipe.load("vae").model.latent == 16
assert Recipe.load("lstm", settings=["model.units=8"]).has_network
assert Recipe.load("svm", settings=["features.metric_learning=triplet", "features.metric_encoder=cnn"]).watches_validation
from toxiclf.recipe.reference import recipe_keys
assert all(row.meaning for row in recipe_keys() if row.key.split(".")[0] not in ("text", "balance"))
print(len(names))
"""
    done = run(["-c", code])
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 27


@pytest.mark.parametrize("first", rest_in_check(["svm", "lstm2", "lstm", "voting", "vae"], quick=["vae"]))
def test_a_models_file_may_be_the_first_import(first: str) -> None:
    code = f"""
from importlib import import_module
from toxiclf._registry import component, components
import_module(component("model", {first!r}).target.__module__)
from toxiclf import Recipe
assert all(Recipe.load(model=name).model.name == name for name in components("model"))
"""
    assert run(["-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("raise SystemExit('no licence')", "no licence", marks=pytest.mark.check),
        (
            "from toxiclf._registry import register\n"
            "@register('resampler', 'smote', summary='Another one')\n"
            "class Another: ...\n",
            "two components are a resampler called 'smote'; rename that of ",
        ),
    ],
)
def test_a_package_that_cannot_be_loaded_is_named_in_one_sentence(source: str, reason: str, tmp_path: Path) -> None:
    broken = package(tmp_path, broken=source)
    for what in ("resamplers", "recipe-keys"):  # before and after the files of the same kind are read
        done = run(["-m", "toxiclf", "list", what], broken)
        assert done.returncode == 2
        assert "toxiclf: the component 'broken' of an installed package (throwaway_broken) cannot" in done.stderr
        assert reason in done.stderr
        assert "Traceback" not in done.stderr


def test_a_package_that_cannot_be_loaded_is_an_error_each_time(tmp_path: Path) -> None:
    broken = package(tmp_path, broken="raise ValueError('broken')")
    twice = (
        "from toxiclf._registry import components\n"
        "for kind in ('view', 'view', 'loss'):\n"
        "    try: components(kind)\n"
        "    except ValueError as error: print('refused', error)\n"
    )
    assert run(["-c", twice], broken).stdout.count("refused the component 'broken'") == 3
