"""The supervised contrastive loss for metric learning."""

from __future__ import annotations

from typing import Any

from toxiclf._registry import register

_FAR = 1e9  # larger than every similarity


@register(
    "metric-learner", "supervised_contrastive", order=11, keys=("metric_temperature",),
    summary="Supervised contrastive loss (Khosla et al. 2020)",
)  # fmt: skip
def contrastive_loss(vectors: Any, classes: Any, temperature: float) -> Any:
    """Return the mean supervised contrastive loss of a batch (Khosla et al. 2020).

    It is their loss L_out, in which the mean over the rows of the same class is outside the logarithm.

    Parameters
    ----------
    vectors : unit vectors, (batch, size).
    classes : class of each row, (batch,).
    temperature : divisor of the cosine similarities.
    """
    from toxiclf.backend import tf

    itself = tf.eye(tf.shape(vectors)[0])
    likeness = tf.matmul(vectors, vectors, transpose_b=True) / temperature - _FAR * itself
    log_shares = tf.nn.log_softmax(likeness, axis=1)
    pairs = tf.cast(tf.equal(classes[:, None], classes[None, :]), tf.float32) - itself
    means = tf.reduce_sum(tf.where(pairs > 0, log_shares, 0.0), axis=1) / tf.maximum(tf.reduce_sum(pairs, axis=1), 1.0)
    return -tf.reduce_mean(means)
