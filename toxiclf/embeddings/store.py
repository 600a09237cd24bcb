"""Word vectors on disk: folders of safetensors and JSON, which are verified, and files in word2vec's formats."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from toxiclf.bundle import folder as folders
from toxiclf.bundle.manifest import FileEntry
from toxiclf.bundle.store import entries
from toxiclf.embeddings.word_vectors import PIECES, WordVectors, with_pieces
from toxiclf.errors import DataError
from toxiclf.rows import Rejected, write_rejected

CARD, TOKENS, ARRAYS = "vectors.json", "tokens.json", "vectors.safetensors"
_OURS = (CARD, TOKENS, ARRAYS, "README.md", "rejected.csv")
_LARGEST_CARD = 2**20
_LARGEST_MATRIX = 2**30  # bytes as float32; an ONNX graph can have at most twice as many
_FACEBOOK_MAGIC = (793712314).to_bytes(4, "little")
_HEADER = re.compile(rb"(\d+) (\d+)\s*\n")
_LONGEST_WORD, _LONGEST_NUMBER = 2**16, 64


_File = IO[bytes] | gzip.GzipFile


class TextFacts(BaseModel):
    """Settings that turned texts into tokens; a model that uses the word vectors must make tokens in the same way."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    tokenizer: str
    tokenizer_version: str
    part_of_speech: tuple[str, ...] = ()
    typo_correction: bool = False
    normalizer_version: int
    repeat_cap: int
    max_chars: int
    html_entities: bool = False
    mask_personal: bool = False


class VectorCard(BaseModel):
    """Schema of ``vectors.json``, the card of word vectors: what they are, and how to train them again.

    Attributes
    ----------
    options : options of the training, as in the recipe's ``[vectors]``.
    sources, texts, texts_sha256 : sources, number and hash of the texts that the vectors were trained on.
    quantized : whether the vectors are stored with 8 bits per number.
    tokens, seen : number of all vectors; number of vectors of tokens that occurred in the texts. All other vectors are
        of Hangul syllables and jamo.
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


def save(folder: Path, vectors: WordVectors, card: VectorCard, rejected: Sequence[tuple[str, Rejected]] = ()) -> None:
    """Write word vectors atomically: if the process is killed, all old files or all new files can still be read.

    Parameters
    ----------
    folder : made with its parents if missing. Word vectors in it are replaced; its other files stay.
    card : its ``quantized`` decides the bits per number; ``tokens``, ``seen``, ``size`` and ``files`` are filled in.
    rejected : rejected rows of the texts, each with its file; they are written to ``rejected.csv``.

    Raises
    ------
    DataError : ``folder`` exists but is neither empty nor a folder of word vectors, or there are too many vectors.
    """
    from safetensors.numpy import save as packed

    _check_size(len(vectors.tokens), vectors.size)
    arrays = _quantized(vectors.matrix) if card.quantized else {"matrix": vectors.matrix}
    files = {
        ARRAYS: packed({**arrays, "frequencies": vectors.frequencies}),
        TOKENS: (json.dumps(vectors.tokens, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass"),
    }
    counts = {"tokens": len(vectors.tokens), "seen": int((vectors.frequencies > 0).sum()), "size": vectors.size}
    card = card.model_copy(update={**counts, "files": entries(files)})
    described = {
        CARD: (json.dumps(card.model_dump(), ensure_ascii=False, indent=1) + "\n").encode(),
        "README.md": _readme(card).encode(),
    }

    def fill(new: Path) -> None:
        folders.contents({**files, **described})(new)
        if rejected:
            write_rejected(new / "rejected.csv", rejected)

    folders.replace(folder, fill, lambda new: _OURS, check_replaceable)


def check_replaceable(folder: Path) -> None:
    """Raise a DataError if ``folder`` exists but is neither empty nor a folder of word vectors."""
    if folder.exists() and not _is_replaceable(folder):
        raise DataError(f"{folder} exists, but holds no word vectors; choose another folder, or empty it")


def _is_replaceable(folder: Path) -> bool:
    """Return whether ``folder`` is empty or has a valid card; the vectors themselves may be damaged."""
    if not folder.is_dir():
        return False
    folder = folders.newest(folder)
    if not (folder / CARD).is_file():
        return folders.is_empty(folder)
    try:
        VectorCard.model_validate_json(_read(folder, CARD, _LARGEST_CARD))
    except (DataError, ValidationError):
        return False
    return True


def place(folder: Path) -> Path:
    """Return ``folder``, or the folder beside it in which a killed :func:`save` left the old word vectors."""
    return folders.place([folder], CARD)


def load(folder: Path) -> tuple[WordVectors, VectorCard]:
    """Read the word vectors and the card that :func:`save` wrote.

    Raises
    ------
    DataError : a file is missing, or differs from what ``vectors.json`` says.
    """
    return folders.read([folder], CARD, _load, DataError)


def _load(folder: Path) -> tuple[WordVectors, VectorCard]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as unpacked

    try:
        card = VectorCard.model_validate_json(_read(folder, CARD, _LARGEST_CARD))
        contents = {name: _verified(folder, name, card.files) for name in (ARRAYS, TOKENS)}
        tokens = json.loads(contents[TOKENS].decode("utf-8", "surrogatepass"))
        arrays = unpacked(contents[ARRAYS])
        matrix, frequencies = _unpacked(arrays, card)
        _check(tokens, matrix, frequencies)
        counts = len(tokens), int((frequencies > 0).sum()), matrix.shape[1]
        if counts != (card.tokens, card.seen, card.size):
            raise ValueError(f"{CARD} gives other numbers of tokens or dimensions than the other files have")
    except (ValidationError, SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        reason = "it does not fit its schema" if isinstance(error, ValidationError) else error
        raise DataError(
            f"the word vectors in {folder} cannot be read ({reason}); make them again, or copy them again"
        ) from error
    packed = (arrays["matrix"], arrays["scales"]) if card.quantized else None
    return WordVectors(tokens, np.ascontiguousarray(matrix), frequencies, packed=packed), card


def _unpacked(arrays: Mapping[str, NDArray[Any]], card: VectorCard) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Check the arrays against the card; return the matrix as float32, and the frequencies."""
    matrix, frequencies = arrays["matrix"], arrays["frequencies"]
    kinds = {"matrix": np.int8, "scales": np.float32} if card.quantized else {"matrix": np.float32}
    if set(arrays) != {*kinds, "frequencies"} or any(arrays[name].dtype != kind for name, kind in kinds.items()):
        raise ValueError(f"the arrays do not have {'8' if card.quantized else '32'} bits per number")
    if frequencies.dtype != np.float64 or matrix.ndim != 2:
        raise ValueError("the arrays do not have the right type or shape")
    _check_size(*matrix.shape)
    if card.quantized:
        scales = arrays["scales"]
        if scales.shape != (len(matrix),):
            raise ValueError("there is not one scale per vector")
        with np.errstate(all="ignore"):  # values that are not finite are refused later
            matrix = matrix.astype(np.float32) * scales[:, None]
    return matrix, frequencies


