"""``WganSampler``: generates rows of the rarer class with a GAN, and compares them with real rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from imblearn.base import BaseSampler
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from toxiclf._progress import Bar
from toxiclf.balance.resampling._two_sample import MOST_ROWS, Kernel, permuted, squared_distances, told_apart
from toxiclf.errors import DataError, UsageError

Floats = NDArray[np.float64]
_HELD_OUT = 0.2  # share of the rows of the rarer class that is held out from training
_FEWEST = 6
_BATCH = 64
_EVERY = 50  # generator steps between two checks of generated rows
_PATIENCE = 8  # checks without improvement after which training stops
_COLLAPSED = 0.25  # the GAN collapsed if ``spread`` in ``facts_`` is below this
_POINTS = 500  # most points of each kind in the scatter plot


class WganSampler(BaseSampler):  # type: ignore[misc]  # imbalanced-learn has no types
    """An imbalanced-learn sampler that generates rows of the rarer class with a conditional Wasserstein GAN.

    Generator and critic are trained on rows of both classes, equally many in each batch, with the class as a condition.
    Thus, the rarer class benefits from what both classes have in common (WGAN-GP: Gulrajani et al. 2017; conditions:
    Mirza and Osindero 2014). A fifth of the real rows of the rarer class, at least two, is held out for early stopping:
    the sampler keeps the generator whose rows have the smallest maximum mean discrepancy from the held-out rows
    (Gretton et al. 2012).

    Parameters
    ----------
    ratio : number of rows of the rarer class for each row of the other class after resampling, in (0, 1].
    steps : largest number of training steps of the generator.
    noise : number of random inputs of the generator.
    units : sizes of the dense hidden layers, the same for generator and critic.
    critic_steps : training steps of the critic for each step of the generator.
    penalty : weight of the gradient penalty in the critic's loss.
    learning_rate : learning rate of generator and critic.
    random_state : random seed.

    Attributes
    ----------
    facts_ : results of training and of the comparison with real rows, as JSON types. ``real``, ``held_out``,
        ``generated``: numbers of rows of the rarer class. ``steps``, ``best_step``, ``stopped``: steps taken, the step
        of the kept generator, why training stopped. ``auc``: cross-validated ROC AUC of a classifier that separates
        generated from held-out rows, .5 if it cannot separate them (Lopez-Paz and Oquab 2017). ``auc_real``: the same
        for real training rows in place of generated rows. ``mmd``, ``p_value``: squared maximum mean discrepancy from
        the held-out rows, and its p value by a permutation test. ``spread``: how much generated rows vary (square root
        of their total variance), divided by how much real rows vary. ``nearest``: median distance of generated rows to
        the nearest training row, divided by the same median of held-out rows. ``collapsed``, ``reason``: whether the
        GAN collapsed, and why. ``history``: step and squared discrepancy of each check during training.
    picture_ : ``training``, ``held_out`` and ``generated`` rows of the rarer class as points of a scatter plot, (n, 2)
        each: the first two principal components of the training rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 4)).astype(np.float32), np.repeat([0, 1], [45, 15])
    >>> more, classes = WganSampler(steps=50, units=(16,), random_state=0).fit_resample(X, y)
    >>> np.bincount(classes), bool((more[:60] == X).all())
    (array([45, 45]), True)
    """

    _sampling_type = "over-sampling"
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "ratio": [Interval(Real, 0, 1, closed="right")],
        "steps": [Interval(Integral, 1, None, closed="left")],
        "noise": [Interval(Integral, 1, None, closed="left")],
        "units": ["array-like"],
        "critic_steps": [Interval(Integral, 1, None, closed="left")],
        "penalty": [Interval(Real, 0, None, closed="neither")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }
    sampling_strategy = "auto"  # BaseSampler reads it; here `ratio` takes its place

    def __init__(
        self, *, ratio: float = 1.0, steps: int = 1500, noise: int = 32, units: Sequence[int] = (128, 128),
        critic_steps: int = 3, penalty: float = 10.0, learning_rate: float = 5e-4,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:  # fmt: skip
        self.ratio = ratio
        self.steps = steps
        self.noise = noise
        self.units = units
        self.critic_steps = critic_steps
        self.penalty = penalty
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _fit_resample(self, X: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the given rows followed by the generated rows.

        Raises
        ------
        UsageError : there are more than two classes.
        DataError : a class has too few rows, all rows of the rarer class are equal, the ratio is already reached, or
            training diverged before the first check.
        """
        names, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        if len(names) != 2:
            raise UsageError(f"wgan needs two classes, but there are {len(names)}; use smote")
        rare = int(counts.argmin())
        wanted = int(self.ratio * counts.max()) - int(counts.min())
        if counts.min() < _FEWEST:
            raise DataError(
                f"wgan needs at least {_FEWEST} rows of each class, but a fit has only {counts.min()} of the "
                "rarer class; label more of them"
            )
        if wanted <= 0:
            raise DataError(
                "wgan has nothing to generate: the ratio of rarer-class rows to other rows is already at least "
                f"{self.ratio:g}; raise the ratio, or leave wgan out"
            )
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        rng = np.random.default_rng(seed)
        rows = _Rows.of(np.asarray(X, dtype=np.float64), codes == rare, rng)
        trained = _trained(rows, self, seed)
        made = trained.generate(wanted, rng)
        self.facts_ = {**_facts(rows, made, rng), **trained.facts()}
        self.facts_ |= _verdict(self.facts_, trained.apart)
        self.picture_ = _picture(rows, made, rng)
        more = rows.restored(made).astype(X.dtype)
        return np.concatenate([X, more]), np.concatenate([y, np.repeat(names[rare : rare + 1], wanted)])


