"""Tokenizers with the Java engines of the package konlpy: Okt, Komoran, Hannanum and Kkma."""

from __future__ import annotations

import re
import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from toxiclf._registry import register
from toxiclf.errors import UsageError
from toxiclf.text.tokenizers import _jvm
from toxiclf.text.tokenizers._aligned import located
from toxiclf.text.tokenizers._analyser import Analyser
from toxiclf.text.tokenizers._bounded import Bounds
from toxiclf.text.tokenizers._contract import Located, Tagged, in_threads

_KOMORAN = """
    NNG NNP NNB NP NR NA NF NV VV VA VX VCP VCN MM MAG MAJ IC JKS JKC JKG JKO JKB JKV JKQ JX JC EP EF EC ETN ETM
    XPN XSN XSV XSA XR SF SP SS SE SO SW SL SH SN
"""
_KKMA = """
    NNG NNP NNB NNM NR NP VV VA VXV VXA VX VCP VCN MDT MDN MD MAG MAC MA IC JKS JKC JKG JKO JKM JKI JKQ JK JX JC
    EPH EPT EPP EP EFN EFQ EFO EFA EFI EFR EF ECE ECS ECD EC ETN ETD ET XPN XPV XP XSN XSV XSA XSM XSO XS XR
    SF SE SS SP SO SW OL OH ON UN UE EMO NN VC
"""
_Group = tuple[str, list[Tagged]]  # a word and its tokens


class KonlpyTokenizer(Analyser):
    """Base class of the tokenizers with konlpy's four engines.

    All engines run in one Java virtual machine, are loaded at first use, and serve parallel Python threads. The tokens
    are those of konlpy's ``morphs``, except where a text exceeds the engine's :attr:`bounds`.
    """

    threads_help = True
    java_class: ClassVar[str]
    engines: ClassVar[int] = 64  # maximum number of engines in a process
    megabytes: ClassVar[int]  # Java memory that the dictionaries need
    megabytes_more: ClassVar[int] = 0  # Java memory that each further engine needs

    def __init__(self, part_of_speech: Sequence[str] = (), typo_correction: bool = False) -> None:
        super().__init__(part_of_speech, typo_correction)
        self.version = f"konlpy {_jvm.check(self.name).__version__}"

    def tokenize(self, texts: Sequence[str], workers: int = 1) -> list[list[str]]:
        """Return the tokens of each text."""
        if workers < 2:
            return self._tokens(texts)
        self._ready()
        parts = in_threads(self._tokens, texts, workers)
        return [tokens for part in parts for tokens in part]

    def _ready(self) -> None:
        _jvm.use_thread()
        pool = _POOLS.setdefault(self.java_class, _Pool(self.engines))
        if not pool.loaded:
            with pool.lock:  # the first call loads the dictionaries
                self._load(pool)

    def _load(self, pool: _Pool) -> None:
        if pool.loaded:
            return
        if pool.failure is not None:
            raise UsageError(pool.failure)
        made = _jvm.class_named(self.name, self.java_class)
        most = _jvm.most_memory()

        def make() -> Any:
            _jvm.check_room(self.name, self.megabytes_more if pool.loaded else self.megabytes)
            try:
                engine = self._make(made)
                self._warm(engine)
            except Exception as error:
                _jvm.give_up()
                pool.failure = (  # kept, because a second try would find half a dictionary
                    f"tokenizer '{self.name}' cannot load its dictionary ({type(error).__name__}); "
                    f"{_jvm.more_memory(most)}, or reinstall konlpy, and start again"
                )
                raise UsageError(pool.failure) from error
            return engine

        pool.idle.append(make())
        pool.make, pool.loaded = make, True

    def _check_blame(self, error: Exception) -> None:
        if _jvm.lacks_memory(error):
            _jvm.give_up()
            raise UsageError(
                f"tokenizer '{self.name}' has run out of memory; {_jvm.more_memory(_jvm.most_memory())}, and "
                "start again"
            ) from error

    @contextmanager
    def _engine(self) -> Iterator[Any]:
        """Lend an engine; no other thread uses it within the ``with`` block."""
        pool = _POOLS[self.java_class]
        with pool.turns:
            engine = pool.idle.pop() if pool.idle else pool.make()
            try:
                yield engine
            finally:
                pool.idle.append(engine)

    def _make(self, made: Any) -> Any:
        return made()

    @abstractmethod
    def _warm(self, engine: Any) -> None:
        """Let an engine that was just loaded read one word, so that a failure shows at once."""