def load_foreign(path: Path) -> WordVectors:
    """Read a file in word2vec's text format or binary format (``.bin``), also packed with gzip (``.gz``).

    Such files hold no counts. Their tokens are in order of frequency, so 1 / rank is taken as a token's frequency
    (Zipf). Hangul syllables and jamo that the file lacks get the mean vector of the tokens that hold them. If a token
    occurs twice, its first vector counts.

    Raises
    ------
    DataError : the file is missing or not in one of these formats, or it holds too many vectors.
    """
    try:
        packed = path.suffix == ".gz"
        binary = (path.with_suffix("") if packed else path).suffix == ".bin"
        if not path.is_file():
            raise DataError(
                f"the word vectors {path} do not exist; give a file, or a folder that toxiclf pretrain wrote"
            )
        with gzip.open(path) if packed else path.open("rb") as file:
            count, size = _promised(path, file.readline(_LONGEST_WORD), binary, packed)
            tokens, matrix = _rows(file, count, size, binary)
        counts = 1.0 / np.arange(1, len(tokens) + 1)
        _check(tokens, matrix, counts)
    except DataError:
        raise
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is not in word2vec's text or binary format ({str(error) or type(error).__name__}); give such a file, or a "
            "folder that toxiclf pretrain wrote"
        ) from error
    return with_pieces(tokens, matrix, counts)


def _promised(path: Path, first: bytes, binary: bool, packed: bool) -> tuple[int, int]:
    """Return the numbers of vectors and dimensions that the first line gives.

    Raises
    ------
    DataError, ValueError : the line does not give them, the file is too small for them, or they are too many.
    """
    if first.startswith(_FACEBOOK_MAGIC):
        raise DataError(f"{path} is a whole fastText model; give its .vec file, which holds only the vectors")
    header = _HEADER.fullmatch(first)
    if header is None:
        raise ValueError("the first line does not give the number of tokens and of dimensions, such as: 2000 100")
    count, size = int(header[1]), int(header[2])
    if not (count and size):
        raise ValueError("the file holds no vector")
    least = count * (size * (4 if binary else 2) + 2)
    if least > path.stat().st_size * (1100 if packed else 1):  # gzip packs to a thousandth at best
        raise ValueError(f"the first line promises {count:,} vectors of {size:,} numbers, more than the file can hold")
    _check_size(count + len(PIECES), size)
    return count, size


