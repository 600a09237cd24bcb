"""Word vectors: train with gensim, keep as safetensors and JSON (no pickle)."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from toxiclf.cache import cache_folder
from toxiclf.corpus.reading import read_texts
from toxiclf.errors import DataError
from toxiclf.recipe import VectorsSection
from toxiclf.text import normalize
from toxiclf.text.normalize import Normalizer
from toxiclf.text.tokenizers import Tokenizer

_CHUNK = 2048
Say = Callable[[str], None]


@dataclass(frozen=True)
class WordVectors:
    """Vectors of tokens.

    Attributes
    ----------
    tokens : in order of falling frequency.
    matrix : float32 (len(tokens), size).
    frequencies : share of each token among all tokens seen, float64 (len(tokens),).
    """

    tokens: list[str]
    matrix: NDArray[np.float32]
    frequencies: NDArray[np.float64]

    def save(self, folder: Path) -> None:
        """Write the vectors to a folder, atomically; a folder that is already there stays as it is."""
        from safetensors.numpy import save_file

        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            save_file({"matrix": self.matrix, "frequencies": self.frequencies}, temporary / "vectors.safetensors")
            (temporary / "tokens.json").write_text(json.dumps(self.tokens, ensure_ascii=False), "utf-8")
            if not folder.exists():
                temporary.rename(folder)
        except OSError:
            if not folder.exists():  # else another process was faster
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path) -> WordVectors:
        """Undo :meth:`save`."""
        from safetensors.numpy import load_file

        arrays = load_file(folder / "vectors.safetensors")
        tokens = json.loads((folder / "tokens.json").read_text("utf-8"))
        if not len(tokens) == len(arrays["matrix"]) == len(arrays["frequencies"]):
            raise ValueError("tokens and vectors differ in number")
        return cls(tokens, arrays["matrix"], arrays["frequencies"])


def train_vectors(
    sentences: Iterable[list[str]], options: VectorsSection, *, seed: int, min_count: int, epochs: int, say: Say
) -> WordVectors:
    """Train Word2Vec (Mikolov et al. 2013) with one worker, so that the seed gives the same vectors again.

    Parameters
    ----------
    sentences : tokens of each text; iterated over several times.

    Raises
    ------
    DataError : no token is frequent enough to get a vector.
    """
    from gensim.models import Word2Vec
    from gensim.models.callbacks import CallbackAny2Vec

    class Progress(CallbackAny2Vec):  # type: ignore[misc]  # gensim has no types
        done = 0

        def on_epoch_end(self, model: Any) -> None:
            self.done += 1
            say(f"word vectors: epoch {self.done} of {epochs}")

    model = Word2Vec(
        vector_size=options.size, window=options.window, sg=int(options.architecture == "skip_gram"),
        min_count=min_count, epochs=epochs, seed=seed, workers=1,
    )  # fmt: skip
    model.build_vocab(sentences)
    if not len(model.wv):
        raise DataError(
            f"no token occurs {min_count} times, so there is nothing to train word vectors on; name more texts with "
            "vectors.unlabeled, or lower vectors.min_count"
        )
    model.train(sentences, total_examples=model.corpus_count, epochs=epochs, callbacks=[Progress()])
    counts = np.array([model.wv.get_vecattr(token, "count") for token in model.wv.index_to_key], dtype=np.float64)
    matrix = np.ascontiguousarray(model.wv.vectors, dtype=np.float32)
    return WordVectors(list(model.wv.index_to_key), matrix, counts / counts.sum())


def vectors_of_rows(tokens: Sequence[list[str]], options: VectorsSection, seed: int) -> WordVectors:
    """Vectors of the training rows themselves."""
    min_count = 2 if options.min_count == "auto" else options.min_count
    epochs = 20 if options.epochs == "auto" else options.epochs
    return train_vectors(
        tokens, options, seed=seed + options.seed, min_count=min_count, epochs=epochs, say=lambda message: None
    )


def random_vectors(tokens: Sequence[list[str]], options: VectorsSection, seed: int) -> WordVectors:
    """Vectors to begin learning with, uniform in ±0.05, of the tokens that the training rows hold ``min_count`` times.

    Raises
    ------
    DataError : there is no such token.
    """
    min_count = 2 if options.min_count == "auto" else options.min_count
    counts = Counter(token for comment in tokens for token in comment)
    kept = sorted((token for token, count in counts.items() if count >= min_count), key=lambda t: (-counts[t], t))
    if not kept:
        raise DataError(f"no token occurs {min_count} times in the training rows; lower vectors.min_count")
    shares = np.array([counts[token] for token in kept], dtype=np.float64)
    matrix = np.random.default_rng(seed).uniform(-0.05, 0.05, (len(kept), options.size))
    return WordVectors(kept, matrix.astype(np.float32), shares / shares.sum())


def vectors_of_unlabeled(
    options: VectorsSection, normalizer: Normalizer, tokenizer: Tokenizer, say: Say
) -> WordVectors:
    """Vectors of the unlabelled texts, from the cache where the same texts were trained on in the same way.

    The cache is :func:`toxiclf.cache.cache_folder`.
    """
    min_count = 5 if options.min_count == "auto" else options.min_count
    epochs = 5 if options.epochs == "auto" else options.epochs
    digest = hashlib.sha256()
    count = 0
    for source in options.unlabeled:
        for text in read_texts(source):
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
            count += 1
    if not count:
        raise DataError(f"vectors.unlabeled names no text: {', '.join(options.unlabeled)}")
    key = {
        "format": 1, "texts": digest.hexdigest(), "tokenizer": [tokenizer.name, tokenizer.version],
        "normalizer": [normalize.VERSION, normalizer.repeat_cap, normalizer.max_chars], "min_count": min_count, "epochs": epochs,
        **options.model_dump(include={"kind", "architecture", "size", "window", "seed"}), "gensim": _gensim_version(),
    }  # fmt: skip
    folder = cache_folder() / "vectors" / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    if folder.exists():
        try:
            vectors = WordVectors.load(folder)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            say(f"word vectors: what the cache holds is damaged ({error}); training them again")
            shutil.rmtree(folder, ignore_errors=True)
        else:
            say(f"word vectors of {count:,} unlabelled texts: from the cache")
            return vectors
    say(
        f"word vectors: training {options.kind} on {count:,} unlabelled texts; one worker, so that the seed reproduces them; "
        f"kept for later runs in {folder.parent}"
    )
    with tempfile.TemporaryDirectory(prefix="toxiclf-") as scratch:
        path = Path(scratch) / "sentences.txt"
        _write_sentences(path, options.unlabeled, normalizer, tokenizer)
        from gensim.models.word2vec import LineSentence

        vectors = train_vectors(
            LineSentence(str(path)), options, seed=options.seed, min_count=min_count, epochs=epochs, say=say
        )
    try:
        vectors.save(folder)
    except OSError as error:
        say(
            f"word vectors: not kept, as {folder.parent} cannot be written ({error.strerror}); set TOXICLF_CACHE to another folder"
        )
    return vectors


def _write_sentences(path: Path, sources: Sequence[str], normalizer: Normalizer, tokenizer: Tokenizer) -> None:
    """Tokens of each text, one line a text, on disk: memory does not grow with the texts."""
    with path.open("w", encoding="utf-8") as file:
        for source in sources:
            chunk: list[str] = []
            for text in read_texts(source):
                chunk.append(normalizer(text))
                if len(chunk) == _CHUNK:
                    file.writelines(" ".join(tokens) + "\n" for tokens in tokenizer.tokenize(chunk))
                    chunk.clear()
            file.writelines(" ".join(tokens) + "\n" for tokens in tokenizer.tokenize(chunk))


def _gensim_version() -> Any:
    import gensim

    return gensim.__version__
