"""Moderator: comments in, verdicts out. Needs the base install only."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle import store
from toxiclf.bundle.manifest import Manifest
from toxiclf.bundle.prevalence import Prior
from toxiclf.bundle.scorer import Scorer
from toxiclf.errors import BundleError, ToxiclfError
from toxiclf.text.chunks import chunks
from toxiclf.text.encoder import TextEncoder
from toxiclf.text.normalize import Normalizer

T = TypeVar("T")
_COMMENTS, _CHARACTERS = 1024, 2**17  # that are encoded at once; of many comments, more are of like length


@dataclass(frozen=True, slots=True)
class LabelVerdict:
    """The verdict on one label of a comment.

    Attributes
    ----------
    label : str
        Name of the label.
    score, threshold : float
        Both in [0, 1].
    is_toxic : bool
        Whether the score reaches the threshold.
    """

    label: str
    score: float
    threshold: float
    is_toxic: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one comment; ``verdict["toxic"]`` is that on one label.

    Attributes
    ----------
    entries : tuple of LabelVerdict
        One a label, in the order of ``Moderator.labels``.
    truncated : bool
        Whether the end of the comment was cut off before it was scored.
    no_known_tokens : bool
        Whether nothing in the comment was seen in training; the score is then the model's default.
    """

    entries: tuple[LabelVerdict, ...]
    truncated: bool
    no_known_tokens: bool

    @property
    def is_toxic(self) -> bool:
        """Whether any label is toxic."""
        return any(entry.is_toxic for entry in self.entries)

    @property
    def score(self) -> float:
        """The highest score of any label."""
        return max(entry.score for entry in self.entries)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that are toxic."""
        return tuple(entry.label for entry in self.entries if entry.is_toxic)

    def __getitem__(self, label: str) -> LabelVerdict:
        for entry in self.entries:
            if entry.label == label:
                return entry
        raise KeyError(f"{label!r}; the labels are {', '.join(entry.label for entry in self.entries)}")

    def as_dict(self) -> dict[str, Any]:
        """The verdict as plain JSON types."""
        return {
            "is_toxic": self.is_toxic,
            "labels": [asdict(entry) for entry in self.entries],
            "truncated": self.truncated,
            "no_known_tokens": self.no_known_tokens,
        }


class Moderator:
    """A trained model that scores comments; threads may share it. :func:`toxiclf.load` makes one.

    See Also
    --------
    toxiclf.load : reads a bundle.
    toxiclf.TrainedModel.moderator : the same of a model that was just trained.
    """

    def __init__(
        self, manifest: Manifest, encoder: TextEncoder, scorer: Scorer, threads: int = 1, prior: Prior | None = None
    ) -> None:
        self.manifest = manifest if prior is None else manifest.at(prior)
        self._encoder = encoder
        self._scorer = scorer
        self._threads = threads
        views = {name.rpartition("_")[0] for name in scorer.inputs}
        if not views <= set(encoder.views) or scorer.columns != len(manifest.labels):
            raise BundleError("model.onnx, text.json and manifest.json do not belong together; train again")

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels, in the order of the columns of :meth:`score`."""
        return self.manifest.labels

    @property
    def prior(self) -> dict[str, float] | None:
        """The production prevalence of each label, which scores are corrected to; None where they are left as calibrated."""
        return self.manifest.production_prevalence

    @property
    def normalizer(self) -> Normalizer:
        """The normalizer of the model's text."""
        return self._encoder.normalizer

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Half-open spans of the tokens of one normalized text; MeCab's, where the model takes n-grams."""
        return self._encoder.spans(text)

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """One threshold a label, float32 (n_labels,)."""
        return np.array(self.manifest.thresholds, dtype=np.float32)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score comments.

        Parameters
        ----------
        texts : sequence of str
            Any number of comments; any string is accepted.

        Returns
        -------
        array of float32, shape (len(texts), n_labels)
            Calibrated scores in [0, 1].

        Raises
        ------
        TypeError
            ``texts`` is one string, or holds something that is no string.
        """
        if isinstance(texts, str):
            raise TypeError("score takes a list of texts; write score([text]), or use check(text)")
        return self.manifest.calibration.apply(self.raw(texts))

    def raw(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The model's outputs before calibration.

        Returns
        -------
        array of float32, shape (len(texts), n_labels)
            Any real numbers; higher is more toxic.

        Raises
        ------
        TypeError
            Something in ``texts`` is no string.
        """
        parts = self._in_chunks(lambda chunk: self._scorer.run(self._encoder.encode(chunk)), list(texts))
        return np.concatenate([np.empty((0, len(self.labels)), dtype=np.float32), *parts])

    @overload
    def check(self, texts: str) -> Verdict: ...  # type: ignore[overload-overlap]  # a string is a sequence of strings, too
    @overload
    def check(self, texts: Sequence[str]) -> list[Verdict]: ...
    def check(self, texts: str | Sequence[str]) -> Verdict | list[Verdict]:
        """Decide by the thresholds whether comments are toxic.

        Parameters
        ----------
        texts : str or sequence of str
            One comment, or any number of them.

        Returns
        -------
        Verdict or list of Verdict
            A list where a list was given.

        Raises
        ------
        TypeError
            Something is no string.
        """
        if isinstance(texts, str):
            return self.check([texts])[0]
        return [verdict for part in self._in_chunks(self._verdicts, list(texts)) for verdict in part]

    def _verdicts(self, texts: Sequence[str]) -> list[Verdict]:
        encoded = self._encoder.encode(texts)
        scores = self.manifest.calibration.apply(self._scorer.run(encoded))
        labels, thresholds = self.labels, self.thresholds
        bounds: list[float] = thresholds.tolist()
        columns = (scores, scores >= thresholds, encoded.truncated, ~encoded.known)
        return [
            Verdict(tuple(map(LabelVerdict, labels, row, bounds, toxic)), truncated, unknown)
            for row, toxic, truncated, unknown in zip(*(column.tolist() for column in columns), strict=True)
        ]

    def _in_chunks(self, work: Callable[[Sequence[str]], T], texts: list[str]) -> list[T]:
        """What the work gives for each chunk of the comments, in their order; done by as many threads as the moderator has."""
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"comment {i} is {type(text).__name__}; expected a string")
        parts = list(chunks(texts, characters=_CHARACTERS, comments=_COMMENTS))
        threads = min(self._threads, len(parts))
        if threads < 2:
            return [work(part) for part in parts]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:  # all threads have ended when it is left
            return list(pool.map(work, parts))  # after an error or Ctrl-C, chunks that were not begun are dropped


