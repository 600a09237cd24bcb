"""Speed of training: an epoch of a network by toxiclf beside the same network in plain Keras, and what both come to; or the
whole command with the default model, beside an older version.

    python scripts/bench_training.py                                      # sample corpus, lstm2, seed 0
    python scripts/bench_training.py corpus:curse --unlabeled corpus:nsmc --seeds 0 1 2
    python scripts/bench_training.py corpus:curse --model bilstm --naive-mask none --epochs 3
    python scripts/bench_training.py corpus:curse --before ../older --rounds 5

Ours: the preset as it is, by toxiclf's own loop: batches of like length, each as long as its longest comment, of the size that
"auto" gives; the most tokens a comment that "auto" gives.

Naive: the same network as a tutorial would write it: all comments padded at their end to the longest one, at most ``--padded``
tokens; layers of Keras one after the other (Embedding with ``mask_zero``, SpatialDropout1D, LSTM or Conv1D, GlobalMaxPooling1D
beside GlobalAveragePooling1D, Dropout, Dense); batches of 32; ``model.compile`` and ``model.fit`` as they come. All that is no
matter of speed is ours: ids of tokens (a comment without any gets the commonest one, as Keras's mean of nothing is no number),
word vectors and whether they are trained, split, class weights, optimizer, learning rate and clipping, dropout, number of
epochs, and the average precision of the validation set after each epoch as what it stops by and chooses the weights by. Its
Embedding holds the tokens of this corpus alone: with all that there are vectors of, its optimizer would take longer.
``--naive-mask none`` leaves out the mask, so that padding counts as words.

Each fit has a process of its own. An epoch is all of it, the validation set included; its seconds are the median of those after
the first, which builds and traces. Seconds of processor time, of all threads, suffer less from other programs on the machine.
Average precision (AP) is of the test set, with 95 % bootstrap intervals over its comments, the difference's over the same
resampled comments.

With ``--before``, a checkout of an older version, ``toxiclf train`` of both takes turns: processor seconds and peak memory of
the whole command, and the median of the ratios of rounds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import toxiclf
from toxiclf.balance.weights import class_weights
from toxiclf.bundle.calibration import shares_of
from toxiclf.datasets.splitting import Split, split
from toxiclf.evaluation.bootstrap import Evaluation, evaluate, paired_difference
from toxiclf.models._progress import FitContext
from toxiclf.pipeline.fit import PipelineFitter
from toxiclf.pipeline.training_set import TrainingSet
from toxiclf.recipe import Recipe
from toxiclf.text.vocabulary import Ids

_MODELS = ("lstm", "lstm2", "bilstm", "bilstm2", "cnn")
_AP = "average_precision"


@dataclass(frozen=True)
class Job:
    """One fit: a way, and what both ways share."""

    way: str
    corpus: str
    model: str
    settings: tuple[str, ...]
    seed: int
    padded: int
    batch_size: int
    mask: bool


@dataclass(frozen=True)
class Fit:
    """What a fit took and came to.

    Attributes
    ----------
    wall, processor : seconds of each epoch.
    evaluation : of the test set.
    """

    wall: list[float]
    processor: list[float]
    evaluation: Evaluation


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", default="corpus:sample")
    parser.add_argument("--model", choices=_MODELS, default="lstm2")
    parser.add_argument("--unlabeled", metavar="SOURCE", help="texts for the word vectors, such as corpus:nsmc")
    parser.add_argument("--test", type=float, default=0.25, help="share of the test set")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=30, help="of both ways, at most")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE", help="of both ways")
    parser.add_argument("--padded", type=int, default=480, help="tokens a comment in the naive way, at most")
    parser.add_argument("--naive-batch", type=int, default=32)
    parser.add_argument("--naive-mask", choices=("mask_zero", "none"), default="mask_zero")
    parser.add_argument("--before", type=Path, help="checkout of an older version, to compare the whole command with")
    parser.add_argument("--rounds", type=int, default=5, help="of both versions' commands")
    options = parser.parse_args()
    if options.before:
        _compare_commands(options.corpus, options.before, options.rounds, options.settings, options.seeds[0])
        return
    settings = (f"split.test={options.test}", f"model.epochs={options.epochs}", *options.settings)
    if options.unlabeled:
        settings += (f"vectors.unlabeled={options.unlabeled}",)
    print("seed", "way", "epochs", "first s", "epoch s", "by ours", "epoch CPU s", "by ours", sep="\t", end="\t")
    print("test AP", "naive − ours", sep="\t", flush=True)
    fits: dict[str, list[Fit]] = {"ours": [], "naive": []}
    for seed in options.seeds:
        for way, done in fits.items():
            mask = options.naive_mask == "mask_zero"
            job = Job(way, options.corpus, options.model, settings, seed, options.padded, options.naive_batch, mask)
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
                done.append(process.submit(_fit, job).result())
            print(seed, way, *_cells(done[-1], fits["ours"][-1]), sep="\t", flush=True)
    ratios = [_ratios(*pair) for pair in zip(fits["naive"], fits["ours"], strict=True)]
    wall, processor = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"an epoch: ours {wall:.1f} times as fast ({processor:.1f} times in CPU seconds), median over seeds")


def _compare_commands(corpus: str, before: Path, rounds: int, settings: list[str], seed: int) -> None:
    trees = {"before": before, "now": Path(__file__).parent.parent}
    arguments = [corpus, "--seed", str(seed), *(part for setting in settings for part in ("--set", setting))]
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in trees}
    print("round", "version", "CPU s", "peak MB", sep="\t", flush=True)
    for number in range(rounds):
        for name in sorted(trees, reverse=number % 2 == 1):
            costs[name].append(_cost(trees[name].resolve(), arguments))
            print(number, name, *(f"{value:.1f}" for value in costs[name][-1]), sep="\t", flush=True)
    pairs = list(zip(costs["before"], costs["now"], strict=True))
    faster = statistics.median(old[0] / new[0] for old, new in pairs)
    memory = statistics.median(new[1] / old[1] for old, new in pairs)
    print(f"now {faster:.2f} times as fast in CPU seconds, with {memory:.2f} of the memory, medians over rounds")


def _cost(tree: Path, arguments: list[str]) -> tuple[float, float]:
    """Train in a process of its own; return its processor seconds and its peak memory in MB."""
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-m", "toxiclf", "train", *arguments, "--out", f"{folder}/run"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode} in {tree}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def _cells(fit: Fit, ours: Fit) -> list[str]:
    wall, processor = _ratios(fit, ours)
    row = fit.evaluation.row(_AP)
    assert row.value is not None  # the test set has comments of both classes
    cells = [
        str(len(fit.wall)), f"{fit.wall[0]:.1f}", f"{_epoch(fit.wall):.2f}", f"{wall:.1f}", f"{_epoch(fit.processor):.2f}",
        f"{processor:.1f}", f"{row.value:.4f} ({row.low:.3f} to {row.high:.3f})",
    ]  # fmt: skip
    if fit is not ours:
        low, high = paired_difference(fit.evaluation, ours.evaluation, _AP) or (np.nan, np.nan)
        cells.append(f"{row.value - (ours.evaluation.value(_AP) or np.nan):+.4f} ({low:+.4f} to {high:+.4f})")
    return cells


def _ratios(fit: Fit, ours: Fit) -> tuple[float, float]:
    """Seconds of an epoch by those of ours: on the wall, and of the processor."""
    return _epoch(fit.wall) / _epoch(ours.wall), _epoch(fit.processor) / _epoch(ours.processor)


def _epoch(seconds: list[float]) -> float:
    return statistics.median(seconds[1:] or seconds)


class Clock:
    """Seconds of epochs, on the wall and of the processor."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.processor: list[float] = []
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def lap(self) -> None:
        """An epoch is done."""
        wall, processor = time.perf_counter(), time.process_time()
        self.wall.append(wall - self._wall)
        self.processor.append(processor - self._processor)
        self._wall, self._processor = wall, processor


