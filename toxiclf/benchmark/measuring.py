"""One run of a benchmark: split, fit, decide, score the test part once."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import metadata
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from toxiclf.benchmark import rows
from toxiclf.benchmark.plan import CorpusEntry, PlannedRun
from toxiclf.benchmark.rivals import RIVALS
from toxiclf.bundle.calibration import Calibration, LabelCalibration
from toxiclf.bundle.scorer import Scorer
from toxiclf.bundling import bundled, versions
from toxiclf.corpus.comments import Comments, consistent
from toxiclf.corpus.reading import read_texts
from toxiclf.corpus.split import Split, folds, split
from toxiclf.decision import choose_threshold, fit_calibration, live_weights
from toxiclf.errors import DataError, MissingExtraError, ToxiclfError, UnknownNameError, UsageError
from toxiclf.evaluation.markdown import model_card
from toxiclf.evaluation.metrics import FLAG_RATE, METRICS, Evaluation, evaluate
from toxiclf.fitting import DivergedError
from toxiclf.learning import learn
from toxiclf.moderator import Moderator
from toxiclf.recipe import SHIPPED_VECTORS, Recipe
from toxiclf.reporting import evaluated, report_of
from toxiclf.search import search
from toxiclf.search.judge import content_of, named_sources, named_vectors
from toxiclf.training import read_parts
from toxiclf.vectors.kept import Kept
from toxiclf.vectors.preparing import recipe_normalizer
from toxiclf.vectors.pretrained import load_vectors, vectors_hash

_TIMED = 200  # comments whose latency is taken
_WARM = 20  # before them
_EVERY = 0.05  # seconds between two looks at the memory
_LIBRARIES = {
    "korcen": "korcen", "fasttext": "fasttext-numpy2-wheel", "kiwi": "kiwipiepy",
    **dict.fromkeys(("okt", "komoran", "hannanum", "kkma"), "konlpy"),
}  # fmt: skip
"""Of rivals and tokenizers, beyond those of every run."""
_FEWEST = 20  # toxic training comments that a thinned corpus must keep


@dataclass(frozen=True)
class Job:
    """A run with all that names it.

    Attributes
    ----------
    key : of its row; see :func:`toxiclf.benchmark.rows.key_of`.
    data : hashes of its comments, and of the test part of their own.
    unfit : why there is no recipe; then the row is a failed one.
    """

    run: PlannedRun
    key: str
    data: tuple[str | None, ...]
    unfit: str = ""

    @classmethod
    def of(cls, run: PlannedRun) -> Job:
        """Name a run; reads its corpus.

        Raises
        ------
        UnknownNameError : its recipe names a preset or a key that there is not.
        """
        data = _hashes(_unnamed(run.corpus))
        content: dict[str, Any] = {
            "corpus": run.corpus.model_dump(mode="json", exclude={"name"}), "data": data, "rival": run.entry.rival,
            "versions": versions(),
        }  # fmt: skip
        try:
            recipe, unfit = run.recipe(), ""
        except UnknownNameError:
            raise
        except UsageError as error:
            content |= {"entry": run.entry.model_dump(mode="json"), "seed": run.seed, "settings": dict(run.settings)}
            unfit = str(error)
        else:
            content |= {"recipe": recipe.model_dump(mode="json"), **_beside(run, recipe)}
        return cls(run, rows.key_of(content), data, unfit)


def _beside(run: PlannedRun, recipe: Recipe) -> dict[str, Any]:
    """What decides a run's figures beside recipe and data, where there is such a thing."""
    found: dict[str, Any] = {}
    libraries = (_LIBRARIES.get(run.entry.rival or ""), _LIBRARIES.get(recipe.text.tokenizer))
    if any(libraries):
        found["libraries"] = {name: _version(name) for name in libraries if name is not None}
    unlabeled = named_sources(recipe, recipe.search, "unlabeled")
    if unlabeled:
        found["unlabeled"] = {source: _texts_hash(source) for source in unlabeled}
    if recipe.pretrained_vectors is not None:
        found["pretrained"] = _vectors_hash(recipe.pretrained_vectors)
    others = set(named_vectors(recipe, recipe.search)) - {recipe.pretrained_vectors, *SHIPPED_VECTORS}
    if others:
        found["vectors"] = {source: _vectors_hash(source) for source in sorted(others)}
    return found