class _Pool:
    """The idle engines of one kind; all tokenizers of the process share them."""

    def __init__(self, most: int) -> None:
        self.loaded = False
        self.failure: str | None = None
        self.make: Any = None
        self.idle: deque[Any] = deque()
        self.turns = threading.BoundedSemaphore(most)
        self.lock = threading.Lock()


_POOLS: dict[str, _Pool] = {}


@register("tokenizer", summary="Words and particles by Open Korean Text (Java)", extra="konlpy", order=30)
class OktTokenizer(KonlpyTokenizer):
    """Splits texts into words and particles by Open Korean Text, without its normalization and stemming.

    Its time grows with the square of a word's length, so words are read in pieces of 40 characters.
    """

    name = "okt"
    tags = (
        "Adjective", "Adverb", "Alpha", "CashTag", "Conjunction", "Determiner", "Email", "Eomi", "Exclamation", "Foreign",
        "Hashtag", "Josa", "KoreanParticle", "Modifier", "Noun", "Number", "Others", "PreEomi", "ProperNoun", "Punctuation",
        "ScreenName", "Suffix", "URL", "Unknown", "Verb", "VerbPrefix",
    )  # fmt: skip
    bounds = Bounds(word=40)
    java_class = "kr.lucypark.okt.OktInterface"
    megabytes = 90

    def _warm(self, engine: Any) -> None:
        engine.tokenize("가다", *self._no())

    def _analysed(self, text: str) -> list[Tagged]:
        import jpype

        with self._engine() as engine:
            tokens = engine.tokenize(text, *self._no())
        lines = str(
            jpype.JClass("java.lang.String").join("\n", tokens)
        )  # one string for all tokens: calls to Java are slow
        return [(token, tag) for token, _, tag in (line.rpartition("/") for line in lines.split("\n") if line)]

    def _located(self, text: str) -> list[Located]:
        return located(text, [(text, self._analysed(text))])

    def _no(self) -> tuple[Any, Any]:
        import jpype

        no = jpype.JClass("java.lang.Boolean").FALSE
        return no, no


@register("tokenizer", summary="Morphemes by Komoran (Java)", extra="konlpy", order=40)
class KomoranTokenizer(KonlpyTokenizer):
    """Splits texts into morphemes by Komoran; a name of several words becomes one token per word."""

    name = "komoran"
    tags = tuple(_KOMORAN.split())
    bounds = Bounds(astral=False)  # it separates the two surrogates of a character
    java_class = "kr.co.shineware.nlp.komoran.core.Komoran"
    megabytes = 220

    def _make(self, made: Any) -> Any:
        import konlpy

        return made(str(Path(konlpy.__file__).parent / "java" / "data" / "models"))

    def _warm(self, engine: Any) -> None:
        engine.analyze("가다")

    def _result(self, text: str) -> Any:
        return _POOLS[self.java_class].idle[0].analyze(text)  # threads may share the engine

    def _analysed(self, text: str) -> list[Tagged]:
        result = self._result(text)
        plain = str(result.getPlainText())  # one string for all tokens: calls to Java are slow
        if "/NA" in plain:  # this string spells unknown words jamo by jamo
            return [(str(token.getMorph()), str(token.getPos())) for token in result.getTokenList()]
        tagged: list[Tagged] = []
        tag = ""
        for part in reversed(plain.split(" ")):
            token, slash, own = part.rpartition("/")
            if slash:
                tag = own
                tagged.append((token, tag))
            elif part:  # one word of a name; only the name's last word has the tag
                tagged.append((part, tag))
        return tagged[::-1]

    def _located(self, text: str) -> list[Located]:
        return [
            (str(token.getMorph()), str(token.getPos()), int(token.getBeginIndex()), int(token.getEndIndex()))
            for token in self._result(text).getTokenList()
        ]


