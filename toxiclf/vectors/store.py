"""Word vectors on disk: a folder of safetensors and JSON that is verified before it is parsed; word2vec files of others."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from toxiclf.bundle.manifest import FileEntry
from toxiclf.bundle.store import entries
from toxiclf.errors import DataError
from toxiclf.vectors.word_vectors import WordVectors, with_pieces

CARD, TOKENS, ARRAYS = "vectors.json", "tokens.json", "vectors.safetensors"
_LARGEST_CARD = 2**20
_FACEBOOK_MAGIC = (793712314).to_bytes(4, "little")
_HEADER = re.compile(rb"(\d+) (\d+)\s*\n")
_LONGEST_LINE = 2**20


class TextFacts(BaseModel):
    """How the texts became tokens; a model that takes the vectors must make tokens in the same way."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    tokenizer: str
    tokenizer_version: str
    part_of_speech: tuple[str, ...] = ()
    typo_correction: bool = False
    normalizer_version: int
    repeat_cap: int
    max_chars: int


class VectorCard(BaseModel):
    """The schema of ``vectors.json``: what the vectors are, and all that is needed to make them again.

    Attributes
    ----------
    options : of the training, as the recipe's ``[vectors]`` has them.
    sources, texts, texts_sha256 : what they were trained on.
    quantized : whether each number is kept in 8 bits.
    seen : number of tokens that were seen; the rest are pieces.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    format_version: Literal[1] = 1
    kind: Literal["word2vec", "fasttext"]
    text: TextFacts
    options: dict[str, Any]
    seed: int
    workers: int
    sources: tuple[str, ...]
    texts: int
    texts_sha256: str
    quantized: bool = False
    tokens: int = 0
    seen: int = 0
    size: int = 0
    versions: dict[str, str]
    files: dict[str, FileEntry] = {}


def save(folder: Path, vectors: WordVectors, card: VectorCard) -> None:
    """Write vectors so that ``folder`` holds either all of the old ones or all of the new.

    Parameters
    ----------
    card : its ``quantized`` says how they are written; counts and files are filled in here.

    Raises
    ------
    DataError : ``folder`` exists and holds something else.
    """
    from safetensors.numpy import save as packed

    folder = folder.resolve()
    check_replaceable(folder)
    arrays = _quantized(vectors.matrix) if card.quantized else {"matrix": vectors.matrix}
    files = {
        ARRAYS: packed({**arrays, "frequencies": vectors.frequencies}),
        TOKENS: (json.dumps(vectors.tokens, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass"),
    }
    counts = {"tokens": len(vectors.tokens), "seen": int((vectors.frequencies > 0).sum()), "size": vectors.size}
    card = card.model_copy(update={**counts, "files": entries(files)})
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    old = temporary.with_name(f"{temporary.name}.old")
    try:
        temporary.chmod(0o755)
        for name, content in {
            **files,
            CARD: (json.dumps(card.model_dump(), ensure_ascii=False, indent=1) + "\n").encode(),
            "README.md": _readme(card).encode(),
        }.items():
            with (temporary / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
    except OSError:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def check_replaceable(folder: Path) -> None:
    """Raise a DataError if something that is no vectors is in the way of :func:`save`."""
    if folder.exists() and not (folder.is_dir() and ((folder / CARD).is_file() or not any(folder.iterdir()))):
        raise DataError(f"{folder} exists and holds no word vectors; choose another folder, or empty it")


def load(folder: Path) -> tuple[WordVectors, VectorCard]:
    """Read what :func:`save` wrote.

    Raises
    ------
    DataError : something is missing, or other than what ``vectors.json`` says.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as unpacked

    try:
        card = VectorCard.model_validate_json(_read(folder, CARD, _LARGEST_CARD))
        contents = {name: _verified(folder, name, card.files) for name in (ARRAYS, TOKENS)}
        arrays = unpacked(contents[ARRAYS])
        tokens = json.loads(contents[TOKENS].decode("utf-8", "surrogatepass"))
        matrix = arrays["matrix"]
        if card.quantized:
            matrix = matrix.astype(np.float32) * arrays["scales"].astype(np.float32)[:, None]
        frequencies = arrays["frequencies"].astype(np.float64)
        _check(tokens, matrix, frequencies)
    except (ValidationError, SafetensorError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        reason = "it does not fit its schema" if isinstance(error, ValidationError) else error
        raise DataError(
            f"the word vectors in {folder} cannot be read ({reason}); make them again, or copy them again"
        ) from error
    return WordVectors(tokens, np.ascontiguousarray(matrix, dtype=np.float32), frequencies), card


def load_foreign(path: Path) -> WordVectors:
    """Read the text or binary format of word2vec (``.bin``), also packed with gzip.

    Such files hold no counts: frequencies are taken to fall with rank (Zipf), as tokens stand in order of frequency.
    Pieces that the file lacks get the mean of the tokens that hold them.

    Raises
    ------
    DataError : the file is not of these formats.
    """
    from gensim.models import KeyedVectors

    try:
        found = KeyedVectors.load_word2vec_format(str(path), binary=_is_binary(path), unicode_errors="replace")
    except (OSError, ValueError, EOFError, IndexError, UnicodeError, MemoryError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} is not in word2vec's text or binary format ({str(error) or type(error).__name__}); give such a file, or a "
            "folder that toxiclf pretrain wrote"
        ) from error
    tokens, matrix = list(found.index_to_key), np.ascontiguousarray(found.vectors, dtype=np.float32)
    counts = 1.0 / np.arange(1, len(tokens) + 1)
    try:
        _check(tokens, matrix, counts)
    except ValueError as error:
        raise DataError(f"{path}: {error}; make the file again, or copy it again") from error
    return with_pieces(tokens, matrix, counts)