def _texts_hash(source: str) -> str:
    next(read_texts(source), None)  # says what to do where there are none
    return content_of(source)


def _vectors_hash(source: str) -> str:
    try:
        return vectors_hash(source)
    except OSError:
        load_vectors(source)  # says what to do where there are none
        raise


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def corpus(entry: CorpusEntry) -> tuple[Comments, Comments | None]:
    """The labelled comments of an entry, and its test part where it has one of its own."""
    return _read(_unnamed(entry))


def _unnamed(entry: CorpusEntry) -> CorpusEntry:
    """What is read of it: the same at each rate, so read once."""
    return entry.model_copy(update={"name": "", "rate": None})


@lru_cache(maxsize=8)
def _hashes(entry: CorpusEntry) -> tuple[str | None, ...]:
    return tuple(None if part is None else part.sha256() for part in _read(entry))


@lru_cache(maxsize=8)
def _read(entry: CorpusEntry) -> tuple[Comments, Comments | None]:
    comments, test = read_parts(
        entry.source, None, text=entry.text, label=entry.label, negative=entry.negative, positive=entry.positive
    )
    if test is not None and entry.test == "drawn":
        comments, test = comments.joined(test), None
    if not entry.any:
        return comments, test
    return _any(comments), None if test is None else _any(test)


def _any(comments: Comments) -> Comments:
    targets = comments.targets.max(axis=1)[:, None]
    return consistent(replace(comments, targets=targets, labels=("toxic",), negative=None))


def measured(job: Job, out: Path) -> dict[str, Any]:
    """Run a job and write its row; what fails is a row that says why.

    Raises
    ------
    DataError : the corpus is not what it was when the job was named.
    """
    if _hashes(_unnamed(job.run.corpus)) != job.data:
        raise DataError(f"{job.run.corpus.source} changed while the benchmark ran; start it again")
    row = _unmeasured(job)
    began = time.perf_counter()
    try:
        if job.unfit:
            raise UsageError(job.unfit)
        row |= _figures(job.run, Kept(out / "cache")) | {"status": "done"}
    except DivergedError as error:
        row |= {"reason": str(error), "findings": ["diverged"]}
    except MissingExtraError as error:
        row |= {"reason": str(error), "passing": True}
    except ToxiclfError as error:
        row["reason"] = str(error)
    except (OSError, MemoryError) as error:  # of the machine, not of the run: tried again
        row |= {"reason": f"{type(error).__name__}: {error}", "passing": True}
    except Exception as error:  # one run that breaks must not cost the others
        row["reason"] = f"internal error, {type(error).__name__}: {error}"
    row["seconds"] = round(time.perf_counter() - began, 2)
    try:
        rows.write(out, row)
    except ValueError as error:
        row = _unmeasured(job) | {"seconds": row["seconds"], "reason": f"a figure is no number ({error})"}
        rows.write(out, row)
    return row


def killed(job: Job, out: Path) -> dict[str, Any]:
    """Write the row of a job whose process was killed while nothing else ran."""
    row = _unmeasured(job) | {"seconds": 0.0}
    row["reason"] = "the process was killed while it ran, as happens when memory runs out"
    rows.write(out, row)
    return row


def _unmeasured(job: Job) -> dict[str, Any]:
    run = job.run
    return {
        "key": job.key, "corpus": run.corpus.title, "entry": run.entry.name, "seed": run.seed, "status": "failed",
        "versions": versions(),
    }  # fmt: skip


def _figures(run: PlannedRun, kept: Kept) -> dict[str, Any]:
    recipe = run.recipe()
    comments, _ = corpus(run.corpus)
    parts = _parts(run, recipe)
    assert parts.test is not None
    with _watched_memory() as memory:
        began = time.perf_counter()
        found = (
            _rival(run, parts, recipe)
            if run.entry.rival is not None
            else _toxiclf(parts, comments, recipe, run.corpus.rate is not None, kept)
        )
        seconds = time.perf_counter() - began - found.pop("beyond_fit", 0.0) + kept.seconds
    return found | {
        "fit_seconds": round(seconds, 3),
        "memory_mb": round(memory[0] / 2**20, 1),
        "test_sha256": parts.test.sha256(),
        "test_part": "own" if corpus(run.corpus)[1] is not None else "drawn",
        "parts": {
            name: {"rows": len(part), "classes": part.counts()}
            for name, part in (("training", parts.train), ("validation", parts.validation), ("test", parts.test))
            if part is not None
        },
    }


