"""A GAN that generates rows of the rarer class, and checks of them against real rows."""

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

from toxiclf.balance.resampling._two_sample import MOST_ROWS, Kernel, permuted, squared_distances, told_apart
from toxiclf.errors import DataError, UsageError

Floats = NDArray[np.float64]
_HELD_OUT = 0.2  # share of the rarer class that the GAN does not see
_FEWEST = 6
_BATCH = 64
_EVERY = 50  # steps between two looks at what is generated
_PATIENCE = 8  # looks without a better one, before it stops
_COLLAPSED = 0.25  # spread of generated rows as a share of the real ones' below which they are all alike
_POINTS = 500  # of the picture, of each kind


class WganSampler(BaseSampler):  # type: ignore[misc]  # imbalanced-learn has no types
    """Generate rows of the rarer class with a conditional Wasserstein GAN, as an imbalanced-learn sampler.

    Generator and critic learn from rows of both classes, as many of each in a batch, and are told the class: so the rarer class
    borrows what it has in common with the other (WGAN-GP: Gulrajani et al. 2017; conditions: Mirza and Osindero 2014). A fifth of
    the real rows of the rarer class is kept from them. By these rows it is seen when to stop: the generator is kept whose rows have
    the least maximum mean discrepancy from them (Gretton et al. 2012).

    Parameters
    ----------
    ratio : rows of the rarer class for each row of the other that there are to be, in (0, 1].
    steps : of the generator, at most.
    noise : random numbers from which a row is made.
    units : of the dense layers of generator and critic.
    critic_steps : of the critic for each of the generator.
    penalty : of the critic's gradient.
    learning_rate : of both.
    random_state : seed of everything random.

    Attributes
    ----------
    facts_ : what the check of generated rows came to, as JSON types: ``real``, ``held_out`` and ``generated`` rows; ``steps``
        taken, ``best_step``, and why it ``stopped``; ``auc`` with which a classifier tells generated from held-out real rows, by
        cross-validation (Lopez-Paz and Oquab 2017: .5 where it cannot), and ``auc_real`` with which it tells those that were
        trained on; ``mmd`` and its ``p_value`` by permutations; ``spread`` of the generated rows as a share of the real ones';
        ``nearest``, their median distance to the nearest row that was trained on as a share of the held-out rows';
        ``collapsed``, and the ``reason``; ``history`` of the discrepancy.
    picture_ : ``training``, ``held_out`` and ``generated`` rows, (n, 2) each, by principal components of the real ones.

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
    sampling_strategy = "auto"  # what BaseSampler reads; `ratio` says it

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
        """Original rows, then generated ones.

        Raises
        ------
        UsageError : there are more than two classes.
        DataError : a class has too few rows, they are all equal, the ratio is reached already, or training fell apart at once.
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
    """Standardized rows: of the rarer class those that are trained on and those held out, and the others.

    Attributes
    ----------
    training, held_out, others : float64 (n, width).
    mean, deviation : of the rows as they came, (width,).
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
        """In the numbers that the rows came in."""
        return np.asarray(rows * self.deviation + self.mean)


@dataclass
class _Trained:
    """A generator, and how it was trained.

    Attributes
    ----------
    call : noise (n, noise) to standardized rows of the rarer class.
    history : step and discrepancy at each look.
    apart : why training was given up, if it was.
    """

    call: Callable[[NDArray[np.float32]], Floats]
    noise: int
    history: list[dict[str, float]]
    best_step: int
    stopped: str
    apart: str = ""

    def generate(self, count: int, rng: np.random.Generator) -> Floats:
        """Rows of the rarer class, standardized."""
        return self.call(rng.standard_normal((count, self.noise)).astype(np.float32))

    def facts(self) -> dict[str, Any]:
        """How it was trained."""
        steps = int(self.history[-1]["step"]) if self.history else 0
        return {"steps": steps, "best_step": self.best_step, "stopped": self.stopped, "history": self.history}


def _trained(rows: _Rows, options: WganSampler, seed: int) -> _Trained:
    """Train until what is generated comes no nearer to the rows that were held out."""
    from toxiclf.backend import OPTIMIZERS, keras, seeded, tf  # TensorFlow takes seconds to load

    tf.config.experimental.enable_op_determinism()
    width = rows.training.shape[1]
    layers = keras.layers

    def dense(called: str, inputs: int, outputs: int) -> Any:
        # with names of its own: Keras numbers layers through, and TensorFlow adds gradients in an order that follows the names
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
    """Look at what is generated every so many steps; the best generator is kept."""
    looks = np.random.default_rng(seed).standard_normal((min(MOST_ROWS, 500), options.noise)).astype(np.float32)
    kernel = Kernel.of(np.concatenate([rows.training, rows.held_out]))
    history: list[dict[str, float]] = []
    best, best_step, weights, since, done = np.inf, 0, None, 0, 0
    stopped, apart = "all steps were taken", ""
    while done < options.steps:
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
    """What the check of generated rows comes to."""
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
    """Whether it collapsed, and why."""
    spread = facts["spread"]
    alike = spread is not None and spread < _COLLAPSED
    reason = apart or (f"generated rows vary only {spread:.0%} as much as real rows" if alike else "")
    return {"collapsed": bool(reason), "reason": reason}


def _picture(rows: _Rows, made: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Points of a picture."""
    flat = PCA(2, svd_solver="full").fit(rows.training) if min(rows.training.shape) > 1 else None

    def points(part: Floats) -> Floats:
        chosen = part[rng.permutation(len(part))[:_POINTS]]
        return (
            np.column_stack([chosen, np.zeros(len(chosen))])[:, :2]
            if flat is None
            else np.asarray(flat.transform(chosen))
        )

    return {"training": points(rows.training), "held_out": points(rows.held_out), "generated": points(made)}