def _is_binary(path: Path) -> bool:
    """Whether the file is binary; what its first line promises must fit its size."""
    if not path.is_file():
        raise DataError(f"the word vectors {path} do not exist; give a file, or a folder that toxiclf pretrain wrote")
    packed = path.suffix == ".gz"
    binary = (path.with_suffix("") if packed else path).suffix == ".bin"
    with gzip.open(path) if packed else path.open("rb") as file:
        first = file.readline(_LONGEST_LINE)
    if first.startswith(_FACEBOOK_MAGIC):
        raise DataError(f"{path} is a model of fastText itself; give its .vec file, which holds the vectors alone")
    header = _HEADER.fullmatch(first)
    if header is None:
        raise ValueError("its first line does not give the number of tokens and of dimensions, such as: 2000 100")
    tokens, size = int(header[1]), int(header[2])
    if not (tokens and size):
        raise ValueError("it holds no vector")
    least = tokens * (size * (4 if binary else 2) + 2)
    if least > path.stat().st_size * (1100 if packed else 1):  # gzip packs to a thousandth at best
        raise ValueError(f"its first line promises {tokens:,} vectors of {size:,} numbers, more than it can hold")
    return binary


def _check(tokens: Any, matrix: NDArray[Any], frequencies: NDArray[np.float64]) -> None:
    if not (isinstance(tokens, list) and all(isinstance(token, str) for token in tokens)):
        raise ValueError("its tokens are not a list of strings")
    if matrix.ndim != 2 or not matrix.size or frequencies.ndim != 1:
        raise ValueError("its arrays do not have the right shape")
    if not len(tokens) == len(matrix) == len(frequencies):
        raise ValueError("tokens and vectors differ in number")
    if len(set(tokens)) != len(tokens):
        raise ValueError("a token stands in it twice")
    if not (np.isfinite(matrix).all() and np.isfinite(frequencies).all()):
        raise ValueError("some of its numbers are not finite")


def _quantized(matrix: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """8 bits a number and one scale a vector: an error of at most 1/254 of the vector's largest number."""
    scales = np.abs(matrix).max(axis=1) / np.float32(127)
    scales = np.where(scales > 0, scales, np.float32(1)).astype(np.float32)
    return {"matrix": np.rint(matrix / scales[:, None]).astype(np.int8), "scales": scales}


def _verified(folder: Path, name: str, files: Mapping[str, FileEntry]) -> bytes:
    if name not in files:
        raise ValueError(f"{CARD} does not name {name}")
    content = _read(folder, name, files[name].size)
    if len(content) != files[name].size or hashlib.sha256(content).hexdigest() != files[name].sha256:
        raise ValueError(f"{name} is not the file that {CARD} describes")
    return content


def _read(folder: Path, name: str, largest: int) -> bytes:
    path = folder / name
    try:
        with path.open("rb") as file:
            return file.read(min(largest, path.stat().st_size) + 1)
    except FileNotFoundError:
        raise DataError(f"{path} is missing; give a folder that toxiclf pretrain wrote") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error


def _readme(card: VectorCard) -> str:
    text = card.text
    options = ", ".join(f"{name} = {value}" for name, value in card.options.items())
    filters = f", parts of speech {', '.join(text.part_of_speech)}" if text.part_of_speech else ""
    again = (
        "one worker, so the same command makes the same vectors again"
        if card.workers == 1
        else f"{card.workers} workers, so a second run makes slightly other vectors"
    )
    return f"""# Word vectors

{card.tokens:,} vectors of {card.size} numbers, {card.kind}: {card.seen:,} tokens that were seen at least
{card.options.get("min_count")} times, then the Hangul syllables and jamo that were not, of which any other Korean word is made.
{"Kept in 8 bits a number." if card.quantized else "Kept in 32 bits a number."}

- Trained on {card.texts:,} texts of {", ".join(card.sources)} (SHA-256 of the texts: {card.texts_sha256}).
- Tokenizer: {text.tokenizer} ({text.tokenizer_version}){filters}; normalizer {text.normalizer_version}.
- Options: {options}; seed {card.seed}; {again}.
- Use: `toxiclf train comments.csv --model cnn --set vectors.pretrained=FOLDER`, with the same tokenizer.

Whoever gives them away should add the licence of the texts.
"""
