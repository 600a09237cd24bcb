"""Small real things that many tests share: the sample corpus and one trained model of each kind."""

from __future__ import annotations

import gc
import json
import os
import re
import tempfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pytest
from filelock import FileLock

import toxiclf
from toxiclf._registry import component, components
from toxiclf.datasets.comments import Comments
from toxiclf.datasets.reading import read_comments
from toxiclf.text.tokenizers.mecab import MecabTokenizer

if TYPE_CHECKING:
    from toxiclf.datasets.splitting import Split
    from toxiclf.evaluation.scored import ScoredRows
    from toxiclf.pipeline.calibrate import CalibratedModel
    from toxiclf.pipeline.fit import Say
    from toxiclf.pipeline.save import TrainedModel
    from toxiclf.recipe import Recipe

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("SOURCE_DATE_EPOCH", "1790000000")  # reports have the same date, even around midnight
hypothesis.settings.register_profile("toxiclf", deadline=None, max_examples=60, derandomize=True)
hypothesis.settings.load_profile("toxiclf")
CASES = int(os.environ.get("TOXICLF_CASES", "0"))  # as `make check-long` sets it

SAMPLE = Path(__file__).parent.parent / "corpora" / "sample_comments.csv"

PAGES = ("test_notebooks.py", "test_readme.py")
LONG = (
    "test_benchmark.py", *PAGES, "test_contract.py", "test_figures.py", "test_estimator.py", "test_html.py", "test_fit.py",
    "test_missing_engines.py", "test_tokenizers.py", "test_techniques.py", "test_wgan.py", "test_resume.py", "test_train.py",
    "test_ensembles.py", "test_anomaly.py", "test_one_file.py", "test_one_file_metric.py",
)  # fmt: skip
"""Files that take longest, in order."""
SHARED = "TOXICLF_TESTS_SHARE"  # a folder, of the process that begins the session
KEPT = 8  # trained models; each holds a session and a graph
VECTORS = {"size": 16, "epochs": 2}
# options that train in a moment; a model that is not here trains as its own default is
TINY_MODEL: dict[str, dict[str, Any]] = {
    "ngram_logistic": {"jamo": 3, "syllable": 2},
    "logistic": {},
    "svm": {},
    "random_forest": {"trees": 10},
    "dnn": {"units": [8], "epochs": 3, "normalization": "batch"},
    "dnn_sequence": {"dense": [8], "epochs": 2},
    "lstm": {"units": 8, "epochs": 2},
    "lstm2": {"units": 8, "epochs": 2},
    "bilstm": {"units": 8, "epochs": 2},
    "bilstm2": {"units": 8, "epochs": 2},
    "cnn": {"widths": [1, 2, 3], "filters": 8, "epochs": 2},
    "knn": {"neighbours": 5},
    "lightgbm": {"trees": 10},
    "xgboost": {"trees": 10},
    "balanced_random_forest": {"trees": 10},
    "easy_ensemble": {"ensembles": 2, "trees": 5},
    "rusboost": {"trees": 10},
    "isolation_forest": {"trees": 10},
    "one_class_svm": {},
    "autoencoder": {"units": [8, 4], "epochs": 2},
    "overcomplete_autoencoder": {"units": [24], "epochs": 2},
    "vae": {"units": [8], "latent": 4, "epochs": 2},
    "lstm_autoencoder": {"units": 8, "epochs": 2},
}
TINY_NGRAMS = {"name": "ngram_logistic", "jamo": 3, "syllable": 2}
TINY_MODEL["voting"] = {"members": [TINY_NGRAMS, "svm", {"name": "cnn", "widths": [1, 2], "filters": 4, "epochs": 1}]}
TINY_MODEL["stacking"] = {"members": [TINY_NGRAMS, {"name": "random_forest", "trees": 5}]}


def cases(few: int) -> int:
    """How many cases a property is tried on: few, or as many as TOXICLF_CASES asks for."""
    return max(few, CASES)


OWN_VECTORS = (
    "logistic",
    "svm",
    "cnn",
    "dnn",
)  # learn word vectors of their training rows; to others small ones are given


def tiny(model: str) -> dict[str, Any]:
    """A recipe that trains in a moment."""
    vectors: dict[str, Any] = {"pretrained": small_vectors()}
    if model in OWN_VECTORS:
        vectors = dict(VECTORS)
    elif model == "dnn_sequence":  # its vectors are learned from scratch
        vectors = {"size": VECTORS["size"]}
    elif component("model", model)["takes"] == "ngrams":
        vectors = {}
    return {"model": {"name": model, **TINY_MODEL.get(model, {})}, "decision": {"folds": 2}, "vectors": vectors}


def rest_in_check(values: Iterable[Any], quick: Collection[Any]) -> list[Any]:
    """Parameters of a test, of which all but the quick ones are left to `make check`."""
    return [
        value
        if value in quick
        else pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.check)
        for value in values
    ]


def once(name: str, make: Callable[[Path], object]) -> Path:
    """What all processes of a test session share under this name: the first that asks for it makes it, the others wait."""
    place = Path(os.environ[SHARED]) / name
    with FileLock(f"{place}.lock"):
        if not place.exists():
            new = place.with_name(f"{name}.new")
            make(new)
            new.rename(place)
    return place


@cache
def small_vectors() -> str:
    """A file of vectors, drawn at random, of the words of the sample corpus: nothing of them comes from the rows of a fit."""
    return str(once("small.txt", _write_small_vectors))