def load(folder: str | os.PathLike[str], *, threads: int = 1, prior: Prior | None = None) -> Moderator:
    """Load a bundle after verifying it.

    Parameters
    ----------
    folder : str or path
        The ``bundle/`` folder of a run, or the run's folder.
    threads : int
        Number of threads that share a batch of thousands of comments; smaller batches use one.
    prior : float, mapping or None
        Production prevalence: the share of comments in production that are toxic, such as 0.02 for 2 %; by label if there are
        several. Scores are corrected to it; thresholds stay (``decision.prior`` in training tunes them, too). None, and a label
        that is not named, keep the prevalence that the bundle was trained for.

    Returns
    -------
    Moderator

    Raises
    ------
    UsageError
        The prior does not fit the bundle.
    BundleError
        The bundle is damaged, was changed, or has a newer format. Nothing of it is parsed before it is verified.

    Examples
    --------
    >>> import tempfile, toxiclf
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = toxiclf.train("corpus:sample").save(folder)
    ...     moderator = toxiclf.load(run / "bundle")
    >>> moderator.check("꺼져 이 멍청한 새끼야").is_toxic
    True
    >>> moderator.score(["오늘도 좋은 하루 되세요", "꺼져 이 멍청한 새끼야"]).shape
    (2, 1)
    """
    manifest, files = store.read(Path(folder))
    try:
        encoder = TextEncoder.from_json(json.loads(files["text.json"]), json.loads(files["vocabulary.json"]))
    except ToxiclfError:
        raise
    except (ValueError, RecursionError) as error:
        raise BundleError(f"text.json or vocabulary.json does not fit its schema: {error}") from error
    return Moderator(manifest, encoder, Scorer(files["model.onnx"]), threads, prior)
