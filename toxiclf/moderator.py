"""Moderator: comments in, verdicts out. Needs the base install only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle import store
from toxiclf.bundle.manifest import Manifest
from toxiclf.bundle.scorer import Scorer
from toxiclf.errors import BundleError, ToxiclfError
from toxiclf.text.encoder import Encoded, TextEncoder
from toxiclf.text.normalize import Normalizer

_CHUNK = 256  # comments that are encoded at once


@dataclass(frozen=True, slots=True)
class LabelVerdict:
    """One label's part of a verdict: toxic where the score reaches the threshold, both in [0, 1]."""

    label: str
    score: float
    threshold: float
    is_toxic: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one comment: one entry a label, in the order of ``Moderator.labels``.

    Attributes
    ----------
    entries : one a label.
    truncated : a part of the comment was cut off before it was scored.
    no_known_tokens : nothing in the comment was seen in training, so the score is the model's default.
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
    """A loaded bundle. Safe to share between threads.

    Use :func:`toxiclf.load` to make one.
    """

    def __init__(self, manifest: Manifest, encoder: TextEncoder, scorer: Scorer) -> None:
        self.manifest = manifest
        self._encoder = encoder
        self._scorer = scorer
        views = {name.rpartition("_")[0] for name in scorer.inputs}
        if not views <= set(encoder.views) or scorer.columns != len(manifest.labels):
            raise BundleError("model.onnx, text.json and manifest.json do not belong together; train again")

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels, in the order of the columns of :meth:`score`."""
        return self.manifest.labels

    @property
    def normalizer(self) -> Normalizer:
        """What the model reads of a comment."""
        return self._encoder.normalizer

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """One threshold a label, float32 (n_labels,)."""
        return np.array(self.manifest.thresholds, dtype=np.float32)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score comments.

        Parameters
        ----------
        texts : any number of comments; any string is accepted.

        Returns
        -------
        float32 (len(texts), n_labels), calibrated, each in [0, 1]; ``(0, n_labels)`` for no texts.

        Raises
        ------
        TypeError : ``texts`` is one string, or holds something that is no string.
        """
        if isinstance(texts, str):
            raise TypeError("score takes a list of texts; write score([text]), or use check(text)")
        return self.manifest.calibration.apply(self.raw(texts))

    def raw(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The model's raw outputs, before calibration, float32 (len(texts), n_labels): any real numbers, higher is more toxic.

        Raises
        ------
        TypeError : something in ``texts`` is no string.
        """
        texts = list(texts)
        raw = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        at = 0
        for encoded in self._encoded(texts):
            raw[at : at + len(encoded)] = self._scorer.run(encoded)
            at += len(encoded)
        return raw

    @overload
    def check(self, texts: str) -> Verdict: ...  # type: ignore[overload-overlap]  # a string is a sequence of strings, too
    @overload
    def check(self, texts: Sequence[str]) -> list[Verdict]: ...
    def check(self, texts: str | Sequence[str]) -> Verdict | list[Verdict]:
        """Give a verdict on one comment, or a list of verdicts on several.

        Raises
        ------
        TypeError : something is no string.
        """
        if isinstance(texts, str):
            return self.check([texts])[0]
        thresholds = self.thresholds
        verdicts = []
        for encoded in self._encoded(list(texts)):
            scores = self._scores(encoded)
            toxic = scores >= thresholds
            for i in range(len(encoded)):
                entries = tuple(
                    LabelVerdict(*entry)
                    for entry in zip(
                        self.labels, scores[i].tolist(), thresholds.tolist(), toxic[i].tolist(), strict=True
                    )
                )
                verdicts.append(Verdict(entries, bool(encoded.truncated[i]), not encoded.known[i]))
        return verdicts

    def _encoded(self, texts: list[str]) -> Iterator[Encoded]:
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"comment {i} is {type(text).__name__}; expected a string")
        for begin in range(0, len(texts), _CHUNK):
            yield self._encoder.encode(texts[begin : begin + _CHUNK])

    def _scores(self, encoded: Encoded) -> NDArray[np.float32]:
        return self.manifest.calibration.apply(self._scorer.run(encoded))


def load(folder: str | os.PathLike[str], *, threads: int = 1) -> Moderator:
    """Load a bundle after verifying it.

    Parameters
    ----------
    folder : the ``bundle/`` folder of a run (or the run's folder).
    threads : threads inside one call of the model's graph; 1 gives the best latency of a single comment.

    Raises
    ------
    BundleError : the bundle is damaged, was changed, or is of a newer format; nothing of it was parsed before that was known.
    """
    manifest, files = store.read(Path(folder))
    try:
        encoder = TextEncoder.from_json(json.loads(files["text.json"]), json.loads(files["vocabulary.json"]))
    except ToxiclfError:
        raise
    except (ValueError, RecursionError) as error:
        raise BundleError(f"text.json or vocabulary.json does not fit its schema: {error}") from error
    return Moderator(manifest, encoder, Scorer(files["model.onnx"], threads))
