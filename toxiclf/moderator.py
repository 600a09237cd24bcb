"""The moderator, which scores comments with a trained model and decides about them; it needs only the base install."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from textwrap import shorten
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle import store
from toxiclf.bundle.manifest import Manifest
from toxiclf.bundle.ngram_sums import NgramSums
from toxiclf.bundle.prevalence import Prior, in_words
from toxiclf.bundle.scorer import Scorer
from toxiclf.bundle.strict_json import parsed
from toxiclf.bundle.verdicts import class_scores, flags
from toxiclf.errors import BundleError, ToxiclfError, visible
from toxiclf.text.chunks import chunks
from toxiclf.text.encoder import TextEncoder
from toxiclf.text.given import given_texts, path_given, whole_number
from toxiclf.text.normalize import Normalizer
from toxiclf.text.occlusion import occluded, strongest
from toxiclf.verdict import LabelVerdict, Verdict

T = TypeVar("T")
_COMMENTS, _CHARACTERS = 1024, 2**17  # limits of a chunk; in a larger chunk, batches have more similar lengths
_EXPLAINED = 32  # limit of a chunk whose verdicts are explained, each by up to some 120 comments


class Moderator:
    """A trained model that scores comments and decides whether they are toxic; threads may share it.

    It can be pickled and copied, so joblib, Ray and Spark can send it to other processes. A pickle holds the manifest,
    the vocabulary and the graph, which are verified again when it is loaded. Load only pickles that you made yourself:
    like any pickle, one that was changed can run code. To give a model away, give its bundle.

    See Also
    --------
    toxiclf.load : creates a moderator from a bundle.
    toxiclf.TrainedModel.moderator : the moderator of a model that was just trained.
    """

    def __init__(
        self, manifest: Manifest, encoder: TextEncoder, scorer: Scorer, threads: int = 1, prior: Prior | None = None
    ) -> None:
        self.manifest = manifest if prior is None else manifest.at(prior)
        self._encoder = encoder
        self._scorer = scorer
        self._threads = threads
        self._thresholds: NDArray[np.float32] = np.array(manifest.thresholds, dtype=np.float32)
        self._thresholds.flags.writeable = False
        self._calibrated = self.manifest.calibration.function()
        views = {name.rpartition("_")[0] for name in scorer.inputs}
        if not views <= set(encoder.views) or scorer.columns != len(manifest.labels):
            raise BundleError("model.onnx, text.json and manifest.json do not belong together; train again")
        self._sums = NgramSums.of(scorer, encoder.views)
        if self._sums is None:
            scorer.session()  # a graph that cannot be loaded is an error now, not at the first comment
        else:
            self._sums([""])

    def with_manifest(self, manifest: Manifest) -> Moderator:
        """Return a moderator with the same model and another calibration and thresholds."""
        return type(self)(manifest, self._encoder, self._scorer, self._threads)

    def __reduce__(self) -> tuple[Callable[..., Moderator], tuple[Any, ...]]:
        """Pickle or copy what a bundle holds, because neither MeCab nor ONNX Runtime can be pickled."""
        return _restored, (self.manifest.to_bytes(), *self._encoder.to_json(), self._scorer.graph, self._threads)

    def __repr__(self) -> str:
        manifest = self.manifest
        if manifest.arg_max:
            decided = "the highest score of " + ", ".join((str(manifest.negative), *self.labels))
        else:
            bounds = zip(self.labels, manifest.thresholds, strict=True)
            decided = ", ".join(f"{label} from {threshold:.3f}" for label, threshold in bounds)
        if self.prior is not None:
            decided += f"; {in_words(self.prior)}"
        return f"<Moderator of {manifest.model}: {shorten(visible(decided), 300, placeholder=' …')}>"

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels, in the order of the columns of :meth:`score`."""
        return self.manifest.labels

    @property
    def prior(self) -> dict[str, float] | None:
        """Production prevalence of each label, to which scores are corrected; None if scores are not corrected."""
        return self.manifest.production_prevalence

    @property
    def normalizer(self) -> Normalizer:
        """Normalizer that the model applies to each comment."""
        return self._encoder.normalizer

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the position (start, end) of each token of a normalized text; the character at ``end`` is excluded.

        The model's tokenizer finds the tokens. If the model takes n-grams, MeCab does.
        """
        return self._encoder.spans(*given_texts([text]))

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """Decision threshold of each label, float32 (n_labels,), read-only; ``toxiclf.load`` takes other thresholds."""
        return self._thresholds

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return calibrated scores of comments.

        Parameters
        ----------
        texts : sequence of str
            Comments in a list, tuple, generator, Series or array; any number of them, and any strings.

        Returns
        -------
        array of float32, shape (len(texts), n_labels)
            Calibrated scores in [0, 1].

        Raises
        ------
        TextsError
            ``texts`` is a single string, a table, a mapping or a set, or holds a value that is not a string. It is also
            a TypeError.
        """
        return self._calibrated(self.raw(texts))

    def raw(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the model's outputs for comments, before calibration.

        Returns
        -------
        array of float32, shape (len(texts), n_labels)
            Real numbers; higher is more toxic.

        Raises
        ------
        TextsError
            As :meth:`score`.
        """
        parts = self._in_chunks(lambda chunk: self._run(chunk)[0], given_texts(texts))
        return np.concatenate([np.empty((0, len(self.labels)), dtype=np.float32), *parts])

    @overload
    def check(self, texts: str, *, explain: bool = False) -> Verdict: ...  # type: ignore[overload-overlap]  # a string is a sequence of strings, too
    @overload
    def check(self, texts: Sequence[str], *, explain: bool = False) -> list[Verdict]: ...
    def check(self, texts: str | Sequence[str], *, explain: bool = False) -> Verdict | list[Verdict]:
        """Decide whether comments are toxic: whether the score of at least one label reaches its threshold.

        If labels exclude each other, the class with the highest score is the verdict, unless the model was trained with
        ``decision.exclusive = "thresholds"``.

        Parameters
        ----------
        texts : str or sequence of str
            One comment, or any number of them in a list, tuple, generator, Series or array.
        explain : bool
            Whether verdicts name the tokens that raise or lower each score, in ``tokens`` of each entry. A token's
            effect is the score minus the score without the token (occlusion), as in the report. A comment of n tokens
            then costs about as much as n comments, and a long one at most as much as some 120.

        Returns
        -------
        Verdict or list of Verdict
            One verdict for a string, a list of verdicts for a sequence.

        Raises
        ------
        TextsError
            ``texts`` is a table, a mapping or a set, or holds a value that is not a string. It is also a TypeError.
        """
        if isinstance(texts, str):
            return self.check([texts], explain=explain)[0]
        if explain:
            parts = self._in_chunks(self._explained, given_texts(texts), _EXPLAINED)
        else:
            parts = self._in_chunks(self._verdicts, given_texts(texts))
        return [verdict for part in parts for verdict in part]

    def _explained(self, texts: Sequence[str]) -> list[Verdict]:
        normalized = [self.normalizer.with_offsets(text) for text in texts]
        effects = occluded([n.text for n in normalized], self.normalizer, self.spans, self._scores)
        return [
            replace(
                verdict,
                entries=tuple(
                    replace(entry, tokens=strongest(comment, j, text, n)) for j, entry in enumerate(verdict.entries)
                ),
            )
            for verdict, comment, text, n in zip(self._verdicts(texts), effects, texts, normalized, strict=True)
        ]

    def _scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return calibrated scores, computed in the calling thread."""
        parts = chunks(texts, characters=_CHARACTERS, comments=_COMMENTS)
        raw = [self._run(part)[0] for part in parts]
        return self._calibrated(np.concatenate([np.empty((0, len(self.labels)), np.float32), *raw]))

    def _run(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the outputs for a chunk of comments, and for each whether it was cut and has a known token or n-gram."""
        preprocessed, truncated = self._encoder.preprocessor.batch(texts)
        if self._sums is not None:
            raw, known = self._sums(preprocessed)
            return raw, truncated, known
        encoded = self._encoder.encode_preprocessed(preprocessed, truncated)
        return self._scorer.run(encoded), encoded.truncated, encoded.known

    def _verdicts(self, texts: Sequence[str]) -> list[Verdict]:
        raw, truncated, known = self._run(texts)
        scores = self._calibrated(raw)
        labels, thresholds = self.labels, self.thresholds
        arg_max = self.manifest.arg_max
        bounds: list[float | None] = [None] * len(labels) if arg_max else thresholds.tolist()
        names: list[str | None] = [None] * len(scores)
        if arg_max:
            classes = [self.manifest.negative, *labels]
            names = [classes[number] for number in class_scores(scores).argmax(axis=1).tolist()]
        columns = (scores, flags(scores, thresholds, arg_max=arg_max), truncated, ~known)
        return [
            Verdict(tuple(map(LabelVerdict, labels, row, bounds, toxic)), truncated, unknown, name)
            for row, toxic, truncated, unknown, name in zip(
                *(column.tolist() for column in columns), names, strict=True
            )
        ]

    def _in_chunks(self, work: Callable[[Sequence[str]], T], texts: list[str], comments: int = _COMMENTS) -> list[T]:
        """Call ``work`` on each chunk of the comments, in the moderator's threads, and return the results in order."""
        if self._threads > 1 and self._sums and len(texts) > comments:
            # equal shares for threads; not for networks, whose last bits may depend on the chunk
            rounds = ceil(len(texts) / comments / self._threads)
            comments = ceil(len(texts) / rounds / self._threads)
        parts = list(chunks(texts, characters=_CHARACTERS, comments=comments))
        threads = min(self._threads, len(parts))
        if threads < 2:
            return [work(part) for part in parts]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:  # waits for its threads at the end
            return list(pool.map(work, parts))  # after an error or Ctrl-C, chunks not yet begun are skipped


def _restored(manifest: bytes, text: Any, vocabulary: Any, graph: bytes, threads: int) -> Moderator:
    """Return the moderator of a pickle or a copy; seal, schema and the graph's checksum are verified as in a bundle."""
    checked = Manifest.from_bytes(manifest)
    store.verify("model.onnx", graph, checked.files["model.onnx"])
    return Moderator(checked, TextEncoder.from_json(text, vocabulary), Scorer(graph), threads)


def load(
    folder: str | os.PathLike[str],
    *,
    threads: int = 1,
    prior: Prior | None = None,
    thresholds: float | Mapping[str, float] | None = None,
) -> Moderator:
    """Verify a bundle and return its moderator.

    Parameters
    ----------
    folder : str or path
        The ``bundle/`` folder of a run, the run's folder, or a file that :func:`toxiclf.pack` wrote.
    threads : int
        Number of threads that share the work, in chunks of up to 1,024 comments; a small batch uses one thread.
    prior : float, mapping or None
        Production prevalence, to which scores are corrected: the share of toxic comments in production, such as 0.02
        for 2 %, or a share by label. Thresholds stay the same; ``decision.prior`` in training adapts them, too. With
        None, and for labels that are not named, scores keep the prevalence that the bundle was trained for.
    thresholds : float, mapping or None
        Decision thresholds in [0, 1] that replace those of the bundle: one for all labels, or a threshold by label.
        Labels that are not named keep theirs. Exclusive labels then get their verdicts by thresholds, not by the highest
        score.

    Returns
    -------
    Moderator

    Raises
    ------
    UsageError
        ``threads`` is not a whole number of at least 1, ``folder`` is no path, the prior does not fit the bundle's
        labels or its calibration, or a threshold is wrong.
    BundleError
        The bundle is missing or damaged, was changed, or has a newer format. Each file is verified before it is parsed.

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
    threads = whole_number(threads, "threads", 1)
    manifest, files = store.read(path_given(folder, "folder", "the path of a bundle"), card=False)
    try:
        encoder = TextEncoder.from_json(*(parsed(name, files[name]) for name in ("text.json", "vocabulary.json")))
    except ToxiclfError:
        raise
    except (ValueError, RecursionError) as error:
        raise BundleError(f"text.json or vocabulary.json does not fit its schema: {error}") from error
    if thresholds is not None:
        manifest = manifest.with_thresholds(thresholds)
    return Moderator(manifest, encoder, Scorer(files["model.onnx"]), threads, prior)