def _parts(run: PlannedRun, recipe: Recipe) -> Split:
    """The split; training and validation part thinned where the corpus is."""
    normalizer = recipe_normalizer(recipe)
    comments, test = corpus(run.corpus)
    own = None if test is None else consistent(test, normalizer)
    parts = split(
        consistent(comments, normalizer), test=own if own is not None else recipe.split.test, seed=recipe.seed,
        validation=recipe.split.validation, normalizer=normalizer,
    )  # fmt: skip
    if parts.test is None:
        raise UsageError("a benchmark measures on a test part: set split.test above 0")
    if run.corpus.rate is None:
        return parts
    rng = np.random.default_rng(recipe.seed)
    train, validation = (thinned(part, run.corpus.rate, rng) for part in (parts.train, parts.validation))
    if train.targets.sum() < _FEWEST:
        raise DataError(
            f"at {run.corpus.rate:g} only {int(train.targets.sum())} toxic training comments are left; {_FEWEST} are needed"
        )
    return replace(parts, train=train, validation=validation)


def thinned(comments: Comments, rate: float, rng: np.random.Generator) -> Comments:
    """Drop toxic comments at random until so many are left.

    Raises
    ------
    UsageError : there are several labels, or fewer toxic comments than that.
    """
    if len(comments.labels) > 1:
        raise UsageError("a corpus is thinned by one label; choose one with label, or set any = true")
    toxic, others = (np.flatnonzero(comments.targets[:, 0] == value) for value in (1, 0))
    count = max(1, round(len(others) * rate / (1 - rate)))
    if count > len(toxic):
        raise UsageError(
            f"{len(toxic) / len(comments):.1%} of these comments are toxic; a rate of {rate:g} is above that"
        )
    return comments.take(np.sort(np.concatenate([others, rng.choice(toxic, count, replace=False)])))


def _toxiclf(parts: Split, comments: Comments, recipe: Recipe, thinned_to_rate: bool, kept: Kept) -> dict[str, Any]:
    if recipe.search.method != "none":
        recipe = search(parts, recipe, lambda message: None).recipe
    learned = learn(parts, recipe, lambda message: None, kept=kept)
    ended = time.perf_counter()
    assert parts.test is not None
    model = evaluated(learned, parts, recipe)
    report = report_of(learned, model, None, parts, comments, recipe, 0.0)
    raw = learned.raw(learned.fitted.encoder.encode(parts.test.texts))
    found = _tests(
        model.predictions.scores, raw, learned.thresholds, parts, recipe, thinned_to_rate, learned.calibration.exclusive
    )
    found["findings"] = report.codes()
    if learned.graph is not None:
        manifest, files = bundled(learned, comments, recipe, model_card(report))
        found["bundle_bytes"] = sum(map(len, files.values())) + len(manifest.model_dump_json())
        moderator = Moderator(manifest, learned.fitted.encoder, Scorer(learned.graph))
        found["latency_ms"] = _latency(lambda text: moderator.check(text), parts.test.texts)
    return found | {"beyond_fit": time.perf_counter() - ended}


def _rival(run: PlannedRun, parts: Split, recipe: Recipe) -> dict[str, Any]:
    """A rival by the same rows: out-of-fold outputs for calibration and threshold, then a fit to all of them."""
    assert run.entry.rival is not None
    assert parts.test is not None
    fit = RIVALS[run.entry.rival]
    learned = parts.train.joined(parts.validation)
    targets, columns = learned.targets, range(len(learned.labels))
    raw, test = np.zeros(targets.shape), np.zeros(parts.test.targets.shape)
    models = []
    for j in columns:
        for inside, outside in folds(learned, recipe.decision.folds, recipe.seed, recipe_normalizer(recipe)):
            some = learned.take(inside)
            raw[outside, j] = fit(some.texts, some.targets[:, j], recipe.seed)(learned.take(outside).texts)
        models.append(fit(learned.texts, targets[:, j], recipe.seed))
    ended = time.perf_counter()
    for j in columns:
        test[:, j] = models[j](parts.test.texts)
    calibration = fit_calibration(raw, targets, method=recipe.decision.calibrate, exclusive=False)
    scores = calibration.apply(raw.astype(np.float32))
    if run.entry.rival == "majority":  # it flags nothing, whatever F1 would like
        thresholds = tuple(1.0 for _ in columns)
    else:
        thresholds = tuple(choose_threshold(scores[:, j], targets[:, j], recipe.decision.objective)[0] for j in columns)
    outputs = test.astype(np.float32)
    is_thinned = run.corpus.rate is not None
    found = _tests(calibration.apply(outputs), outputs, thresholds, parts, recipe, is_thinned, exclusive=False)
    found["latency_ms"] = _latency(lambda text: [model([text]) for model in models], parts.test.texts)
    return found | {"findings": [], "beyond_fit": time.perf_counter() - ended}