def _write_small_vectors(path: Path) -> None:
    tokens = MecabTokenizer().tokenize(read_comments(SAMPLE).texts)
    words = [word for word, count in Counter(chain.from_iterable(tokens)).items() if count > 1 and word.strip()]
    rng = np.random.default_rng(0)
    lines = (f"{word} {' '.join(f'{number:.4f}' for number in rng.normal(size=16))}\n" for word in words)
    path.write_text(f"{len(words)} 16\n{''.join(lines)}", "utf-8")


def _group(nodeid: str) -> str:
    """What shares a trained model: most tests by file, those of the contract by model, pages one by one."""
    path, _, test = nodeid.partition("::")
    if path.endswith("test_contract.py"):
        model = re.search(rf"\[({'|'.join(components('model'))})\b", test)
        return f"{path} {model[1]}" if model else path
    return nodeid if path.endswith(PAGES) else path


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there is no such hook
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Runs tests of a group in one process: pytest-xdist's own ``--dist loadgroup`` does not since pytest 9.2 (its issue 1386)."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no process waits for the other at the end."""
    place = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONG)))


def pytest_configure(config: pytest.Config) -> None:
    """The first process of a session makes the folder that all share."""
    if SHARED not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="toxiclf-tests-")
        os.environ[SHARED] = folder.name
        config.add_cleanup(folder.cleanup)
        config.add_cleanup(lambda: os.environ.pop(SHARED))


@pytest.fixture(scope="module", autouse=True)
def _nothing_old_is_looked_through() -> Iterator[None]:
    """What a module leaves behind (networks above all) need not be gone through by each later garbage collection."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _one_baseline_each() -> Iterator[None]:
    """Runs on the same rows have the same baseline: it is fitted once."""
    if find_spec("sklearn") is None:  # the base install, which trains nothing
        yield
        return
    from toxiclf.pipeline import train as training
    from toxiclf.pipeline.calibrate import decision_source
    from toxiclf.recipe import Recipe

    known: dict[str, ScoredRows | None] = {}
    fit = training.scored_baseline

    def once(parts: Split, recipe: Recipe, model: ScoredRows, say: Say) -> ScoredRows | None:
        rows = [None if part is None else part.sha256() for part in (parts.train, parts.validation, parts.test)]
        decided = recipe.model_dump(mode="json", include={"seed", "text", "decision"})
        itself = (recipe.model, recipe.balance) == (Recipe().model, Recipe().balance)
        key = json.dumps([rows, parts.train.negative, decided, decision_source(recipe), len(model.predictions), itself])
        if key not in known:
            known[key] = fit(parts, recipe, model, say)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "scored_baseline", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["TOXICLF_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def sample_path() -> Path:
    """The sample corpus as a file."""
    return SAMPLE


@pytest.fixture(scope="session")
def sample() -> Comments:
    """The sample corpus."""
    return read_comments(SAMPLE)


@pytest.fixture(scope="session")
def two_labels(sample: Comments) -> Comments:
    """The sample corpus with a second, independent label: the comment laughs."""
    laughs = np.array([[int("ㅋ" in text or "ㅎ" in text)] for text in sample.texts], dtype=np.uint8)
    return Comments(sample.texts, np.hstack([sample.targets, laughs]), ("toxic", "웃음"), source="two labels")


@pytest.fixture(scope="session")
def exclusive(sample: Comments) -> Comments:
    """The sample corpus with labels that exclude each other: toxic, laughs, or none."""
    toxic = sample.targets[:, 0]
    laughs = np.array([int("ㅋ" in text) for text in sample.texts], dtype=np.uint8) & (1 - toxic)
    return Comments(
        sample.texts, np.column_stack([toxic, laughs]), ("toxic", "웃음"), "none", source="exclusive labels"
    )


@dataclass(frozen=True)
class Made:
    """A tiny trained model, and what it was learned as."""

    model: TrainedModel
    learned: CalibratedModel


@pytest.fixture(scope="session")
def made(sample: Comments, two_labels: Comments, exclusive: Comments) -> Callable[[str, str], Made]:
    """A tiny trained model by name and kind of labels ("one", "two", "exclusive"); the last few are kept."""
    pytest.importorskip("sklearn", reason="the base install trains nothing")
    from toxiclf.pipeline import train as training

    known: OrderedDict[tuple[str, str], Made] = OrderedDict()
    data = {"one": sample, "two": two_labels, "exclusive": exclusive}
    calibrated = training.calibrated

    def get(model: str, kind: str = "one") -> Made:
        if (model, kind) not in known:
            learned: list[CalibratedModel] = []

            def noted(*arguments: Any, **options: Any) -> CalibratedModel:
                learned.append(calibrated(*arguments, **options))
                return learned[-1]

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(training, "calibrated", noted)
                trained = toxiclf.train(data[kind], tiny(model))
            known[model, kind] = Made(trained, learned[0])
            if len(known) > KEPT:
                known.popitem(last=False)
        known.move_to_end((model, kind))
        return known[model, kind]

    return get


@pytest.fixture(scope="session")
def trained(made: Callable[[str, str], Made]) -> Callable[[str, str], TrainedModel]:
    """The model of :func:`made`."""
    return lambda model, kind="one": made(model, kind).model


@pytest.fixture(scope="session")
def saved(request: pytest.FixtureRequest) -> Callable[[str, str], Path]:
    """The folder of a saved run of :func:`made`, which all processes share; do not write to it."""

    def save(folder: Path, model: str, kind: str) -> None:
        request.getfixturevalue("trained")(model, kind).save(folder)

    return lambda model, kind="one": once(f"{model}-{kind}", lambda folder: save(folder, model, kind))


@pytest.fixture(scope="session")
def bundle(saved: Callable[[str, str], Path]) -> Path:
    """The saved bundle of a tiny ngram_logistic model; do not write to it."""
    return saved("ngram_logistic", "one") / "bundle"