def _fit(job: Job) -> Fit:
    """Fit in this process."""
    naive = () if job.way == "ours" else (f"text.max_tokens={job.padded}",)
    recipe = Recipe.load(model=job.model, settings=[*job.settings, *naive], seed=job.seed)
    comments = toxiclf.read_comments(job.corpus)
    parts = split(comments, test=recipe.split.test, validation=recipe.split.validation, seed=job.seed)
    assert parts.test is not None
    if len(comments.labels) > 1:
        sys.exit("give a corpus with one label; the naive way knows no others")
    clock, scores = (_ours if job.way == "ours" else _naive)(parts, recipe, job)
    evaluation = evaluate(scores.astype(np.float32), parts.test.targets, [0.5], comments.labels, seed=job.seed)
    return Fit(clock.wall, clock.processor, evaluation)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _ours(parts: Split, recipe: Recipe, job: Job) -> tuple[Clock, NDArray[np.float64]]:
    """By toxiclf: times of epochs, and scores of the test set (n, 1)."""
    fitter = PipelineFitter.of(recipe, parts.train.labels, parts.train.negative, _say)
    train, validation, test = (fitter.tokenized(part) for part in (parts.train, parts.validation, parts.test) if part)
    matrix = fitter.matrix(TrainingSet(train, parts.train.targets), validation, parts.validation.targets)
    clock: Clock | None = None

    def said(message: str) -> None:
        nonlocal clock
        _say(message)
        if ": epoch " in message and clock is not None:
            clock.lap()

    import toxiclf.models._training_loop  # noqa: F401  # TensorFlow's import is no part of an epoch

    clock = Clock()
    fitted = fitter.fit_model(matrix, FitContext(f"ours, seed {job.seed}", said))
    return clock, shares_of(fitted.raw(test), exclusive=False)