@dataclass(frozen=True)
class _Rows:
    """Standardized rows, split into training and held-out rows of the rarer class and rows of the other class.

    Attributes
    ----------
    training, held_out, others : the three sets of rows, float64 (n, n_features) each.
    mean, deviation : mean and standard deviation before standardization, without the held-out rows, (n_features,).
    """

    training: Floats
    held_out: Floats
    others: Floats
    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, X: Floats, rare: NDArray[np.bool_], rng: np.random.Generator) -> _Rows:
        own = rng.permutation(np.flatnonzero(rare))
        held = max(2, round(_HELD_OUT * len(own)))
        if np.ptp(X[own], axis=0).max() == 0:
            raise DataError(
                f"wgan needs rows that differ, but all {len(own)} rows of the rarer class are the same; label "
                "other comments"
            )
        seen = np.concatenate([X[own[held:]], X[~rare]])
        mean, deviation = seen.mean(axis=0), seen.std(axis=0)
        deviation = np.where(deviation > 1e-8, deviation, 1.0)
        training, held_out, others = ((part - mean) / deviation for part in (X[own[held:]], X[own[:held]], X[~rare]))
        return cls(training, held_out, others, mean, deviation)

    def restored(self, rows: Floats) -> Floats:
        """Undo the standardization of rows."""
        return np.asarray(rows * self.deviation + self.mean)


@dataclass
class _Trained:
    """A trained generator with its training history.

    Attributes
    ----------
    call : function from noise, (n, noise), to standardized rows of the rarer class, (n, n_features).
    noise : number of random inputs of the generator.
    history : for each check during training, the step and the squared discrepancy from the held-out rows.
    best_step : step of the kept generator.
    stopped : why training stopped.
    apart : how training diverged; empty if it did not.
    """

    call: Callable[[NDArray[np.float32]], Floats]
    noise: int
    history: list[dict[str, float]]
    best_step: int
    stopped: str
    apart: str = ""

    def generate(self, count: int, rng: np.random.Generator) -> Floats:
        """Generate standardized rows of the rarer class, (count, n_features)."""
        return self.call(rng.standard_normal((count, self.noise)).astype(np.float32))

    def facts(self) -> dict[str, Any]:
        """Return the part of ``WganSampler.facts_`` about training."""
        steps = int(self.history[-1]["step"]) if self.history else 0
        return {"steps": steps, "best_step": self.best_step, "stopped": self.stopped, "history": self.history}