@register("tokenizer", summary="Morphemes by Hannanum, in nine parts of speech (Java)", extra="konlpy", order=50)
class HannanumTokenizer(KonlpyTokenizer):
    """Splits texts into morphemes by Hannanum, with nine parts of speech.

    Each engine is used by one thread at a time, because two threads on one engine crash the process. An engine takes
    120 MB, so there are two at most. Words of hundreds of characters overrun its tables, so words are read in pieces of
    20 characters.
    """

    name = "hannanum"
    tags = ("N", "P", "M", "I", "J", "E", "X", "S", "F")
    bounds = Bounds(run=10, word=20, text=1000, astral=False)
    java_class = "kr.lucypark.jhannanum.comm.HannanumInterface"
    engines = 2
    megabytes = megabytes_more = 140

    def _warm(self, engine: Any) -> None:
        engine.simplePos09("가다")

    def _groups(self, text: str) -> list[_Group]:
        with self._engine() as engine:
            answer = str(engine.simplePos09(text) or "")
        groups: list[_Group] = []
        for line in answer.splitlines():
            if line.startswith("\t"):
                groups[-1][1].extend(_HANNANUM.findall(line.strip()))
            elif line:
                groups.append((line, []))
        return groups

    def _analysed(self, text: str) -> list[Tagged]:
        return [pair for _, tokens in self._groups(text) for pair in tokens]

    def _located(self, text: str) -> list[Located]:
        return located(text, self._groups(text))


_HANNANUM = re.compile(r"(.+?)/([NPMIJEXSF])(?:\+|$)")


@register("tokenizer", summary="Morphemes by Kkma; slow (Java)", extra="konlpy", order=60)
class KkmaTokenizer(KonlpyTokenizer):
    """Splits texts into morphemes by Kkma; slow (tens of comments a second), and slower with each unknown letter.

    Sixteen ㄷ in a row take it a minute and a half. Therefore, it reads at most three of one character in a row, eight
    single jamo in a row, and sixteen characters as one word.
    """

    name = "kkma"
    tags = tuple(_KKMA.split())
    bounds = Bounds(run=3, letters=8, word=16, text=500, astral=False)
    java_class = "org.snu.ids.ha.ma.MorphemeAnalyzer"
    megabytes = 360

    def _warm(self, engine: Any) -> None:
        engine.analyze("가다")

    def _sentences(self, text: str) -> Any:
        with self._engine() as engine:
            return engine.divideToSentences(engine.leaveJustBest(engine.postProcess(engine.analyze(text))))

    def _analysed(self, text: str) -> list[Tagged]:
        return [_kkma(morpheme) for morpheme in self._morphemes(text)]

    def _untagged(self, text: str) -> list[Tagged]:
        return [(str(morpheme.getString()), "") for morpheme in self._morphemes(text)]

    def _morphemes(self, text: str) -> Iterator[Any]:
        for sentence in self._sentences(text).toArray():  # an array needs fewer of the slow calls to Java than a list
            for word in sentence.toArray():
                yield from word.toArray()

    def _located(self, text: str) -> list[Located]:
        words = (word for sentence in self._sentences(text) for word in sentence)
        return located(text, [(str(word.getExp()), [_kkma(morpheme) for morpheme in word]) for word in words])


def _kkma(morpheme: Any) -> Tagged:
    return str(morpheme.getString()), str(morpheme.getTag())