def _naive(parts: Split, recipe: Recipe, job: Job) -> tuple[Clock, NDArray[np.float64]]:
    """By plain Keras: times of epochs, and scores of the test set (n, 1)."""
    fitter = PipelineFitter.of(recipe, parts.train.labels, parts.train.negative, _say)
    prepared = [fitter.tokenized(part) for part in (parts.train, parts.validation, parts.test) if part]
    features = fitter.learn_features(prepared[0])
    sequences = [features.matrix(rows) for rows in prepared]
    used = np.unique(np.concatenate([[0, 1], *(part.ids.flat for part in sequences)]))
    numbers = np.zeros(len(sequences[0].matrix), dtype=np.int32)
    numbers[used] = np.arange(len(used))
    longest = max(int(part.ids.lengths.max()) for part in sequences)
    train, validation, test = (_padded(part.renumbered(numbers).ids, longest) for part in sequences)

    import keras
    from sklearn.metrics import average_precision_score

    options: Any = recipe.model
    keras.utils.set_random_seed(job.seed)
    clock = Clock()

    class Judge(keras.callbacks.Callback):  # type: ignore[misc,unused-ignore]
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            scores = self.model.predict(validation, verbose=0)
            logs["validation"] = average_precision_score(parts.validation.targets, scores)
            clock.lap()
            _say(f"naive, seed {job.seed}, {longest} tokens: epoch {epoch + 1}: {logs}, {clock.wall[-1]:.1f} s")

    network = _network(options, job.model, sequences[0].matrix[used], mask=job.mask)
    optimizer = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[options.optimizer]
    clip = None if options.clip_norm == "none" else options.clip_norm or None
    network.compile(optimizer(options.learning_rate, global_clipnorm=clip), loss="binary_crossentropy")
    stop = keras.callbacks.EarlyStopping("validation", mode="max", patience=options.patience, restore_best_weights=True)
    (weights,) = class_weights(
        parts.train.targets, parts.train.labels, parts.train.negative, recipe.balance.class_weight
    )
    network.fit(
        train, parts.train.targets, batch_size=job.batch_size, epochs=options.epochs, verbose=0,
        class_weight=dict(enumerate(weights.weights)), callbacks=[Judge(), stop],
    )  # fmt: skip
    return clock, np.asarray(network.predict(test, verbose=0), dtype=np.float64)


def _padded(ids: Ids, longest: int) -> NDArray[np.int32]:
    """All comments as long as the longest, (n, longest); none without a token."""
    matrix = ids.padded()
    matrix = np.pad(matrix, [(0, 0), (0, longest - matrix.shape[1])])
    matrix[ids.lengths == 0, 0] = 1
    return matrix


def _network(options: Any, name: str, matrix: NDArray[np.float32], *, mask: bool) -> Any:
    """The network in layers of Keras; the preset's choices, without those that it leaves at "none"."""
    import keras
    from keras import layers

    ids = keras.Input((None,), dtype="int32")
    embedding = layers.Embedding(*matrix.shape, mask_zero=mask, trainable=options.embedding != "frozen")
    x = layers.SpatialDropout1D(options.spatial_dropout)(embedding(ids))
    embedding.set_weights([matrix])
    if name == "cnn":
        pooled = [
            layers.GlobalMaxPooling1D()(
                layers.Conv1D(options.filters, width, padding="same", activation=options.activation)(x)
            )
            for width in options.widths
        ]
    else:
        for number in range(2 if name.endswith("2") else 1):
            if number and options.normalization == "layer":
                x = layers.LayerNormalization()(x)
            lstm = layers.LSTM(options.units, return_sequences=True)
            x = (layers.Bidirectional(lstm) if name.startswith("bi") else lstm)(x)
        pooled = [layers.GlobalMaxPooling1D()(x), layers.GlobalAveragePooling1D()(x)]
    x = layers.Concatenate()(pooled)
    if options.normalization == "layer":
        x = layers.LayerNormalization()(x)
    x = layers.Dropout(options.dropout)(x)
    return keras.Model(ids, layers.Dense(1, activation="sigmoid")(x))


if __name__ == "__main__":
    main()