def _trained(rows: _Rows, options: WganSampler, seed: int) -> _Trained:
    """Train a GAN until generated rows come no closer to the held-out rows; return the best generator."""
    from toxiclf.backend import OPTIMIZERS, keras, seeded, tf  # TensorFlow takes seconds to load

    tf.config.experimental.enable_op_determinism()
    width = rows.training.shape[1]
    layers = keras.layers

    def dense(called: str, inputs: int, outputs: int) -> Any:
        # fixed names: Keras's automatic names count up, and TensorFlow adds gradients in an order that depends on them
        x = given = keras.Input((inputs,), name=f"{called}_given")
        for i, units in enumerate(options.units):
            x = layers.LeakyReLU(0.2, name=f"{called}_{i}_leaky")(layers.Dense(units, name=f"{called}_{i}")(x))
        return keras.Model(given, layers.Dense(outputs, name=f"{called}_last")(x), name=called)

    with seeded(seed):
        generator, critic = dense("generator", options.noise + 1, width), dense("critic", width + 1, 1)
        movers = [OPTIMIZERS["adam"](options.learning_rate, beta_1=0.5, beta_2=0.9) for _ in range(2)]
        for mover, network in zip(movers, (generator, critic), strict=True):
            mover.build(network.trainable_variables)
        real = [tf.constant(part, tf.float32) for part in (rows.others, rows.training)]
        half = _BATCH // 2
        conditions = tf.constant(np.repeat([[0.0], [1.0]], half, axis=0), tf.float32)
        draws = tf.random.Generator.from_seed(seed)

        def fake() -> Any:
            return generator(tf.concat([draws.normal([2 * half, options.noise]), conditions], axis=1))

        def judged(given: Any) -> Any:
            return critic(tf.concat([given, conditions], axis=1))

        def critic_step() -> Any:
            chosen = [tf.gather(part, draws.uniform([half], 0, len(part), tf.int32)) for part in real]
            genuine, made = tf.concat(chosen, axis=0), fake()
            share = draws.uniform([2 * half, 1])
            with tf.GradientTape() as tape:
                between = share * genuine + (1 - share) * made
                with tf.GradientTape() as inner:
                    inner.watch(between)
                    scores = judged(between)
                slopes = tf.sqrt(tf.reduce_sum(inner.gradient(scores, between) ** 2, axis=1) + 1e-12)
                loss = tf.reduce_mean(judged(made)) - tf.reduce_mean(judged(genuine))
                loss += options.penalty * tf.reduce_mean((slopes - 1.0) ** 2)
            movers[1].apply(tape.gradient(loss, critic.trainable_variables), critic.trainable_variables)
            return loss

        @tf.function  # type: ignore[untyped-decorator]  # TensorFlow has no types
        def train(steps: Any) -> Any:
            loss = 0.0
            for _ in tf.range(steps):
                for _ in range(options.critic_steps):
                    loss = critic_step()
                with tf.GradientTape() as tape:
                    gain = -tf.reduce_mean(judged(fake()))
                movers[0].apply(tape.gradient(gain, generator.trainable_variables), generator.trainable_variables)
                loss += gain
            return loss

        def generate(noise: NDArray[np.float32]) -> Floats:
            given = np.concatenate([noise, np.ones((len(noise), 1), dtype=np.float32)], axis=1)
            return np.asarray(generator(given, training=False), dtype=np.float64)

        return _watched(rows, options, seed, generator, train, generate)