def _rows(file: _File, count: int, size: int, binary: bool) -> tuple[list[str], NDArray[np.float32]]:
    """Return the distinct tokens of the file and their vectors; if a token occurs twice, its first vector counts.

    Lines longer than a valid row are not read to their end.
    """
    matrix = np.empty((count, size), dtype=np.float32)
    places: dict[str, int] = {}
    for row in range(1, count + 1):
        word, numbers = _binary_row(file, size) if binary else _text_row(file, size)
        if not word or len(numbers) != size:
            raise ValueError(f"vector {row:,} of {count:,} is not valid; expected a token, then {size:,} numbers")
        token = word.decode("utf-8", "replace")
        if token not in places:
            matrix[len(places)] = numbers
            places[token] = len(places)
    while rest := file.read(_LONGEST_WORD):
        if rest.strip():
            raise ValueError(f"the file holds more than the {count:,} vectors that its first line promises")
    return list(places), matrix[: len(places)]


def _text_row(file: _File, size: int) -> tuple[bytes, NDArray[np.float32]]:
    word, *numbers = file.readline(_LONGEST_WORD + size * _LONGEST_NUMBER).rstrip().split(b" ")
    with np.errstate(over="ignore"):  # values that are not finite are refused later
        return word, np.array([float(number) for number in numbers]).astype(np.float32)


def _binary_row(file: _File, size: int) -> tuple[bytes, NDArray[np.float32]]:
    word = bytearray()
    while (letter := file.read(1)) not in (b" ", b"") and len(word) < _LONGEST_WORD:
        word += letter
    return bytes(word).lstrip(b"\n"), np.frombuffer(file.read(4 * size), dtype="<f4")


def _check_size(count: int, size: int) -> None:
    if count * size * 4 > _LARGEST_MATRIX:
        raise DataError(
            f"{count:,} word vectors of {size:,} dimensions take more than {_LARGEST_MATRIX >> 20:,} MB, which "
            f"is too much for a model; keep the first {max(0, _LARGEST_MATRIX // (4 * size) - len(PIECES)):,} "
            "tokens of the file (the most frequent ones), or train with a higher --min-count or a smaller --size"
        )


def _check(tokens: Any, matrix: NDArray[Any], frequencies: NDArray[np.float64]) -> None:
    if not (isinstance(tokens, list) and all(isinstance(token, str) for token in tokens)):
        raise ValueError("the tokens are not a list of strings")
    if matrix.ndim != 2 or not matrix.size or frequencies.ndim != 1:
        raise ValueError("the arrays do not have the right shape")
    if not len(tokens) == len(matrix) == len(frequencies):
        raise ValueError("tokens and vectors differ in number")
    if len(set(tokens)) != len(tokens):
        raise ValueError("a token occurs twice")
    if not (np.isfinite(matrix).all() and np.isfinite(frequencies).all()):
        raise ValueError("some numbers are not finite")
    if (frequencies < 0).any() or not frequencies.any():
        raise ValueError("the frequencies are not shares: some are negative, or all are 0")


def _quantized(matrix: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """Return int8 vectors ("matrix") and one scale per vector ("scales").

    The error is at most 1/254 of a vector's largest absolute value.
    """
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
        "one worker, so the same command gives the same vectors"
        if card.workers == 1
        else f"{card.workers} workers, so a second run gives slightly different vectors"
    )
    return f"""# Word vectors

{card.tokens:,} vectors of {card.size} dimensions, {card.kind}: {card.seen:,} tokens that occur at least
{card.options.get("min_count")} times, and all other Hangul syllables and jamo, which make up any other Korean word.
{"Stored with 8 bits per number." if card.quantized else "Stored with 32 bits per number."}

- Trained on {card.texts:,} texts of {", ".join(card.sources)} (SHA-256 of the texts: {card.texts_sha256}).
- Tokenizer: {text.tokenizer} ({text.tokenizer_version}){filters}; normalizer {text.normalizer_version}.
- Options: {options}; seed {card.seed}; {again}.
- Use: `toxiclf train comments.csv --model cnn --set vectors.pretrained=FOLDER`, with the same tokenizer.

If you share them, add the license of the texts.
"""
