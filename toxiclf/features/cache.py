"""Cache of tokens, word vectors and n-grams on disk, which is shared by runs on the same rows."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from toxiclf._files import write_bytes
from toxiclf.embeddings.word_vectors import WordVectors
from toxiclf.recipe import VectorsSection
from toxiclf.text.tokenizers import Tokenizer
from toxiclf.text.vocabulary import NgramVocabulary, Unit

T = TypeVar("T")
_FORM = 1  # version of the cache files


class FeatureCache:
    """Cache of tokens, word vectors and n-grams in a folder; without a folder, they are computed each time.

    Attributes
    ----------
    seconds : seconds that it once took to compute what this run has read from the cache. They are added to the
        run's time, so that the time does not depend on whether the cache was used.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self.seconds = 0.0

    def tokens(self, texts: Sequence[str], engine: Tokenizer, workers: int) -> list[list[str]]:
        """Return the tokens of each preprocessed text, from the cache or made on up to ``workers`` cores."""
        facts = [engine.name, engine.version, engine.part_of_speech, engine.typo_correction]
        return self._once("tokens", [facts, list(texts)], lambda: engine.tokenize(texts, workers=workers), _Lists)

    def vectors(self, tokens: Sequence[Sequence[str]], options: VectorsSection, seed: int) -> WordVectors:
        """Return word vectors that are trained on the tokens of the training rows."""
        from toxiclf.embeddings.pretrain import vectors_of_rows

        content = [options.model_dump(mode="json"), seed, [list(row) for row in tokens]]
        return self._once("vectors", content, lambda: vectors_of_rows(tokens, options, seed), _Vectors)

    def ngrams(self, texts: Sequence[str], unit: Unit, high: int, min_comments: int) -> NgramVocabulary:
        """Return the n-grams of 1 to ``high`` units that occur in at least ``min_comments`` training rows."""
        content = [unit, high, min_comments, list(texts)]
        return self._once("ngrams", content, lambda: NgramVocabulary.learn(texts, unit, 1, high, min_comments), _Ngrams)

    def _once(self, kind: str, content: object, make: Callable[[], T], form: Any) -> T:
        if self._folder is None:
            return make()
        digest = hashlib.sha256(json.dumps([_FORM, _versions(), kind, content]).encode()).hexdigest()[:32]
        from safetensors import SafetensorError

        path = self._folder / f"{kind}-{digest}"
        try:
            made: T
            seconds, made = form.load(path)
            self.seconds += seconds
            return made
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            SafetensorError,
        ):  # missing or damaged: it is computed again
            pass
        began = time.perf_counter()
        made = make()
        seconds = time.perf_counter() - began
        with suppress(OSError):  # for example, the disk is full: the next run computes it again
            self._folder.mkdir(parents=True, exist_ok=True)
            write_bytes(path, form.packed(seconds, made))
        return made


@cache
def _versions() -> list[str]:
    """Return the versions of toxiclf, NumPy and gensim, which the cached content depends on."""
    return [metadata.version(name) for name in ("toxiclf", "numpy", "gensim")]


class _Lists:
    @staticmethod
    def load(path: Path) -> tuple[float, list[list[str]]]:
        content = json.loads(path.read_text("utf-8"))
        return content["seconds"], content["tokens"]

    @staticmethod
    def packed(seconds: float, tokens: list[list[str]]) -> bytes:
        return json.dumps({"seconds": seconds, "tokens": tokens}).encode()


class _Ngrams:
    @staticmethod
    def load(path: Path) -> tuple[float, NgramVocabulary]:
        content = json.loads(path.read_text("utf-8"))
        return content["seconds"], NgramVocabulary(
            content["unit"], {int(n): text for n, text in content["ngrams"].items()}
        )

    @staticmethod
    def packed(seconds: float, vocabulary: NgramVocabulary) -> bytes:
        ngrams = {str(n): text for n, text in vocabulary.ngrams.items()}
        return json.dumps({"seconds": seconds, "unit": vocabulary.unit, "ngrams": ngrams}).encode()


class _Vectors:
    @staticmethod
    def load(path: Path) -> tuple[float, WordVectors]:
        from safetensors.numpy import load

        arrays = load(path.read_bytes())
        facts = json.loads(arrays["facts"].tobytes().decode())
        return facts["seconds"], WordVectors(
            facts["tokens"], arrays["matrix"], arrays["frequencies"], origin=facts["origin"]
        )

    @staticmethod
    def packed(seconds: float, vectors: WordVectors) -> bytes:
        from safetensors.numpy import save

        facts = json.dumps({"seconds": seconds, "tokens": list(vectors.tokens), "origin": dict(vectors.origin)})
        arrays = {
            "facts": np.frombuffer(facts.encode(), dtype=np.uint8), "matrix": np.ascontiguousarray(vectors.matrix),
            "frequencies": np.ascontiguousarray(vectors.frequencies),
        }  # fmt: skip
        content: bytes = save(arrays)
        return content