def _watched(
    rows: _Rows, options: WganSampler, seed: int, generator: Any, train: Callable[[Any], Any],
    generate: Callable[[NDArray[np.float32]], Floats],
) -> _Trained:  # fmt: skip
    """Train in parts of 50 steps, check generated rows after each part, and return the best generator.

    Training stops early if eight checks in a row bring no improvement. ``train`` takes a number of steps and returns
    the loss. ``generate`` makes standardized rows of the rarer class from noise.
    """
    looks = np.random.default_rng(seed).standard_normal((min(MOST_ROWS, 500), options.noise)).astype(np.float32)
    kernel = Kernel.of(np.concatenate([rows.training, rows.held_out]))
    history: list[dict[str, float]] = []
    best, best_step, weights, since, done = np.inf, 0, None, 0, 0
    stopped, apart = "all steps were taken", ""
    progress = Bar("wgan", options.steps, drawn=False)
    while done < options.steps:
        progress.update(done)
        count = min(_EVERY, options.steps - done)
        loss = float(train(np.int32(count)))
        done += count
        made = generate(looks)
        if not (np.isfinite(loss) and np.isfinite(made).all()):
            stopped = apart = f"training diverged by step {done} with values that are NaN or infinite"
            break
        distance = kernel.discrepancy(made, rows.held_out)
        history.append({"step": done, "discrepancy": round(distance, 6)})
        since += 1
        if distance < best:
            best, best_step, weights, since = distance, done, generator.get_weights(), 0
        if since >= _PATIENCE:
            stopped = f"generated rows did not get closer to held-out rows for {_PATIENCE * _EVERY} steps"
            break
    if weights is None:
        raise DataError(f"wgan: {stopped}; lower balance.gan_learning_rate, or use smote")
    generator.set_weights(weights)
    return _Trained(generate, options.noise, history, best_step, stopped, apart)


def _facts(rows: _Rows, made: Floats, rng: np.random.Generator) -> dict[str, Any]:
    """Compare the generated rows ``made`` with real rows; return this part of ``WganSampler.facts_``."""
    few = made[rng.permutation(len(made))[:MOST_ROWS]]
    held, training = rows.held_out[:MOST_ROWS], rows.training[:MOST_ROWS]
    kernel = Kernel.of(np.concatenate([rows.training, rows.held_out]))
    mmd, p_value = permuted(kernel, few[: max(2 * len(held), 20)], held, rng)
    real = np.concatenate([training, held])
    spread = float(np.sqrt(few.var(axis=0).sum() / max(real.var(axis=0).sum(), 1e-12))) if len(few) > 1 else None
    own, theirs = (np.sqrt(squared_distances(part, rows.training).min(axis=1)) for part in (few, held))
    return {
        "real": len(rows.training) + len(rows.held_out),
        "held_out": len(rows.held_out),
        "generated": len(made),
        "auc": told_apart(few, held, rng),
        "auc_real": told_apart(training, held, rng),
        "mmd": round(mmd, 6),
        "p_value": round(p_value, 4),
        "spread": None if spread is None else round(spread, 4),
        "nearest": round(float(np.median(own) / max(np.median(theirs), 1e-12)), 4),
    }


def _verdict(facts: dict[str, Any], apart: str) -> dict[str, Any]:
    """Return ``collapsed`` (whether training diverged or generated rows vary too little) and ``reason`` (a sentence).

    ``reason`` is empty if the GAN did not collapse. ``apart`` says how training diverged; it is empty if it did not.
    """
    spread = facts["spread"]
    alike = spread is not None and spread < _COLLAPSED
    reason = apart or (f"generated rows vary only {spread:.0%} as much as real rows" if alike else "")
    return {"collapsed": bool(reason), "reason": reason}


def _picture(rows: _Rows, made: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Return the points of ``WganSampler.picture_``, at most 500 of each kind."""
    flat = PCA(2, svd_solver="full").fit(rows.training) if min(rows.training.shape) > 1 else None

    def points(part: Floats) -> Floats:
        chosen = part[rng.permutation(len(part))[:_POINTS]]
        return (
            np.column_stack([chosen, np.zeros(len(chosen))])[:, :2]
            if flat is None
            else np.asarray(flat.transform(chosen))
        )

    return {"training": points(rows.training), "held_out": points(rows.held_out), "generated": points(made)}