def _tests(
    scores: NDArray[np.float32], raw: NDArray[np.float32], thresholds: Sequence[float], parts: Split, recipe: Recipe,
    thinned_to_rate: bool, exclusive: bool,
) -> dict[str, Any]:  # fmt: skip
    """Figures of the test part; where training was thinned, weighted to the rate that it was thinned to, too."""
    assert parts.test is not None
    targets, labels = parts.test.targets, parts.test.labels
    uncalibrated = Calibration(method="none", exclusive=exclusive, labels=(LabelCalibration(),) * len(labels)).apply(
        raw
    )
    of_training = tuple(parts.train.joined(parts.validation).targets.mean(axis=0).tolist())
    found: dict[str, Any] = {"thresholds": [float(t) for t in thresholds]}
    for name, prior in (("metrics", None), ("at_rate", of_training if thinned_to_rate else None)):
        if name == "at_rate" and prior is None:
            continue
        facts: dict[str, Any] = {"seed": recipe.seed, "prior": prior, "exclusive": exclusive, "resamples": 0}
        of = evaluate(scores, targets, thresholds, labels, **facts)
        before = evaluate(uncalibrated, targets, thresholds, labels, **facts)
        weights = np.ones(targets.shape) if prior is None else live_weights(targets, prior, exclusive=exclusive)
        found[name] = {
            **_summary(of), "brier_uncalibrated": before.value("brier"),
            "recall_at_precision_0.9": _recall_at(0.9, scores, targets, weights),
        }  # fmt: skip
        if len(labels) > 1:
            found[f"{name}_by_label"] = {label: {m: of.value(m, label) for m in METRICS} for label in labels}
    return found


def _summary(of: Evaluation) -> dict[str, float | None]:
    return {row.metric: row.value for row in of.rows if row.label == "" and row.metric != FLAG_RATE}


def _recall_at(
    precision: float, scores: NDArray[np.float32], targets: NDArray[np.uint8], weights: NDArray[np.float64]
) -> float:
    """The most recall that a threshold gives at such a precision, on the test part's own curve; the mean over labels."""
    found = []
    for j in range(targets.shape[1]):
        reached, recall, _ = precision_recall_curve(targets[:, j], scores[:, j], sample_weight=weights[:, j])
        found.append(float(recall[reached >= precision].max(initial=0.0)))
    return float(np.mean(found))


def _latency(check: Callable[[str], Any], texts: Sequence[str]) -> float:
    """Median of one comment, in milliseconds."""
    seconds = []
    for i, text in enumerate(islice(cycle(texts), _WARM + _TIMED)):
        began = time.perf_counter()
        check(text)
        if i >= _WARM:
            seconds.append(time.perf_counter() - began)
    return round(1000 * float(np.median(seconds)), 4)


@contextmanager
def _watched_memory() -> Iterator[list[int]]:
    """By how many bytes this process grew meanwhile at most, looked at twenty times a second; 0 where it cannot be read."""
    _give_back()
    before = _held()
    most, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(_EVERY):
            most[0] = max(most[0], _held() - before)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()
        most[0] = max(most[0], _held() - before)


def _held() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _give_back() -> None:
    """Return what the run before no longer uses, so that this one's growth is its own."""
    gc.collect()
    with suppress(OSError, AttributeError):  # of glibc only
        ctypes.CDLL(None).malloc_trim(0)
